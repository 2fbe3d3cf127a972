// What becomes of the replicas that the metrics ask for, for one function: stabilisation, limits of
// the rate of change, bounds. Semantics of kubernetes/kubernetes
// pkg/controller/podautoscaler/horizontal.go (stabilizeRecommendationWithBehaviors,
// convertDesiredReplicasWithBehaviorRate, calculateScaleUpLimitWithScalingRules,
// calculateScaleDownLimitWithBehaviors, storeScaleEvent).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "agents/rules/hpa_options.h"
#include "core/units.h"

namespace reeve {

// Why the replicas are what they are, under upstream's names of the condition ScalingLimited.
enum class HpaReason : uint8_t {
  kDesiredWithinRange,
  kTooFewReplicas,   // min_replicas holds it
  kTooManyReplicas,  // max_replicas holds it
  kScaleUpLimit,     // the rate on the way up
  kScaleDownLimit,   // the rate on the way down
};
std::string_view HpaReasonName(HpaReason reason);

struct HpaScale {
  int32_t replicas = 0;
  HpaReason reason = HpaReason::kDesiredWithinRange;
  bool operator==(const HpaScale&) const = default;
};

// The options of a scaler's calls are those it was made with. Calls come in time order. Not
// thread-safe. Allocates on construction only, as long as calls come no closer than the sync
// period.
class HpaScaler {
 public:
  explicit HpaScaler(const HpaOptions& options);

  // Takes up a function that has `current` replicas, as its first recommendation.
  void Begin(SimTime now, int32_t current) { recommendations_.Push(now, current); }

  // Stabilize, then Limit; a change of replicas is recorded as made.
  HpaScale Scale(const HpaOptions& options, SimTime now, int32_t current, int32_t desired);

  // `current`, raised to the least and lowered to the largest of `desired` and the recommendations
  // of the last stabilisation window (that of the way up for the least, of the way down for the
  // largest). Keeps `desired` as a recommendation.
  int32_t Stabilize(const HpaOptions& options, SimTime now, int32_t current, int32_t desired);

  // `desired` brought to where the policies and bounds allow, coming from `current`. A policy
  // counts from start = current - added + removed in its period:
  //   up: pods start + value; percent ceil(start (1 + value / 100)); the largest (Max) or smallest
  //   (Min), at least current, at most max_replicas;
  //   down: pods start - value; percent trunc(start (1 - value / 100)); the smallest (Max) or
  //   largest (Min), at most current, at least min_replicas;
  //   Disabled: current.
  HpaScale Limit(const HpaOptions& options, SimTime now, int32_t current, int32_t desired) const;

  // The number of replicas was changed by `change`.
  void RecordScale(SimTime now, int32_t change) { events_.Push(now, change); }

 private:
  // Values of the last `horizon`, and older ones until their place is needed.
  class Recent {
   public:
    // Room for one value per `interval`.
    Recent(SimTime horizon, SimTime interval);
    void Push(SimTime now, int32_t value);
    // Calls `visit(value)` for values after `cutoff`, newest first.
    template <class Visit>
    void After(SimTime cutoff, Visit visit) const;

   private:
    struct Entry {
      SimTime time;
      int32_t value;
    };
    SimTime horizon_;
    std::vector<Entry> entries_;  // a ring
    size_t size_ = 0;
    size_t next_ = 0;  // where the next value goes
  };

  int32_t UpLimit(const HpaScalingRules& rules, SimTime now, int32_t current) const;
  int32_t DownLimit(const HpaScalingRules& rules, SimTime now, int32_t current) const;
  // Replicas at the start of the period that ends now.
  int32_t PeriodStart(SimTime now, SimTime period, int32_t current) const;

  Recent recommendations_;
  Recent events_;  // changes of replicas, up positive
};

}  // namespace reeve
