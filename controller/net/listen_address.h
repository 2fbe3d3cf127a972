// Where a program listens.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve {

// "127.0.0.1:9464", "[::1]:9464", ":9464", "host:9464".
struct ListenAddress {
  std::string host;  // without brackets
  int port = 0;
  bool loopback = false;  // only this machine can connect
};

// InvalidArgument that begins with `field`, the place where the address was given.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view field, const std::string& text);

}  // namespace reeve
