#include "controller/knative/queue_stat.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/status.h"

namespace reeve {
namespace {

absl::Status Broken(const char* what) {
  return absl::InvalidArgumentError(std::string("not a queue-proxy's statistics: ") + what);
}

// https://protobuf.dev/programming-guides/encoding: little-endian groups of 7 bits.
bool TakeVarint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (bytes.empty()) return false;
    const auto byte = static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool TakeBytes(std::string_view& bytes, uint64_t count, std::string_view& value) {
  if (count > bytes.size()) return false;
  value = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return true;
}

double DoubleOf(std::string_view eight) {
  uint64_t bits = 0;
  for (size_t i = 8; i-- > 0;) bits = bits << 8 | static_cast<uint8_t>(eight[i]);
  return std::bit_cast<double>(bits);
}

void PutVarint(uint64_t value, std::string& to) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}

void PutDouble(int field, double value, std::string& to) {
  if (value == 0) return;
  PutVarint(static_cast<uint64_t>(field) << 3 | 1, to);
  auto bits = std::bit_cast<uint64_t>(value);
  for (int i = 0; i < 8; ++i, bits >>= 8) to.push_back(static_cast<char>(bits & 0xff));
}

}  // namespace

std::string WriteQueueStat(const QueueStat& stat) {
  std::string bytes;
  if (!stat.pod.empty()) {
    PutVarint(1 << 3 | 2, bytes);
    PutVarint(stat.pod.size(), bytes);
    bytes += stat.pod;
  }
  PutDouble(2, stat.average_concurrency, bytes);
  PutDouble(3, stat.average_proxied_concurrency, bytes);
  PutDouble(4, stat.request_rate, bytes);
  PutDouble(5, stat.proxied_request_rate, bytes);
  PutDouble(6, stat.process_uptime_seconds, bytes);
  if (stat.timestamp_ms != 0) {
    PutVarint(7 << 3, bytes);
    PutVarint(static_cast<uint64_t>(stat.timestamp_ms), bytes);
  }
  return bytes;
}

absl::StatusOr<QueueStat> ParseQueueStat(std::string_view bytes) {
  QueueStat stat;
  double* const numbers[] = {&stat.average_concurrency, &stat.average_proxied_concurrency,
                             &stat.request_rate, &stat.proxied_request_rate,
                             &stat.process_uptime_seconds};
  bool any = false;
  while (!bytes.empty()) {
    uint64_t tag = 0, number = 0;
    if (!TakeVarint(bytes, tag) || tag >> 3 == 0) return Broken("a tag is cut or wrong");
    const uint64_t field = tag >> 3;
    std::string_view value;
    switch (tag & 7) {
      case 0:
        if (!TakeVarint(bytes, number)) return Broken("a number is cut");
        break;
      case 1:
        if (!TakeBytes(bytes, 8, value)) return Broken("a number is cut");
        break;
      case 2:
        if (!TakeVarint(bytes, number) || !TakeBytes(bytes, number, value)) {
          return Broken("a text is cut");
        }
        break;
      case 5:
        if (!TakeBytes(bytes, 4, value)) return Broken("a number is cut");
        break;
      default:
        return Broken("a wire type that does not exist");
    }
    if (field == 1 && (tag & 7) == 2) {
      stat.pod = value;
      any = true;
    } else if (field >= 2 && field <= 6 && (tag & 7) == 1) {
      const double read = DoubleOf(value);
      if (!std::isfinite(read) || read < 0) return Broken("a number that cannot be");
      *numbers[field - 2] = read;
      any = true;
    } else if (field == 7 && (tag & 7) == 0) {
      stat.timestamp_ms = static_cast<int64_t>(number);
      any = true;
    }
  }
  if (!any) return Broken("nothing in it");
  return stat;
}

}  // namespace reeve
