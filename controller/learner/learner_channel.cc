#include "controller/learner/learner_channel.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>
#include <zmq.hpp>

#include "controller/bus/curve_keys.h"
#include "controller/bus/socket_setup.h"
#include "core/status.h"

namespace reeve {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How soon a wait notices that it is to stop.
constexpr milliseconds kPoll(20);

class ZmqLearnerChannel final : public LearnerChannel {
 public:
  ZmqLearnerChannel(const RemoteLearnerSpec& spec, std::string server, CurveKeys keys)
      : spec_(spec), server_(std::move(server)), keys_(std::move(keys)) {}

  absl::StatusOr<std::string> Ask(const std::string& request, const StopSignal& stop) override {
    if (request.size() > static_cast<size_t>(spec_.message_bytes)) {
      return absl::UnavailableError(
          fmt::format("a message of {} bytes for the learner: message_bytes allows {}; raise it, "
                      "and the learner's socket.message_bytes",
                      request.size(), spec_.message_bytes));
    }
    try {
      for (int32_t attempt = 0; attempt < spec_.tries; ++attempt) {
        if (!socket_) Connect();
        std::optional<std::string> reply = TryOnce(request, stop);
        if (reply) return *std::move(reply);
        // Whatever was on its way is gone with the connection: a reply is always to what was sent
        // last.
        socket_.reset();
        if (stop.stopped()) return absl::UnavailableError("stopped waiting for the learner");
      }
    } catch (const zmq::error_t& error) {
      socket_.reset();
      return absl::UnavailableError(fmt::format("learner at {}: {}", spec_.connect, error.what()));
    }
    return absl::UnavailableError(
        fmt::format("no answer from a learner at {} in {} times {} s: is it running{}?",
                    spec_.connect, spec_.tries, spec_.answer.seconds(),
                    server_.empty() ? "" : ", and is our key allowed there"));
  }

 private:
  void Connect() {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    SetUpCaller(server_, keys_, socket);
    socket.set(zmq::sockopt::maxmsgsize, spec_.message_bytes);
    socket.set(zmq::sockopt::ipv6, spec_.connect.starts_with("tcp://["));
    socket.set(zmq::sockopt::sndhwm, 1);
    socket.set(zmq::sockopt::rcvhwm, 1);
    socket.connect(spec_.connect);
    socket_ = std::move(socket);
  }

  std::optional<std::string> TryOnce(const std::string& request, const StopSignal& stop) {
    const auto end = Clock::now() + std::chrono::microseconds(spec_.answer.micros());
    bool sent = false;
    while (!stop.stopped()) {
      const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
      if (left.count() <= 0) break;
      std::array<zmq::pollitem_t, 1> items = {
          {{socket_->handle(), 0, static_cast<short>(sent ? ZMQ_POLLIN : ZMQ_POLLOUT), 0}}};
      try {
        zmq::poll(items, std::min(left, kPoll));
      } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
        continue;
      }
      if ((items[0].revents & ZMQ_POLLOUT) != 0) {
        sent = socket_->send(zmq::buffer(request), zmq::send_flags::dontwait).has_value();
      } else if ((items[0].revents & ZMQ_POLLIN) != 0) {
        if (std::optional<std::string> reply = Receive()) return reply;
      }
    }
    return std::nullopt;
  }

  // Nothing for what is more than one frame.
  std::optional<std::string> Receive() {
    zmq::message_t frame;
    if (!socket_->recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;
    if (!frame.more()) return frame.to_string();
    while (frame.more() && socket_->recv(frame, zmq::recv_flags::dontwait)) {
    }
    return std::nullopt;
  }

  const RemoteLearnerSpec spec_;
  const std::string server_;  // its public key; empty: none
  const CurveKeys keys_;
  zmq::context_t context_;
  std::optional<zmq::socket_t> socket_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LearnerChannel>> ConnectToLearner(const RemoteLearnerSpec& spec) {
  // Protobuf would write a line to standard error for what peers send.
  google::protobuf::SetLogHandler(nullptr);
  RETURN_IF_ERROR(CheckCaller(spec.connect, !spec.key.empty()));
  if (spec.key.empty() != spec.server_key.empty()) {
    return absl::InvalidArgumentError(
        "key and server_key: both are needed (our secret key, the learner's public one), or none");
  }
  CurveKeys keys;
  std::string server;
  if (!spec.key.empty()) {
    ASSIGN_OR_RETURN(keys, ReadSecretKey(spec.key));
    ASSIGN_OR_RETURN(server, ReadPublicKey(spec.server_key));
  }
  return std::make_unique<ZmqLearnerChannel>(spec, std::move(server), std::move(keys));
}

}  // namespace reeve
