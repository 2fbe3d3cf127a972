#include "controller/bus/router_server.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <new>
#include <optional>
#include <utility>
#include <zmq.hpp>

#include "controller/bus/curve_keys.h"
#include "controller/bus/gatekeeper.h"
#include "controller/bus/socket_setup.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr std::chrono::milliseconds kPoll(50);

SimTime SteadyNow() {
  return SimTime::Micros(std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::steady_clock::now().time_since_epoch())
                             .count());
}

}  // namespace

struct RouterServer::Sockets {
  zmq::context_t context;
  std::unique_ptr<Gatekeeper> gatekeeper;  // null without keys
  zmq::socket_t router;
  std::unique_ptr<ConnectionWatch> connections;

  ~Sockets() {
    router.close();
    context.shutdown();  // ends the threads of the others
  }
};

absl::StatusOr<std::unique_ptr<RouterServer>> RouterServer::Bind(const BusSocketSpec& spec) {
  RETURN_IF_ERROR(CheckSocketSpec(spec));
  CurveKeys keys;
  if (!spec.key.empty()) {
    ASSIGN_OR_RETURN(keys, ReadSecretKey(spec.key));
  }
  try {
    auto sockets = std::make_unique<Sockets>();
    if (!spec.key.empty()) {
      ASSIGN_OR_RETURN(sockets->gatekeeper, Gatekeeper::Start(sockets->context, spec.allowed));
    }
    zmq::socket_t& router = sockets->router;
    router = zmq::socket_t(sockets->context, zmq::socket_type::router);
    SetUpListener(spec, keys, router);
    // Answers that cannot be delivered are told, so that they are counted.
    router.set(zmq::sockopt::router_mandatory, true);
    sockets->connections =
        std::make_unique<ConnectionWatch>(sockets->context, router, spec.connections);
    router.bind(spec.bind);
    std::string endpoint = router.get(zmq::sockopt::last_endpoint);
    std::unique_ptr<RouterServer> server(new RouterServer(std::move(sockets)));
    server->endpoint_ = std::move(endpoint);
    return server;
  } catch (const zmq::error_t& error) {
    return absl::UnavailableError(fmt::format("cannot listen at {}: {}", spec.bind, error.what()));
  }
}

RouterServer::RouterServer(std::unique_ptr<Sockets> sockets) : sockets_(std::move(sockets)) {}

RouterServer::~RouterServer() = default;

size_t RouterServer::allowed_keys() const {
  return sockets_->gatekeeper ? sockets_->gatekeeper->allowed() : 0;
}

std::string RouterServer::NameOf(std::string_view peer) const {
  return sockets_->gatekeeper ? sockets_->gatekeeper->NameOf(std::string(peer)) : "";
}

std::string RouterServer::trouble() const {
  return sockets_->gatekeeper ? sockets_->gatekeeper->trouble() : "";
}

RouterServer::Counts RouterServer::counts() const {
  return {.answered = answered_.load(),
          .malformed = malformed_.load(),
          .undelivered = undelivered_.load(),
          .refused = sockets_->gatekeeper ? sockets_->gatekeeper->refused() : 0,
          .failed = sockets_->connections->failed(),
          .turned_away = sockets_->connections->turned_away(),
          .connections = sockets_->connections->open()};
}

absl::Status RouterServer::Run(const Handler& handler,
                               const std::function<bool(SimTime now)>& stop) {
  try {
    while (!stop(SteadyNow())) {
      std::array<zmq::pollitem_t, 1> items = {{{sockets_->router.handle(), 0, ZMQ_POLLIN, 0}}};
      try {
        zmq::poll(items, kPoll);
      } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
        continue;
      }
      if ((items[0].revents & ZMQ_POLLIN) != 0) AnswerOne(handler);
    }
  } catch (const zmq::error_t& error) {
    return absl::InternalError(fmt::format("{}: {}", endpoint_, error.what()));
  }
  return absl::OkStatus();
}

void RouterServer::AnswerOne(const Handler& handler) {
  zmq::socket_t& router = sockets_->router;
  zmq::message_t identity, frame;
  if (!router.recv(identity, zmq::recv_flags::dontwait)) return;
  std::optional<zmq::message_t> body;
  bool delimited = false, malformed = !identity.more();
  for (bool more = identity.more(); more;) {
    if (!router.recv(frame, zmq::recv_flags::none)) break;
    more = frame.more();
    if (!delimited && !body && more && frame.size() == 0) {
      delimited = true;
    } else if (!body) {
      body = std::move(frame);
      frame = zmq::message_t();
    } else {
      malformed = true;
    }
  }
  if (malformed || !body) {
    malformed_.fetch_add(1);
    return;
  }
  std::string peer;
  if (sockets_->gatekeeper) {
    try {
      peer = body->gets("User-Id");
    } catch (const zmq::error_t&) {
      malformed_.fetch_add(1);  // cannot be: every peer has shown a key
      return;
    }
  }
  try {
    Send(identity.to_string_view(), delimited, handler(peer, body->to_string_view(), SteadyNow()));
  } catch (const std::bad_alloc&) {
    undelivered_.fetch_add(1);
  }
}

void RouterServer::Send(std::string_view identity, bool delimited, std::string_view answer) {
  zmq::socket_t& router = sockets_->router;
  constexpr auto kMore = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
  try {
    if (router.send(zmq::buffer(identity), kMore)) {
      if (delimited) router.send(zmq::message_t(), kMore);
      router.send(zmq::buffer(answer), zmq::send_flags::dontwait);
      answered_.fetch_add(1);
      return;
    }
  } catch (const zmq::error_t& error) {
    if (error.num() != EHOSTUNREACH) throw;
  }
  undelivered_.fetch_add(1);
}

}  // namespace reeve
