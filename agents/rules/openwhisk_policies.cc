#include "agents/rules/openwhisk_policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

constexpr size_t kMostWindows = 1000;  // of the ring; a threshold holds fewer

int32_t ToCount(uint32_t n) {
  return static_cast<int32_t>(std::min<uint32_t>(n, std::numeric_limits<int32_t>::max()));
}

// Containers that so many requests at once fill; 0 = unlimited.
int32_t ContainersFor(double requests, int32_t concurrency) {
  if (!(requests > 0)) return 0;
  if (concurrency == 0) return 1;
  return static_cast<int32_t>(std::min(std::ceil(requests / concurrency), 1e9));
}

}  // namespace

absl::Status OpenWhiskPolicy::Decide(const Snapshot&, std::span<Decision> decisions) {
  for (Decision& decision : decisions) {
    decision.keep_alive = keep_alive_;
    decision.replicas = 0;
  }
  return absl::OkStatus();
}

OpenWhiskSchedulerPolicy::OpenWhiskSchedulerPolicy(const OpenWhiskSchedulerOptions& options)
    : options_(options),
      rule_{.stale_threshold_ms = options.stale_threshold.millis(),
            .allow_over_provision = options.allow_over_provision_before_throttle,
            .over_provision_ratio = options.namespace_over_provision_before_throttle_ratio},
      keep_us_(OpenWhiskKeepAlive(options.pause_grace, options.idle_container).micros()) {}

void OpenWhiskSchedulerPolicy::AddFunctions(const FunctionWindows& windows, int64_t now_us) {
  for (size_t f = functions_.size(); f < windows.size(); ++f) {
    Function& function = functions_.emplace_back();
    function.asked = ToCount(std::max(
        windows.replicas_asked[f], windows.containers_ready[f] + windows.containers_starting[f]));
    if (function.asked > 0) NotePeak(function, function.asked, now_us);
  }
}

void OpenWhiskSchedulerPolicy::CountArrivals(const Snapshot& snapshot) {
  const double window = snapshot.window.seconds(), threshold = options_.stale_threshold.seconds();
  if (window <= 0) return;
  if (arrivals_.empty()) {
    // A little less, so that ten windows of a tenth are ten.
    const double windows = std::ceil(threshold / window - 1e-9);
    arrivals_.resize(std::clamp<size_t>(static_cast<size_t>(windows), 1, kMostWindows));
  }
  newest_ = (newest_ + 1) % arrivals_.size();
  arrivals_[newest_] = snapshot.functions.arrivals;
  newest_share_ = std::min(1.0, threshold / window);
}

int32_t OpenWhiskSchedulerPolicy::Stale(const FunctionWindows& windows, size_t f) const {
  if (windows.queued[f] == 0) return 0;
  double fresh = 0;
  for (const std::vector<uint32_t>& row : arrivals_) fresh += f < row.size() ? row[f] : 0;
  return ToCount(windows.queued[f]) -
         static_cast<int32_t>(std::min<double>(std::floor(fresh * newest_share_ + 1e-9),
                                               ToCount(windows.queued[f])));
}

void OpenWhiskSchedulerPolicy::LearnDuration(const FunctionWindows& windows, size_t f) {
  const uint32_t done = windows.completions[f];
  const double ms = windows.execution_p50_ms[f];
  if (done == 0 || !std::isfinite(ms)) return;
  std::optional<double>& mean = functions_[f].duration_ms;
  const double weight = std::min(1.0, static_cast<double>(done) / options_.duration_buffer_size);
  mean = mean ? *mean + weight * (ms - *mean) : ms;
}

OpenWhiskQueueSnapshot OpenWhiskSchedulerPolicy::QueueOf(const FunctionWindows& windows,
                                                         size_t f) const {
  const Function& function = functions_[f];
  OpenWhiskQueueSnapshot queue;
  queue.initialized = function.initialized;
  queue.current = ToCount(windows.queued[f]);
  queue.existing = ToCount(windows.containers_ready[f]);
  queue.in_progress = ToCount(windows.containers_starting[f]);
  queue.stale = Stale(windows, f);
  if (options_.namespaces == OpenWhiskNamespace::kFunction) {
    queue.existing_in_namespace = queue.existing;
    queue.in_progress_in_namespace = queue.in_progress;
  } else {
    queue.existing_in_namespace =
        static_cast<int32_t>(std::min<int64_t>(in_cluster_, std::numeric_limits<int32_t>::max()));
  }
  queue.average_duration_ms = function.duration_ms;
  queue.namespace_limit = options_.namespace_limit;
  queue.action_limit = options_.action_limit > 0 ? options_.action_limit : options_.namespace_limit;
  // Any number of requests fits into a container without limit: one container is always enough.
  queue.max_concurrency = windows.concurrency_limit[f] > 0 ? windows.concurrency_limit[f]
                                                           : std::numeric_limits<int32_t>::max();
  queue.state =
      function.throttled ? OpenWhiskQueueState::kNamespaceThrottled : OpenWhiskQueueState::kRunning;
  return queue;
}

void OpenWhiskSchedulerPolicy::NotePeak(Function& function, int32_t level, int64_t now_us) const {
  std::vector<Peak>& peaks = function.peaks;
  while (!peaks.empty() && peaks.back().level <= level) peaks.pop_back();
  const int64_t never = std::numeric_limits<int64_t>::max();
  peaks.push_back({keep_us_ < never - now_us ? now_us + keep_us_ : never, level});
}

int32_t OpenWhiskSchedulerPolicy::HighestPeak(Function& function, int64_t now_us) {
  std::vector<Peak>& peaks = function.peaks;
  const auto alive = std::find_if(peaks.begin(), peaks.end(),
                                  [now_us](const Peak& p) { return p.until_us > now_us; });
  peaks.erase(peaks.begin(), alive);
  return peaks.empty() ? 0 : peaks.front().level;
}

void OpenWhiskSchedulerPolicy::Carry(const OpenWhiskDecision& decision, Function& function,
                                     int32_t have, int64_t now_us) {
  switch (decision.verdict) {
    case OpenWhiskVerdict::kEnableNamespaceThrottling:
      function.throttled = true;
      break;
    case OpenWhiskVerdict::kDisableNamespaceThrottling:
      function.throttled = false;
      break;
    case OpenWhiskVerdict::kAddInitialContainer:
      function.initialized = true;
      break;
    default:
      break;
  }
  if (decision.containers == 0) return;
  function.asked = std::max(function.asked, have + decision.containers);
  in_cluster_ += decision.containers;
  function.counted += decision.containers;
  NotePeak(function, function.asked, now_us);
}

absl::Status OpenWhiskSchedulerPolicy::Decide(const Snapshot& snapshot,
                                              std::span<Decision> decisions) {
  const FunctionWindows& windows = snapshot.functions;
  if (decisions.size() != windows.size() || windows.size() < functions_.size()) {
    return absl::InvalidArgumentError(
        fmt::format("openwhisk_scheduler: {} decisions for {} functions, of which {} are known; "
                    "there must be one decision per function, and functions do not disappear",
                    decisions.size(), windows.size(), functions_.size()));
  }
  if (snapshot.time < last_) {
    return absl::InvalidArgumentError(
        fmt::format("openwhisk_scheduler: the snapshot of {} s comes after the one of {} s; "
                    "snapshots must come in time order",
                    snapshot.time.seconds(), last_.seconds()));
  }
  last_ = snapshot.time;
  const int64_t now_us = snapshot.time.micros();
  AddFunctions(windows, now_us);
  CountArrivals(snapshot);
  in_cluster_ = 0;
  for (size_t f = 0; f < windows.size(); ++f) {
    functions_[f].counted = ToCount(windows.containers_ready[f] + windows.containers_starting[f]);
    in_cluster_ += functions_[f].counted;
  }

  for (size_t f = 0; f < windows.size(); ++f) {
    Function& function = functions_[f];
    const int32_t have = function.counted;
    const bool idle = windows.queued[f] == 0 && windows.in_flight[f] == 0;
    if (have == 0 && function.asked == 0 && idle) {
      // Upstream's queue ends when it has been empty for a while; the next one begins anew.
      function.initialized = function.throttled = false;
      continue;
    }
    LearnDuration(windows, f);
    const int32_t in_use = ContainersFor(
        std::max<double>({static_cast<double>(windows.in_flight[f]), windows.mean_in_flight[f],
                          windows.completions[f] > 0 ? 1.0 : 0.0}),
        windows.concurrency_limit[f]);
    if (in_use > 0) NotePeak(function, in_use, now_us);
    const int32_t before = function.asked;
    Carry(DecideOpenWhisk(QueueOf(windows, f), rule_), function, have, now_us);
    function.asked = std::min(function.asked, HighestPeak(function, now_us));
    if (function.asked != before) decisions[f].replicas = function.asked;
  }
  return absl::OkStatus();
}

void OpenWhiskSchedulerPolicy::Wake(FunctionId id, SimTime now, Decision& decision) {
  if (id.index() >= functions_.size()) return;
  Function& function = functions_[id.index()];
  OpenWhiskQueueSnapshot queue;
  queue.current = 1;
  if (options_.namespaces == OpenWhiskNamespace::kCluster) {
    queue.existing_in_namespace =
        static_cast<int32_t>(std::min<int64_t>(in_cluster_, std::numeric_limits<int32_t>::max()));
  }
  queue.namespace_limit = options_.namespace_limit;
  queue.action_limit = options_.action_limit > 0 ? options_.action_limit : options_.namespace_limit;
  Carry(DecideOpenWhisk(queue, rule_), function, 0, now.micros());
  if (function.asked > 0) decision.replicas = function.asked;
}

}  // namespace reeve
