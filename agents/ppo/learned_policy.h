// A trained policy at work: the same features, networks and actions as in training, on any
// platform's snapshots.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/ppo/model_runner.h"
#include "agents/ppo/trained_policy.h"
#include "core/config.h"
#include "core/policy.h"
#include "core/random.h"
#include "envs/action.h"
#include "envs/observation.h"

namespace reeve {

enum class ChoiceRule : uint8_t {
  kMostProbable,  // what the policy thinks best
  kSample,        // as in training
};
constexpr auto EnumNames(ChoiceRule) {
  return std::array<std::pair<ChoiceRule, std::string_view>, 2>{
      {{ChoiceRule::kMostProbable, "most_probable"}, {ChoiceRule::kSample, "sample"}}};
}

struct LearnedOptions {
  std::string checkpoint;
  ChoiceRule choose = ChoiceRule::kMostProbable;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("checkpoint", &LearnedOptions::checkpoint,
            "the policy's file, as `reeve train` leaves it (policy.rpolicy)");
    v.Field("choose", &LearnedOptions::choose,
            "most_probable: what it thinks best; sample: by its probabilities, as in training");
  }
};

// What one function's agent saw and chose at its last decision.
struct AgentView {
  std::span<const float> observation;    // [O] raw
  std::span<const float> probabilities;  // [K], head by head; 0 for what is illegal
  std::span<const int32_t> choices;      // [H]
  std::span<const uint8_t> legal;        // [K]
};

// Decides at the period it was trained with: what a window shows depends on its length.
// InvalidArgument from Decide for windows of another length, but for the empty one at the start and
// the last, which the end of a run may cut short. Decide does not allocate after the first time.
// One policy is for one run.
class LearnedPolicy : public Policy {
 public:
  // `groups` [F]: GroupsFor. Draws (ChoiceRule::kSample) are keyed by (seed, function, time).
  LearnedPolicy(std::shared_ptr<const TrainedPolicy> trained, std::vector<int32_t> groups,
                ChoiceRule rule, uint64_t seed);

  std::string_view name() const override { return "learned"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  // As the activator of a platform: one replica.
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

  const TrainedPolicy& trained() const { return *trained_; }
  // Of the last Decide; valid until the next.
  AgentView ViewOf(FunctionId function) const;
  const ModelRunner& runner() const { return runner_; }

 private:
  absl::Status CheckWindow(const Snapshot& snapshot);
  void Choose(SimTime now);

  const std::shared_ptr<const TrainedPolicy> trained_;
  const ChoiceRule rule_;
  const uint64_t seed_;
  const size_t functions_, features_, heads_, choices_count_;
  bool cut_short_ = false;  // the last window was, so it must have been the last of the run
  FeatureExtractor extractor_;
  ActionCodec codec_;
  ModelRunner runner_;
  std::vector<float> observations_;   // [F, O]
  std::vector<uint8_t> present_;      // [F]
  std::vector<uint8_t> legal_;        // [F, K]
  std::vector<float> probabilities_;  // [F, K]
  std::vector<int32_t> choices_;      // [F, H]; -1 before the first decision
};

}  // namespace reeve
