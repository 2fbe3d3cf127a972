// What a safeguard looks at, and when it acts. `queue` and `metrics` are on unless turned off
// (`queue: false`); every other trigger is on when it is there (`latency: {}`, `latency: {engage:
// 4}`).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "agents/adapt/violation_budget.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class SafeguardScope : uint8_t {
  kCluster,   // one function in trouble is enough for the fallback to drive all
  kFunction,  // the fallback drives the function that is in trouble
};
constexpr auto EnumNames(SafeguardScope) {
  return std::array<std::pair<SafeguardScope, std::string_view>, 2>{
      {{SafeguardScope::kCluster, "cluster"}, {SafeguardScope::kFunction, "function"}}};
}

// The longest queue, in requests. The defaults are those of the safeguard of LCPO's authors.
struct QueueTrigger {
  bool enabled = true;
  double engage = 50;
  double release = 3;

  static constexpr std::string_view kScalarField = "enabled";
  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = QueueTrigger;
    v.Field("enabled", &O::enabled, "whether it counts");
    v.Field("engage", &O::engage, "engages above so many requests waiting for one function",
            AtLeast(0));
    v.Field("release", &O::release, "releases at so many or fewer", AtLeast(0));
  }
};

// SLO violations per request that left, over the last `memory` or so.
struct ViolationTrigger {
  double engage = 0.3;
  double release = 0.05;
  double minimum_requests = 20;
  SimTime memory = SimTime::Seconds(30);

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = ViolationTrigger;
    v.Field("engage", &O::engage, "engages above this share of requests", Between(0, 1));
    v.Field("release", &O::release, "releases at this share or less", Between(0, 1));
    v.Field("minimum_requests", &O::minimum_requests,
            "the share counts as 0 while it is of fewer requests than this", AtLeast(0));
    v.Field("memory", &O::memory, "time in which what a request says fades to 1/e", AtLeast(0.001));
  }
};

// The 95th percentile of a window's latencies over the objective, of the worst function.
struct LatencyTrigger {
  double engage = 3;
  double release = 1;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = LatencyTrigger;
    v.Field("engage", &O::engage, "engages above this many times the objective", AtLeast(0));
    v.Field("release", &O::release, "releases at this many times or fewer", AtLeast(0));
  }
};

// Requests refused or given up in a window.
struct RejectionTrigger {
  double engage = 0;
  double release = 0;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = RejectionTrigger;
    v.Field("engage", &O::engage, "engages above so many requests in a control period", AtLeast(0));
    v.Field("release", &O::release, "releases at so many or fewer", AtLeast(0));
  }
};

// What the learner's critic thinks the state is worth at worst (SafeguardedPolicy::set_value), in
// units of the discounted reward.
struct ValueTrigger {
  double engage = -50;
  double release = -20;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = ValueTrigger;
    v.Field("engage", &O::engage, "engages below this value");
    v.Field("release", &O::release, "releases at this value or more");
  }
};

// Numbers that cannot be (agents/adapt/metrics_check.h).
struct MetricsTrigger {
  bool enabled = true;
  double max_containers = 100'000;
  double memory_tolerance = 0.01;

  static constexpr std::string_view kScalarField = "enabled";
  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = MetricsTrigger;
    v.Field("enabled", &O::enabled, "whether it counts");
    v.Field("max_containers", &O::max_containers,
            "more ready containers of one function than this cannot be", AtLeast(1));
    v.Field("memory_tolerance", &O::memory_tolerance,
            "containers holding more memory than there is, by this share, cannot be", AtLeast(0));
  }
};

// How far a learner's decisions may be from the fallback's, function by function.
struct AroundFallback {
  double least = 0.5;
  double most = 4;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = AroundFallback;
    v.Field("least", &O::least,
            "replicas (rounded up), CPU, memory and keep-alive are at least this many times the "
            "fallback's",
            Between(0, 1));
    v.Field("most", &O::most,
            "replicas (rounded up), CPU and memory are at most this many times the fallback's",
            AtLeast(1));
  }
};

struct SafeguardSpec {
  std::string fallback = "kpa";
  SafeguardScope scope = SafeguardScope::kCluster;
  SimTime minimum_time = SimTime::Seconds(10);
  QueueTrigger queue;
  std::optional<ViolationTrigger> slo_violations;
  std::optional<LatencyTrigger> latency;
  std::optional<RejectionTrigger> rejections;
  std::optional<ValueTrigger> value;
  MetricsTrigger metrics;
  std::optional<ViolationBudgetSpec> budget;
  std::optional<AroundFallback> around_fallback;
  bool tolerate_errors = false;

  // `safeguard: kpa`
  static constexpr std::string_view kScalarField = "fallback";
  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = SafeguardSpec;
    v.Field("fallback", &O::fallback,
            "the policy that drives while the safeguard is engaged; its options are beside those "
            "of the learner");
    v.Field("scope", &O::scope, "what one function in trouble hands to the fallback");
    v.Field("minimum_time", &O::minimum_time, "time the fallback drives for at least", AtLeast(0));
    v.Field("queue", &O::queue, "the longest queue");
    v.Field("slo_violations", &O::slo_violations, "share of requests that miss their objective");
    v.Field("latency", &O::latency, "95th percentile of latency over the objective");
    v.Field("rejections", &O::rejections, "requests refused or given up");
    v.Field("value", &O::value, "the learner's own pessimistic estimate");
    v.Field("metrics", &O::metrics, "stale or impossible numbers");
    v.Field("budget", &O::budget, "violations that the learner may cost");
    v.Field("around_fallback", &O::around_fallback,
            "how far the learner may go from what the fallback would do");
    v.Field("tolerate_errors", &O::tolerate_errors,
            "a learner that fails to decide hands over to the fallback, where otherwise the run "
            "ends; for live use");
  }
  // Thresholds of each trigger leave room between them.
  absl::Status Validate() const;
};

}  // namespace reeve
