#include "controller/replay/open_loop.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "controller/replay/target_connection.h"

namespace reeve {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr int64_t kTickUs = 100'000;
// From Run to time 0, so that the first request finds everything in place.
constexpr int64_t kLeadUs = 20'000;
constexpr SimTime kFirstConnection = SimTime::Seconds(10);
constexpr rlim_t kOtherFiles = 64;

// Lets the process open so many files more, as far as it may.
absl::Status AllowFiles(rlim_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::OkStatus();
  if (limit.rlim_cur >= wanted) return absl::OkStatus();
  if (limit.rlim_max < wanted) {
    return absl::FailedPreconditionError(fmt::format(
        "max_in_flight: {} connections need {} open files, and this process may have {}; raise "
        "`ulimit -Hn`, or lower max_in_flight",
        wanted - kOtherFiles, wanted, limit.rlim_max));
  }
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return absl::OkStatus();
}

}  // namespace

class OpenLoop::Impl : public ConnectionOwner {
 public:
  Impl(const TargetRequests& requests, const OpenLoopOptions& options)
      : requests_(requests), options_(options) {}

  ~Impl() override { CloseAll(); }

  absl::Status Connect() {
    const TargetAddress& address = requests_.address();
    const auto unavailable = [&](const std::string& why) {
      return absl::UnavailableError(
          fmt::format("{}:{}: cannot connect: {}", address.host, address.port, why));
    };
    if (absl::Status status = AllowFiles(static_cast<rlim_t>(options_.max_in_flight) + kOtherFiles);
        !status.ok()) {
      return status;
    }
    Error error;
    if (address.tls) {
      tls_.emplace(asio::ssl::context::tls_client);
      tls_->set_verify_mode(asio::ssl::verify_peer, error);
      if (requests_.ca_pem().empty()) {
        tls_->set_default_verify_paths(error);
      } else {
        tls_->add_certificate_authority(asio::buffer(requests_.ca_pem()), error);
      }
      if (error) {
        return absl::InvalidArgumentError("target.ca_file: no certificates: " + error.message());
      }
    }
    tcp::resolver resolver(context_);
    endpoints_ = resolver.resolve(address.host, std::to_string(address.port),
                                  tcp::resolver::numeric_service, error);
    if (error) return unavailable(error.message());

    const std::shared_ptr<TargetConnection> first = NewConnection();
    first->Open(endpoints_);
    const Clock::time_point until =
        Clock::now() + std::chrono::microseconds(kFirstConnection.micros());
    while (!first_opened_ && first->error.empty() && Clock::now() < until) {
      context_.run_one_until(until);
    }
    if (first_opened_) {
      idle_.push_back(first);
      return absl::OkStatus();
    }
    const std::string why = first->error.empty()
                                ? fmt::format("nothing within {} s", kFirstConnection.seconds())
                                : first->error;
    first->Close();
    return unavailable(why);
  }

  void Run(const Source& source, OpenLoopSink& sink) {
    sink_ = &sink;
    origin_ = Clock::now() + std::chrono::microseconds(kLeadUs);
    int64_t next_tick = 0;
    more_ = source(next_);
    while (more_ || !backlog_.empty() || !busy_.empty()) {
      const int64_t now = Now();
      TakeDue(source, now);
      Expire(now);
      if (now >= next_tick) {
        next_tick = now + kTickUs;
        if (!sink.OnTick(now)) break;
      }
      if (!backlog_.empty() && CanSend()) {
        Issue(backlog_.front());
        backlog_.pop_front();
        context_.poll_one();
        continue;
      }
      // With what is there done, the clock is looked at again; else it is waited for.
      if (context_.poll_one() == 0) WaitUntil(NextMoment(next_tick));
    }
    CloseAll();
    sink.OnTick(Now());
  }

  uint64_t connections() const { return opened_; }
  uint64_t most_in_flight() const { return most_in_flight_; }

 private:
  // What is due, and whether it found no connection when it was.
  struct Waiting {
    PlannedRequest plan;
    bool held_back = false;
  };

  int64_t Now() const {
    return std::chrono::floor<std::chrono::microseconds>(Clock::now() - origin_).count();
  }

  std::shared_ptr<TargetConnection> NewConnection() {
    ++opened_;
    return TargetConnection::Make(*this, options_.kind, context_, tls_ ? &*tls_ : nullptr,
                                  requests_.address().host);
  }

  bool CanSend() const {
    return !idle_.empty() || busy_.size() < static_cast<size_t>(options_.max_in_flight);
  }

  void TakeDue(const Source& source, int64_t now) {
    while (more_ && next_.due_us <= now) {
      sink_->OnDue(next_);
      backlog_.push_back({next_, false});
      more_ = source(next_);
    }
  }

  // Both lists are in the order of their deadlines.
  void Expire(int64_t now) {
    const int64_t due_before = now - options_.timeout.micros();
    while (!busy_.empty() && busy_.front()->plan.due_us <= due_before) {
      OnDone(*busy_.front(), {.outcome = ReplayOutcome::kTimedOut, .execution_us = {}},
             ReplayFailure::kNone, false);
    }
    while (!backlog_.empty() && backlog_.front().plan.due_us <= due_before) {
      FinishedRequest never{.plan = backlog_.front().plan, .end_us = now, .facts = {}};
      never.facts.outcome = ReplayOutcome::kTimedOut;
      backlog_.pop_front();
      sink_->OnFinished(never);
    }
    if (CanSend()) return;
    for (auto waiting = backlog_.rbegin(); waiting != backlog_.rend() && !waiting->held_back;
         ++waiting) {
      waiting->held_back = true;
    }
  }

  void Issue(const Waiting& waiting) {
    std::shared_ptr<TargetConnection> connection;
    // The one that was used last is the most likely to be there still.
    while (!idle_.empty() && connection == nullptr) {
      connection = std::move(idle_.back());
      idle_.pop_back();
      if (!connection->Stale()) break;
      connection->Close();
      connection = nullptr;
    }
    const bool known = connection != nullptr;
    if (!known) connection = NewConnection();
    connection->plan = waiting.plan;
    requests_.Write(waiting.plan.function, waiting.plan.work_us, connection->request);
    connection->place = busy_.insert(busy_.end(), connection);
    most_in_flight_ = std::max<uint64_t>(most_in_flight_, busy_.size());
    connection->sent_us = Now();
    sink_->OnSent(waiting.plan, connection->sent_us, waiting.held_back);
    if (known) {
      connection->Send();
    } else {
      connection->Open(endpoints_);
    }
  }

  void OnOpened(TargetConnection&) override { first_opened_ = true; }

  void OnDone(TargetConnection& connection, const AnswerFacts& facts, ReplayFailure failure,
              bool reusable) override {
    if (sink_ == nullptr) return;  // the first connection, before Run
    const FinishedRequest finished{.plan = connection.plan,
                                   .sent_us = connection.sent_us,
                                   .end_us = Now(),
                                   .facts = facts,
                                   .failure = failure};
    const std::shared_ptr<TargetConnection> self = *connection.place;
    busy_.erase(connection.place);
    if (reusable) {
      idle_.push_back(self);
    } else {
      self->Close();
    }
    sink_->OnFinished(finished);
  }

  int64_t NextMoment(int64_t next_tick) const {
    int64_t next = next_tick;
    if (more_) next = std::min(next, next_.due_us);
    if (!busy_.empty()) {
      next = std::min(next, busy_.front()->plan.due_us + options_.timeout.micros());
    }
    if (!backlog_.empty()) {
      next = std::min(next, backlog_.front().plan.due_us + options_.timeout.micros());
    }
    return next;
  }

  // Until then, or until something happens. By a timer, whose resolution is the clock's; the
  // event loop's own time limit is rounded to milliseconds.
  void WaitUntil(int64_t time_us) {
    const Clock::time_point at = origin_ + std::chrono::microseconds(time_us);
    if (!timer_set_ || timer_.expiry() != at) {
      timer_.expires_at(at);
      timer_set_ = true;
      timer_.async_wait([this](Error cancelled) {
        if (!cancelled) timer_set_ = false;
      });
    }
    context_.run_one();
  }

  void CloseAll() {
    for (const auto& connection : busy_) connection->Close();
    for (const auto& connection : idle_) connection->Close();
    busy_.clear();
    idle_.clear();
    backlog_.clear();
    more_ = false;
  }

  const TargetRequests& requests_;
  const OpenLoopOptions options_;
  asio::io_context context_{1};
  const asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  asio::steady_timer timer_{context_};
  bool timer_set_ = false;
  std::optional<asio::ssl::context> tls_;
  tcp::resolver::results_type endpoints_;
  bool first_opened_ = false;

  OpenLoopSink* sink_ = nullptr;
  Clock::time_point origin_;
  PlannedRequest next_;
  bool more_ = false;
  std::deque<Waiting> backlog_;                          // due and not sent
  std::list<std::shared_ptr<TargetConnection>> busy_;    // in the order of their deadlines
  std::vector<std::shared_ptr<TargetConnection>> idle_;  // the one used last at the end
  uint64_t opened_ = 0, most_in_flight_ = 0;
};

OpenLoop::OpenLoop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OpenLoop::~OpenLoop() = default;

absl::StatusOr<std::unique_ptr<OpenLoop>> OpenLoop::Connect(const TargetRequests& requests,
                                                            const OpenLoopOptions& options) {
  auto impl = std::make_unique<Impl>(requests, options);
  if (absl::Status status = impl->Connect(); !status.ok()) return status;
  return std::unique_ptr<OpenLoop>(new OpenLoop(std::move(impl)));
}

void OpenLoop::Run(const Source& source, OpenLoopSink& sink) {
  impl_->Run(source, sink);
}
uint64_t OpenLoop::connections() const {
  return impl_->connections();
}
uint64_t OpenLoop::most_in_flight() const {
  return impl_->most_in_flight();
}

}  // namespace reeve
