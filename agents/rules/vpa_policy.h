// Kubernetes' vertical pod autoscaler as a policy: CPU and memory limits of the containers from
// what they have used. The recommendation is in vpa_recommender.h; this is upstream's updater
// around it.
//
// Every interval each function with ready containers adds a CPU sample, and its limits are replaced
// by the target when one of them is outside of its bounds, or when they have been the same for
// lifetime_threshold and the relative changes add up to min_change. Confidence grows with history,
// so young functions are changed only when far off.
//
// What differs from upstream:
// - A container has limits and no requests: the CPU limit is the request * cpu_limit_per_request.
//   CPU use cannot exceed the limit, so after starvation the limit grows by the margin at a time.
// - The snapshot tells the function's use, not each container's: containers count as alike. With
//   `cpu_use: busy_container` it is shared by min(ready, in flight) of them, as if requests were
//   spread, and counts as at most the limit.
// - Memory samples come from windows in which no container came or went. Use equal to the limit is
//   what platforms report that know only what is reserved (the simulator does): it says nothing and
//   is left out. There are no out-of-memory events in the snapshot.
// - Limits change in place (upstream's InPlaceOrRecreate); no container is evicted.
//
// No allocation once a function has been seen. 3.2 KB a function.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agents/rules/rule_clock.h"
#include "agents/rules/vpa_recommender.h"
#include "core/policy.h"

namespace reeve {

class VpaPolicy : public Policy {
 public:
  // `options` have passed Validate().
  explicit VpaPolicy(const VpaOptions& options)
      : options_(options), clock_("vpa", options.interval) {}
  VpaPolicy(const VpaPolicy&) = delete;  // the recommenders point to buckets_
  VpaPolicy& operator=(const VpaPolicy&) = delete;

  std::string_view name() const override { return "vpa"; }

  // Sets `cpu_limit` and `memory_limit` of functions that are to change, and `replicas` when the
  // options say so. Errors as RuleClock::Advance.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

  // Of a function seen by Decide.
  VpaRecommendation RecommendationOf(FunctionId function) const {
    return functions_[function.index()].recommender.Recommend(options_);
  }

 private:
  struct Function {
    Function(const VpaOptions& options, const VpaBuckets& buckets, SimTime now)
        : recommender(options, buckets), changed(now) {}
    VpaRecommender recommender;
    double cpu = 0;           // millicores * seconds since the last sample
    double users = 0;         // containers that share it, * seconds
    uint32_t containers = 0;  // ready at the end of the last window
    SimTime changed;          // when the limits were last changed, or the function was met
  };
  // Containers that the function's CPU use is shared by.
  double Users(const FunctionWindows& windows, size_t f) const;
  void Record(const Snapshot& snapshot);
  void Update(const FunctionWindows& windows, size_t f, SimTime now, Decision& decision);

  const VpaOptions options_;
  const VpaBuckets buckets_;
  RuleClock clock_;
  SimTime last_sample_;
  std::vector<Function> functions_;  // [F]
};

}  // namespace reeve
