// KEDA as a policy: a horizontal pod autoscaler that also goes to zero and comes back, for
// platforms that scale by replica target. Semantics of kedacore/keda
// pkg/scaling/executor/scale_scaledobjects.go (RequestScale) and the defaults of its ScaledObject
// (keda.sh/docs, "ScaledObject specification"); between one replica and the most, the HPA's
// (hpa_policy.h) with the triggers as its metrics.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "agents/rules/hpa_options.h"
#include "agents/rules/hpa_policy.h"
#include "agents/rules/rule_clock.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

// One event source.
struct KedaTrigger {
  HpaMetric metric = HpaMetric::kConcurrency;
  std::optional<double> target = std::nullopt;
  double activation_target = 0;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = KedaTrigger;
    v.Field("metric", &O::metric,
            "what is counted; concurrency and rps are totals of the function, cpu and memory say "
            "nothing about being active");
    v.Field("target", &O::target, "value of one pod to aim for; unset: as in hpa", AtLeast(0.001));
    v.Field("activation_target", &O::activation_target,
            "the trigger is active while the function's total is above this", AtLeast(0));
  }
};

struct KedaOptions {
  std::vector<KedaTrigger> triggers = {KedaTrigger{}};
  SimTime polling_interval = SimTime::Seconds(30);
  SimTime cooldown_period = SimTime::Seconds(300);
  int32_t min_replica_count = 0;
  int32_t max_replica_count = 100;
  SimTime sync_period = SimTime::Seconds(15);
  HpaScalingRules scale_up = DefaultHpaScaleUp();
  HpaScalingRules scale_down = DefaultHpaScaleDown();

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = KedaOptions;
    v.Field("triggers", &O::triggers,
            "event sources; one that is active is enough, and the one that wants most replicas "
            "counts");
    v.Field("polling_interval", &O::polling_interval, "time between two looks at the triggers",
            AtLeast(1));
    v.Field("cooldown_period", &O::cooldown_period,
            "time since a trigger was last seen active after which the last replica goes",
            AtLeast(0));
    v.Field("min_replica_count", &O::min_replica_count, "fewest replicas", AtLeast(0));
    v.Field("max_replica_count", &O::max_replica_count, "most replicas; 0: no bound", AtLeast(0));
    v.Field("sync_period", &O::sync_period, "time between two decisions of the HPA", AtLeast(1));
    v.Field("scale_up", &O::scale_up, "behaviour of the HPA on the way up");
    v.Field("scale_down", &O::scale_down, "behaviour of the HPA on the way down");
  }
  // Conditions between fields.
  absl::Status Validate() const;
  // The HPA that KEDA makes of it.
  HpaOptions Hpa() const;
};

// At every poll:
//   a trigger is active and there are no replicas: max(1, min_replica_count), at once;
//   none is active, the minimum is 0 and none was active for the cooldown period (or ever): 0;
//   none is active and there are fewer than the minimum: the minimum.
// A trigger is active when its total was above the activation target in any control period since
// the last poll. Between polls a request for a function without replicas activates it at once, as
// the push trigger of KEDA's HTTP add-on does.
class KedaPolicy : public Policy {
 public:
  // `options` have passed Validate().
  explicit KedaPolicy(const KedaOptions& options);

  std::string_view name() const override { return "keda"; }

  // Sets `replicas` where they are to change, at polls and at the HPA's syncs. Errors as
  // RuleClock::Advance.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

  // Scales from zero. Does nothing for functions that no Decide has seen.
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

 private:
  struct Function {
    std::optional<SimTime> last_active;
    bool active = false;   // since the last poll
    int32_t replicas = 0;  // last known or asked
  };
  int32_t Awake() const { return std::max(1, options_.min_replica_count); }

  const KedaOptions options_;
  HpaPolicy hpa_;
  RuleClock clock_;
  std::vector<Function> functions_;  // [F]
};

}  // namespace reeve
