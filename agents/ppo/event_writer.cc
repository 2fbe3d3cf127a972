#include "agents/ppo/event_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <utility>

#include "agents/ppo/crc32c.h"
#include "agents/ppo/events.pb.h"
#include "core/check.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

double SecondsSince1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string HostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

template <class T>
void AppendInteger(std::string& out, T value) {
  const auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
  out.append(raw.data(), raw.size());
}

}  // namespace

absl::StatusOr<EventWriter> EventWriter::Create(const std::string& folder, int64_t first_step) {
  REEVE_CHECK(first_step >= 0);
  RETURN_IF_ERROR(MakeDirectories(folder));
  // TensorBoard reads the files of a folder in the order of their names: by time. The serial tells
  // writers of one process and second apart.
  static std::atomic<uint64_t> serial{0};
  const double now = SecondsSince1970();
  const std::string path =
      fmt::format("{}/events.out.tfevents.{:010}.{}.{}.{}", folder, static_cast<int64_t>(now),
                  HostName(), ::getpid(), serial.fetch_add(1));
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0) return FromErrno(errno, path, "cannot create");
  EventWriter writer(path, descriptor);

  tensorboard::Event version;
  version.set_wall_time(now);
  version.set_file_version("brain.Event:2");
  writer.AddRecord(version.SerializeAsString());
  tensorboard::Event start;
  start.set_wall_time(now);
  start.set_step(first_step);
  start.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  writer.AddRecord(start.SerializeAsString());
  RETURN_IF_ERROR(writer.Flush());
  return writer;
}

EventWriter::EventWriter(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}

EventWriter::EventWriter(EventWriter&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      buffer_(std::move(other.buffer_)) {}

EventWriter& EventWriter::operator=(EventWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

EventWriter::~EventWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventWriter::Add(int64_t step, std::span<const ScalarSample> samples) {
  tensorboard::Event event;
  event.set_wall_time(SecondsSince1970());
  event.set_step(step);
  for (const ScalarSample& sample : samples) {
    if (!std::isfinite(sample.value)) continue;
    tensorboard::Summary::Value* value = event.mutable_summary()->add_value();
    value->set_tag(sample.tag);
    value->set_simple_value(static_cast<float>(sample.value));
  }
  if (event.has_summary()) AddRecord(event.SerializeAsString());
}

void EventWriter::AddRecord(const std::string& event) {
  const size_t begin = buffer_.size();
  AppendInteger(buffer_, static_cast<uint64_t>(event.size()));
  AppendInteger(buffer_, MaskedCrc32c(std::string_view(buffer_).substr(begin)));
  buffer_ += event;
  AppendInteger(buffer_, MaskedCrc32c(event));
}

absl::Status EventWriter::Flush() {
  size_t written = 0;
  while (written < buffer_.size()) {
    const ssize_t n = ::write(descriptor_, buffer_.data() + written, buffer_.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int error = errno;
      buffer_.erase(0, written);  // a later call goes on where this one stopped
      return FromErrno(error, path_, "cannot write");
    }
    written += static_cast<size_t>(n);
  }
  buffer_.clear();
  return absl::OkStatus();
}

}  // namespace reeve
