#include "controller/bus/socket_setup.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "core/status.h"

namespace reeve {
namespace {

// Messages that wait, for each connection and direction: clients ask and wait for the answer.
constexpr int kWaiting = 8;
constexpr int kBacklog = 64;

int Millis(SimTime time) {
  return static_cast<int>(time.micros() / 1000);
}

bool OnThisMachineOnly(std::string_view address) {
  return address.starts_with("ipc://") || address.starts_with("tcp://127.") ||
         address.starts_with("tcp://[::1]:");
}

// The port at this end of a TCP socket; 0 for anything else.
int PortOf(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  }
  return 0;
}

void SetHeartbeat(SimTime every, zmq::socket_t& socket) {
  socket.set(zmq::sockopt::heartbeat_ivl, Millis(every));
  socket.set(zmq::sockopt::heartbeat_timeout, Millis(every) * 3);
  // The other end's limit for our silence; in tenths of a second, at most 6553 s.
  socket.set(zmq::sockopt::heartbeat_ttl, std::min(Millis(every) * 3, 6'553'000));
}

}  // namespace

absl::Status CheckSocketSpec(const BusSocketSpec& spec) {
  if (!spec.bind.starts_with("tcp://") && !spec.bind.starts_with("ipc://")) {
    return absl::InvalidArgumentError(
        fmt::format("bind: '{}' is no address: tcp://IP:PORT or ipc://PATH is", spec.bind));
  }
  if (spec.key.empty() && !spec.allowed.empty()) {
    return absl::InvalidArgumentError("allowed: keys of clients need a key of our own: set key");
  }
  if (!spec.key.empty() && spec.allowed.empty()) {
    return absl::InvalidArgumentError(
        "key: say whose keys are let in: set allowed to a folder with their public keys");
  }
  if (spec.key.empty() && !OnThisMachineOnly(spec.bind)) {
    return absl::InvalidArgumentError(fmt::format(
        "bind: others could reach {} and nothing would authenticate them: set key and allowed "
        "(`reeve bus keygen` makes keys), or bind to tcp://127.0.0.1 or ipc://",
        spec.bind));
  }
  return absl::OkStatus();
}

absl::Status CheckCaller(const std::string& address, bool has_key) {
  if (!address.starts_with("tcp://") && !address.starts_with("ipc://")) {
    return absl::InvalidArgumentError(
        fmt::format("connect: '{}' is no address: tcp://HOST:PORT or ipc://PATH is", address));
  }
  if (!has_key && !OnThisMachineOnly(address) && !address.starts_with("tcp://localhost:")) {
    return absl::InvalidArgumentError(fmt::format(
        "connect: nothing would tell whether it is the right one that answers at {}: set key and "
        "server_key (`reeve bus keygen` makes keys)",
        address));
  }
  return absl::OkStatus();
}

void SetUpListener(const BusSocketSpec& spec, const CurveKeys& keys, zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::maxmsgsize, spec.message_bytes);
  socket.set(zmq::sockopt::handshake_ivl, Millis(spec.handshake));
  socket.set(zmq::sockopt::backlog, kBacklog);
  socket.set(zmq::sockopt::sndhwm, kWaiting);
  socket.set(zmq::sockopt::rcvhwm, kWaiting);
  socket.set(zmq::sockopt::ipv6, spec.bind.starts_with("tcp://["));
  SetHeartbeat(spec.heartbeat, socket);
  if (keys.secret_key.empty()) return;
  socket.set(zmq::sockopt::zap_domain, "reeve");
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, keys.secret_key);
}

void SetUpCaller(const std::string& server, const CurveKeys& keys, zmq::socket_t& socket) {
  socket.set(zmq::sockopt::linger, 0);
  SetHeartbeat(SimTime::Seconds(5), socket);
  if (server.empty()) return;
  socket.set(zmq::sockopt::curve_serverkey, server);
  socket.set(zmq::sockopt::curve_publickey, keys.public_key);
  socket.set(zmq::sockopt::curve_secretkey, keys.secret_key);
}

ConnectionWatch::ConnectionWatch(zmq::context_t& context, zmq::socket_t& watched, int32_t most)
    : most_(static_cast<size_t>(most)) {
  const std::string address =
      fmt::format("inproc://reeve-connections-{}", fmt::ptr(watched.handle()));
  constexpr int kEvents = ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |
                          ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
  if (zmq_socket_monitor(watched.handle(), address.c_str(), kEvents) != 0) throw zmq::error_t();
  auto events = std::make_shared<zmq::socket_t>(context, zmq::socket_type::pair);
  events->set(zmq::sockopt::linger, 0);
  events->connect(address);
  // A thread of its own: libzmq waits for who does not read events.
  thread_ = std::thread([this, events = std::move(events)] { Run(*events); });
}

ConnectionWatch::~ConnectionWatch() {
  if (thread_.joinable()) thread_.join();
}

void ConnectionWatch::Run(zmq::socket_t& events) {
  zmq::message_t frame;
  while (true) {
    try {
      if (!events.recv(frame) || frame.size() < 6) continue;
      uint16_t event;
      int32_t value;
      std::memcpy(&event, frame.data<char>(), sizeof(event));
      std::memcpy(&value, frame.data<char>() + sizeof(event), sizeof(value));
      // The address follows.
      if (frame.more() && !events.recv(frame)) continue;
      Note(event, value);
    } catch (const zmq::error_t& error) {
      if (error.num() == ETERM) break;
    }
  }
  events.close();
}

void ConnectionWatch::Note(uint16_t event, int32_t value) {
  if (event == ZMQ_EVENT_LISTENING) {
    port_ = PortOf(value);
  } else if (event == ZMQ_EVENT_ACCEPTED) {
    descriptors_.insert(value);
    // By now the descriptor may be another's: only if it is a connection to our port is it shut,
    // and then it is one of those that are too many.
    if (descriptors_.size() > most_ && port_ != 0 && PortOf(value) == port_) {
      ::shutdown(value, SHUT_RDWR);  // libzmq sees the end, closes it and says so
      turned_away_.fetch_add(1, std::memory_order_relaxed);
    }
  } else if (event == ZMQ_EVENT_DISCONNECTED) {
    descriptors_.erase(value);
  } else {
    failed_.fetch_add(1, std::memory_order_relaxed);
  }
  open_.store(static_cast<int32_t>(descriptors_.size()), std::memory_order_relaxed);
}

}  // namespace reeve
