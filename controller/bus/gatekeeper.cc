#include "controller/bus/gatekeeper.h"

#include <zmq.h>

#include <array>
#include <chrono>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "controller/bus/curve_keys.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr size_t kCurveKeyBytes = 32;

int64_t NowMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::filesystem::file_time_type ChangeTime(const std::string& folder) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(folder, error);
  return error ? std::filesystem::file_time_type::min() : time;
}

// All frames of the next message.
std::vector<std::string> Receive(zmq::socket_t& socket) {
  std::vector<std::string> frames;
  zmq::message_t frame;
  do {
    if (!socket.recv(frame)) break;
    frames.push_back(frame.to_string());
  } while (frame.more());
  return frames;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Gatekeeper>> Gatekeeper::Start(zmq::context_t& context,
                                                              const std::string& folder) {
  ASSIGN_OR_RETURN(auto allowed, ReadAllowedKeys(folder));
  std::unique_ptr<Gatekeeper> keeper(new Gatekeeper(folder, std::move(allowed)));
  try {
    // Bound here: when this returns, nobody is let in unasked.
    auto socket = std::make_shared<zmq::socket_t>(context, zmq::socket_type::rep);
    socket->set(zmq::sockopt::linger, 0);
    socket->bind("inproc://zeromq.zap.01");
    keeper->thread_ = std::thread(
        [self = keeper.get(), socket = std::move(socket)]() mutable { self->Run(*socket); });
  } catch (const zmq::error_t& error) {
    return absl::InternalError(std::string("ZAP handler: ") + error.what());
  }
  return keeper;
}

Gatekeeper::Gatekeeper(const std::string& folder, std::map<std::string, std::string> allowed)
    : folder_(folder), allowed_(std::move(allowed)), changed_(ChangeTime(folder)) {}

Gatekeeper::~Gatekeeper() {
  if (thread_.joinable()) thread_.join();
}

void Gatekeeper::Run(zmq::socket_t& socket) {
  // Without this thread libzmq would let everybody in: only the end of the context ends it.
  while (true) {
    try {
      Answer(socket);
    } catch (const zmq::error_t& error) {
      if (error.num() == ETERM) break;
    }
  }
  socket.close();
}

void Gatekeeper::Answer(zmq::socket_t& socket) {
  // version, request id, domain, address, identity, mechanism, credentials
  const std::vector<std::string> frames = Receive(socket);
  if (frames.size() < 2) return;
  std::string key;
  if (frames.size() == 7 && frames[0] == "1.0" && frames[5] == "CURVE" &&
      frames[6].size() == kCurveKeyBytes) {
    std::array<char, 41> text{};
    zmq_z85_encode(text.data(), reinterpret_cast<const uint8_t*>(frames[6].data()), kCurveKeyBytes);
    key = text.data();
  }
  const bool admitted = Admit(key);
  const std::array<std::string, 6> reply = {"1.0",
                                            frames[1],
                                            admitted ? "200" : "400",
                                            admitted ? "OK" : "not allowed",
                                            admitted ? key : "",
                                            ""};
  for (size_t i = 0; i < reply.size(); ++i) {
    socket.send(zmq::buffer(reply[i]),
                i + 1 < reply.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
}

bool Gatekeeper::Admit(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const int64_t now = NowMillis(); now - looked_ms_ >= 1000) {
    looked_ms_ = now;
    ReadAgain();
  }
  const bool admitted = allowed_.contains(key);
  if (!admitted) ++refused_;
  return admitted;
}

void Gatekeeper::ReadAgain() {
  const auto changed = ChangeTime(folder_);
  if (changed == changed_) return;
  absl::StatusOr<std::map<std::string, std::string>> allowed = ReadAllowedKeys(folder_);
  if (!allowed.ok()) {
    trouble_ = MessageOf(allowed.status());
    return;
  }
  trouble_.clear();
  allowed_ = *std::move(allowed);
  changed_ = changed;
}

size_t Gatekeeper::allowed() const {
  const std::lock_guard lock(mutex_);
  return allowed_.size();
}

uint64_t Gatekeeper::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

std::string Gatekeeper::NameOf(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = allowed_.find(key);
  return found == allowed_.end() ? "" : found->second;
}

std::string Gatekeeper::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace reeve
