#include "controller/bus/publisher.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>
#include <zmq.hpp>

#include "controller/bus/curve_keys.h"
#include "controller/bus/gatekeeper.h"
#include "controller/bus/messages.h"
#include "controller/bus/socket_setup.h"
#include "controller/bus/stream.pb.h"
#include "core/status.h"

namespace reeve {
namespace {

int64_t WallMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct Publisher::Sockets {
  zmq::context_t context;
  std::unique_ptr<Gatekeeper> gatekeeper;  // null without keys
  zmq::socket_t pub;
  std::unique_ptr<ConnectionWatch> connections;

  ~Sockets() {
    pub.close();
    context.shutdown();  // ends the threads of the others
  }
};

absl::StatusOr<std::unique_ptr<Publisher>> Publisher::Bind(const PublisherSpec& spec) {
  RETURN_IF_ERROR(CheckSocketSpec(spec.socket));
  CurveKeys keys;
  if (!spec.socket.key.empty()) {
    ASSIGN_OR_RETURN(keys, ReadSecretKey(spec.socket.key));
  }
  try {
    auto sockets = std::make_unique<Sockets>();
    if (!spec.socket.key.empty()) {
      ASSIGN_OR_RETURN(sockets->gatekeeper,
                       Gatekeeper::Start(sockets->context, spec.socket.allowed));
    }
    zmq::socket_t& pub = sockets->pub;
    pub = zmq::socket_t(sockets->context, zmq::socket_type::pub);
    SetUpListener(spec.socket, keys, pub);
    pub.set(zmq::sockopt::sndhwm, spec.subscriber_queue);
    sockets->connections =
        std::make_unique<ConnectionWatch>(sockets->context, pub, spec.socket.connections);
    pub.bind(spec.socket.bind);
    std::string endpoint = pub.get(zmq::sockopt::last_endpoint);
    std::unique_ptr<Publisher> publisher(new Publisher(spec, std::move(sockets)));
    publisher->endpoint_ = std::move(endpoint);
    publisher->thread_ = std::thread([self = publisher.get()] { self->Run(); });
    return publisher;
  } catch (const zmq::error_t& error) {
    return absl::UnavailableError(
        fmt::format("cannot listen at {}: {}", spec.socket.bind, error.what()));
  }
}

Publisher::Publisher(const PublisherSpec& spec, std::unique_ptr<Sockets> sockets)
    : most_waiting_(static_cast<size_t>(spec.queue)), sockets_(std::move(sockets)) {}

Publisher::~Publisher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Publisher::Publish(std::string_view source, std::span<const std::string> functions,
                        const Snapshot& snapshot, std::span<const Decision> decisions) {
  const std::unique_lock lock(mutex_);
  if (waiting_.size() >= most_waiting_) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  Window& window = waiting_.emplace_back();
  window.wall_us = WallMicros();
  window.source = source;
  window.functions.assign(functions.begin(), functions.end());
  window.snapshot = snapshot;
  window.snapshot.functions.histograms = nullptr;
  window.decisions.assign(decisions.begin(), decisions.end());
  changed_.notify_one();
  return true;
}

void Publisher::Run() {
  while (true) {
    Window window;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (stop_) return;
      window = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      Send(window);
    } catch (const zmq::error_t&) {
      // One window is lost: to the subscriber a gap.
    }
  }
}

void Publisher::Send(const Window& window) {
  bus::v1::Event event;
  event.set_version(kBusVersion);
  event.set_sequence(++sequence_);
  event.set_wall_us(window.wall_us);
  event.set_source(window.source);
  event.mutable_functions()->Assign(window.functions.begin(), window.functions.end());
  const auto send = [&](std::string_view topic) {
    const std::string bytes = event.SerializeAsString();
    // A PUB socket never waits: a subscriber whose queue is full does not get it.
    sockets_->pub.send(zmq::buffer(topic), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
    sockets_->pub.send(zmq::buffer(bytes), zmq::send_flags::dontwait);
  };
  WriteSnapshot(window.snapshot, *event.mutable_snapshot());
  send("snapshot");
  bus::v1::Decisions& decisions = *event.mutable_decisions();
  for (const Decision& decision : window.decisions) {
    WriteDecision(decision, *decisions.add_decisions());
  }
  send("decisions");
  published_.fetch_add(1, std::memory_order_relaxed);
}

Publisher::Counts Publisher::counts() const {
  return {.published = published_.load(std::memory_order_relaxed),
          .dropped = dropped_.load(std::memory_order_relaxed),
          .refused = sockets_->gatekeeper ? sockets_->gatekeeper->refused() : 0,
          .connections = sockets_->connections->open()};
}

void PublishingSink::OnTick(const TickRecord& tick) {
  if (!tick.observed || tick.view == nullptr || tick.catalogue == nullptr) return;
  if (tick.view->functions.size() != tick.functions.size()) return;
  if (functions_.size() != tick.functions.size() || generation_ != tick.catalogue->generation) {
    generation_ = tick.catalogue->generation;
    functions_.clear();
    for (const FunctionRecord& record : tick.functions) {
      functions_.push_back(tick.catalogue->functions[record.slot].id);
    }
  }
  decisions_.clear();
  for (const FunctionRecord& record : tick.functions) decisions_.push_back(record.wished);
  publisher_.Publish("loop", functions_, *tick.view, decisions_);
}

}  // namespace reeve
