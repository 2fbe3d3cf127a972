// Ports for servers of tests that must be named before they are bound.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.h"

namespace reeve {

// One that nobody on this machine has now.
inline int FreePort() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  REEVE_CHECK(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REEVE_CHECK(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

}  // namespace reeve
