// IPv4 addresses of pods, out of one range.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"

namespace reeve {

// Not thread-safe.
class AddressRange {
 public:
  // "127.64.0.0/16". InvalidArgument unless it is an IPv4 range of a length between 8 and 30.
  static absl::StatusOr<AddressRange> Parse(const std::string& text);

  // An address that nobody has, the one that has been free for longest; "" when all are taken. The
  // first and the last of the range are left out.
  std::string Take();
  // Takes exactly this one: that of a pod which had it before. False when it is outside or taken.
  bool Take(const std::string& address);
  void Free(const std::string& address);

 private:
  AddressRange(uint32_t first, uint32_t last) : first_(first), last_(last), next_(first) {}
  uint32_t first_, last_, next_;
  std::set<uint32_t> taken_;
};

}  // namespace reeve
