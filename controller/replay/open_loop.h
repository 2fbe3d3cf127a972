// Requests sent when they are due, whatever became of those before: an open loop.
//
// One thread, one event loop, one request on a connection at a time; connections are kept. Between
// any two pieces of other work the clock is looked at, so that answers do not delay what is due.
// Times are microseconds of the monotonic clock since the loop began.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/replay/replay_target.h"
#include "core/units.h"

namespace reeve {

struct PlannedRequest {
  int64_t due_us = 0;  // when it is to be sent
  int64_t work_us = 0;
  uint32_t function = 0;  // index
};

enum class ReplayFailure : uint8_t {
  kNone,
  kConnection,  // refused, unreachable, no TLS
  kAnswer,      // cut short, or no HTTP
  kStatus,      // an answer that says so
};

struct FinishedRequest {
  PlannedRequest plan;
  int64_t sent_us = -1;  // -1: it was given up before it could be sent
  int64_t end_us = 0;
  AnswerFacts facts;
  ReplayFailure failure = ReplayFailure::kNone;
};

// Told everything, on the loop's thread, by rising time but for the microseconds that an event
// waits for its turn.
class OpenLoopSink {
 public:
  virtual ~OpenLoopSink() = default;
  virtual void OnDue(const PlannedRequest& plan) = 0;
  // `held_back`: it waited because max_in_flight were under way.
  virtual void OnSent(const PlannedRequest& plan, int64_t sent_us, bool held_back) = 0;
  virtual void OnFinished(const FinishedRequest& finished) = 0;
  // At least ten times a second; false ends the loop: what is under way is left.
  virtual bool OnTick(int64_t now_us) = 0;
};

struct OpenLoopOptions {
  ReplayTargetKind kind = ReplayTargetKind::kHttp;
  int32_t max_in_flight = 4096;
  SimTime timeout = SimTime::Seconds(60);  // from when a request is due
};

class OpenLoop {
 public:
  // The next request, by rising due_us; false: there is none any more.
  using Source = std::function<bool(PlannedRequest& next)>;

  // Looks the target up and connects once, which shows early what would go wrong with every
  // request: Unavailable when that fails, naming the target. FailedPrecondition when this process
  // may not open as many connections. `requests` outlives the loop.
  static absl::StatusOr<std::unique_ptr<OpenLoop>> Connect(const TargetRequests& requests,
                                                           const OpenLoopOptions& options);
  ~OpenLoop();

  // Sends everything and waits for the answers, at most `timeout`. Call once.
  void Run(const Source& source, OpenLoopSink& sink);

  uint64_t connections() const;     // opened so far
  uint64_t most_in_flight() const;  // at once

 private:
  class Impl;
  explicit OpenLoop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve
