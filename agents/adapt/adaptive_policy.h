// A policy that learns on the platform it drives: it detects which environment this is, lets the
// expert of that environment choose, and teaches it by what comes of its choices.
//
//   policy ┐                                       ┌ reward of the last period ─> experience
//          │ Snapshot ─┬─ context ─> detector ─────┼─ which expert
//          │           └─ features ────────────────┴─ its choices ─> decisions
//
// Around it may be a SafeguardedPolicy (AdaptiveControl below puts them together): what the
// fallback drove is said back, kept in the experience, and masked from the actors' gradients.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/adapt/context.h"
#include "agents/adapt/detector_spec.h"
#include "agents/adapt/expert_keeper.h"
#include "agents/adapt/online_experts.h"
#include "agents/adapt/online_spec.h"
#include "agents/adapt/safeguard_spec.h"
#include "agents/adapt/safeguarded_policy.h"
#include "agents/adapt/shift_detector.h"
#include "core/config.h"
#include "core/policy.h"
#include "envs/action.h"
#include "envs/observation.h"
#include "envs/reward.h"

namespace reeve {

struct AdaptiveSpec {
  ObservationSpec observation;
  ActionSpec action;
  RewardSpec reward;
  ContextSpec context;
  DetectorSpec detector;
  OnlineSpec online;
  double unsafe_penalty = 1;
  double pessimism = 2;

  template <class V>
  static void Fields(V& v) {
    using S = AdaptiveSpec;
    v.Field("observation", &S::observation,
            "What agents see; whether the fallback drove last is added at the end");
    v.Field("action", &S::action, "What agents may do");
    v.Field("reward", &S::reward, "What agents are paid");
    v.Field("context", &S::context, "By what environments are told apart");
    v.Field("detector", &S::detector, "How");
    v.Field("online", &S::online, "How experts learn");
    v.Field("unsafe_penalty", &S::unsafe_penalty,
            "Taken off the reward of every period that the fallback had to drive", Between(0, 1e6));
    v.Field("pessimism", &S::pessimism,
            "What the safeguard is told of the state's value is the critics' mean less so many "
            "times their error",
            Between(0, 1000));
  }
};

// Whose functions there are.
struct AgentNames {
  std::vector<std::string> functions;  // [F]
  std::vector<int32_t> tenants;        // [F] 0 .. tenants - 1
  // Functions come and go: what was learned about others is taken over as far as can be, and the
  // context has as many numbers whatever the number of functions.
  bool may_change = false;
};

// Not thread-safe. Decide does not allocate but when a new environment begins. One policy is for
// one platform.
class AdaptivePolicy : public Policy {
 public:
  AdaptivePolicy(const AdaptiveSpec& spec, const AgentNames& names, ExpertTrainerFactory trainers,
                 uint64_t seed);

  std::string_view name() const override { return "adaptive"; }
  // Errors: InvalidArgument for another number of functions; a training that diverged.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  // One replica, as the activator of a platform asks for.
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

  // Told, at the end of each Decide, what the state is worth by the critics' pessimistic estimate.
  // Before the first Decide. Costs the critics' work in every control period.
  void set_value_sink(std::function<void(double)> sink);

  // Keeps what is learned with `keeper` (which outlives the policy), and begins with what it has;
  // before the first Decide. Errors as of ExpertKeeper::Restore; later ones come from Decide.
  absl::Status KeepWith(ExpertKeeper* keeper);
  // Waits for a training that is under way, and until all that was learned is on disk. Nothing
  // without a keeper.
  absl::Status FinishKeeping();

  // Whether what Decide chose last is carried out [F]; without a call it is.
  void SetOwn(std::span<const uint8_t> own);

  const Detection& detection() const { return detection_; }  // of the last Decide
  const ShiftDetector& detector() const { return detector_; }
  std::span<const double> context() const { return tracker_.context(); }
  const OnlineExperts& learner() const { return learner_; }
  OnlineExperts& learner() { return learner_; }
  double mean_reward() const { return mean_reward_; }  // over functions, of the last period

 private:
  absl::Status Settle(const Snapshot& snapshot);
  double PessimisticValue() const;

  const AdaptiveSpec spec_;
  const size_t functions_;
  const bool may_change_;
  FeatureExtractor extractor_;
  ActionCodec codec_;
  RewardFunction reward_;
  ContextTracker tracker_;
  ShiftDetector detector_;
  OnlineExperts learner_;
  Detection detection_;
  std::function<void(double)> value_sink_;
  ExpertKeeper* keeper_ = nullptr;
  SimTime resumed_at_;   // the detector's clock goes on from here
  bool chosen_ = false;  // there is a choice to be rewarded
  double mean_reward_ = 0;

  std::vector<float> observations_;                 // [F, O]
  std::vector<uint8_t> legal_;                      // [F, K]
  std::vector<uint8_t> present_;                    // [F] ones
  std::vector<uint8_t> own_;                        // [F]
  std::vector<int32_t> choices_;                    // [F, H]
  std::vector<float> rewards_;                      // [F]
  std::vector<ActionOutcome> outcomes_, previous_;  // [F]
};

// An AdaptivePolicy under a safeguard.
class AdaptiveControl : public Policy {
 public:
  AdaptiveControl(std::unique_ptr<AdaptivePolicy> learner, std::unique_ptr<Policy> fallback,
                  const SafeguardSpec& spec);

  std::string_view name() const override { return "adaptive"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

  // Which of the decisions of the last Decide [F] were carried out, where that is not all: on a
  // live platform, the loop may have held them back.
  void SetCarriedOut(std::span<const uint8_t> carried_out);

  AdaptivePolicy& adaptive() { return *adaptive_; }
  const AdaptivePolicy& adaptive() const { return *adaptive_; }
  const SafeguardedPolicy& guarded() const { return guarded_; }

 private:
  AdaptivePolicy* const adaptive_;  // owned by guarded_
  SafeguardedPolicy guarded_;
  std::vector<uint8_t> own_;  // [F]
};

}  // namespace reeve
