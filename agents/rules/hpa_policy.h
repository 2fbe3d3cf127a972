// Kubernetes' horizontal pod autoscaler (autoscaling/v2) as a policy, for platforms that scale by
// replica target. Semantics of kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go
// (reconcileAutoscaler, computeReplicasForMetrics); the arithmetic is in hpa_replicas.h and
// hpa_scaler.h.
//
// A function is a scale target, a replica a pod, its limits the pod's requests. Every sync period:
//   replicas asked above max or below min: that bound, at once;
//   else the largest number that a metric asks for, stabilised and limited in its rate. A metric
//   that cannot be computed (no pod is ready) is left out, but then nothing goes down.
// Metrics are averages since the last sync; cpu and memory are averages over the pods that were
// ready meanwhile, so that a pod that has just come or gone does not distort them. Replicas asked
// for and not ready count as unready pods; missing ones do not occur.
//
// Differences from upstream: a function met without replicas gets min_replicas (there, 0 replicas
// switch the autoscaler off), as a Deployment is made with at least one.
//
// Cost: a few additions per function and control period; a scan of about 20 recommendations per
// function and sync. No allocation once a function has been seen.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "agents/rules/hpa_options.h"
#include "agents/rules/hpa_scaler.h"
#include "agents/rules/rule_clock.h"
#include "core/policy.h"

namespace reeve {

class HpaPolicy : public Policy {
 public:
  // What happens to a function that has no replicas.
  enum class AtZero : uint8_t {
    kStart,  // it gets min_replicas
    kLeave,  // nothing, as upstream: someone else decides when it starts
  };

  // `options` have passed Validate().
  explicit HpaPolicy(const HpaOptions& options, AtZero at_zero = AtZero::kStart);

  std::string_view name() const override { return "hpa"; }

  // Sets `replicas` at every sync where they are to change. Functions may be added from one call to
  // the next, at the end. Errors as RuleClock::Advance.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

  // Why the last sync of a function ended as it did.
  HpaReason ReasonOf(FunctionId function) const { return functions_[function.index()].reason; }

 private:
  // Sums since the last sync, each value times the seconds it held.
  struct Load {
    double seconds = 0;
    double ready = 0;     // pods
    double cpu = 0;       // millicores
    double memory = 0;    // MiB
    double requests = 0;  // in the system
    double arrivals = 0;  // requests (not times seconds)
  };
  struct Function {
    explicit Function(const HpaOptions& options) : scaler(options) {}
    HpaScaler scaler;
    Load load;
    bool begun = false;  // its scaler knows where it started
    HpaReason reason = HpaReason::kDesiredWithinRange;
  };

  void Record(const Snapshot& snapshot);
  // Replicas of function `f` from now on.
  int32_t Sync(const FunctionWindows& windows, size_t f, SimTime now, int32_t current);
  // What one metric asks for; unset when it cannot be computed.
  std::optional<int32_t> Ask(const HpaMetricSpec& metric, const FunctionWindows& windows, size_t f,
                             int32_t current) const;

  const HpaOptions options_;
  const AtZero at_zero_;
  RuleClock clock_;
  std::vector<Function> functions_;  // [F]
};

}  // namespace reeve
