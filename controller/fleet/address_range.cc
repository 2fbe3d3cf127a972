#include "controller/fleet/address_range.h"

#include <arpa/inet.h>

#include <charconv>
#include <optional>

#include "absl/status/status.h"

namespace reeve {
namespace {

std::optional<uint32_t> ReadAddress(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

std::string WriteAddress(uint32_t value) {
  in_addr address{};
  address.s_addr = htonl(value);
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &address, text, sizeof text);
}

}  // namespace

absl::StatusOr<AddressRange> AddressRange::Parse(const std::string& text) {
  const size_t slash = text.find('/');
  const std::optional<uint32_t> base = ReadAddress(text.substr(0, slash));
  int length = 0;
  if (slash != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + slash + 1, end, length);
    if (error != std::errc() || at != end) length = 0;
  }
  if (!base || length < 8 || length > 30) {
    return absl::InvalidArgumentError("'" + text +
                                      "' is not an IPv4 range of length 8 to 30, as in "
                                      "127.64.0.0/16");
  }
  const uint32_t size = uint32_t{1} << (32 - length);
  const uint32_t first = *base & ~(size - 1);
  return AddressRange(first + 1, first + (size - 2));
}

std::string AddressRange::Take() {
  const uint64_t count = uint64_t{last_} - first_ + 1;
  if (taken_.size() >= count) return "";
  while (taken_.count(next_) > 0) next_ = next_ == last_ ? first_ : next_ + 1;
  const uint32_t address = next_;
  next_ = next_ == last_ ? first_ : next_ + 1;
  taken_.insert(address);
  return WriteAddress(address);
}

bool AddressRange::Take(const std::string& text) {
  const std::optional<uint32_t> address = ReadAddress(text);
  return address && *address >= first_ && *address <= last_ && taken_.insert(*address).second;
}

void AddressRange::Free(const std::string& text) {
  if (const std::optional<uint32_t> address = ReadAddress(text)) taken_.erase(*address);
}

}  // namespace reeve
