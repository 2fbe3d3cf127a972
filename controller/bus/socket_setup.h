// What the sockets of the bus have in common: options, keys, who is connected. For files that
// include zmq.hpp anyway.
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <zmq.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/bus/bus_spec.h"
#include "controller/bus/curve_keys.h"

namespace reeve {

// Whether a spec can be: a known kind of address, and keys where others than this machine's own
// processes could connect. The message says what to change.
absl::Status CheckSocketSpec(const BusSocketSpec& spec);
// The same of an address that is connected to.
absl::Status CheckCaller(const std::string& address, bool has_key);

// Sets limits, heartbeats and, with keys, CURVE. Before binding. Throws zmq::error_t.
void SetUpListener(const BusSocketSpec& spec, const CurveKeys& keys, zmq::socket_t& socket);
// The same of a socket that connects: `server` is the public key of the other end.
void SetUpCaller(const std::string& server, const CurveKeys& keys, zmq::socket_t& socket);

// Follows which connections a listening socket has, and turns away those beyond `most`: libzmq
// takes connections without limit. For addresses of kind tcp; who may open an ipc address is up to
// the file system. Has a thread; ends when the context is shut down, which must come before the
// destructor.
class ConnectionWatch {
 public:
  // `watched` is not yet bound. Throws zmq::error_t.
  ConnectionWatch(zmq::context_t& context, zmq::socket_t& watched, int32_t most);
  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  int32_t open() const { return open_.load(std::memory_order_relaxed); }
  uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }  // handshakes
  uint64_t turned_away() const { return turned_away_.load(std::memory_order_relaxed); }

 private:
  void Run(zmq::socket_t& events);
  void Note(uint16_t event, int32_t value);

  const size_t most_;
  // The thread's.
  std::set<int32_t> descriptors_;  // of open connections
  int port_ = 0;                   // that is listened at

  std::atomic<int32_t> open_{0};
  std::atomic<uint64_t> failed_{0}, turned_away_{0};
  std::thread thread_;
};

}  // namespace reeve
