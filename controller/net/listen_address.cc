#include "controller/net/listen_address.h"

#include <arpa/inet.h>

#include <charconv>

namespace reeve {
namespace {

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view field, const std::string& text) {
  const auto wrong = [&] {
    return absl::InvalidArgumentError(std::string(field) + ": '" + text +
                                      "' is not an address and a port, as in 127.0.0.1:9464 or "
                                      "[::1]:9464");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong();
  ListenAddress address;
  address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong();
  }
  if (address.host.empty()) address.host = "0.0.0.0";
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(begin, end, address.port);
  if (error != std::errc() || at != end || address.port < 0 || address.port > 65535) {
    return wrong();
  }
  address.loopback = IsLoopback(address.host);
  return address;
}

}  // namespace reeve
