#include "agents/adapt/ppo_expert_trainer.h"

#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "agents/ppo/anchors.h"
#include "agents/ppo/online_learner.h"
#include "core/status.h"

namespace reeve {
namespace {

void Summarise(const Rollout& batch, OnlineUpdate& update) {
  double weight = 0, rewards = 0, squares = 0;
  for (size_t i = 0; i < batch.weights.size(); ++i) {
    if (batch.weights[i] == 0) continue;
    weight += 1;
    rewards += batch.rewards[i];
    const double error = batch.returns[i] - batch.values[i];
    squares += error * error;
  }
  if (weight == 0) return;
  update.mean_reward = rewards / weight;
  update.value_error = std::sqrt(squares / weight);
}

AnchorShape ShapeOf(const PolicyModel& model, int32_t steps) {
  return {.groups = model.groups,
          .inputs = model.actor.inputs,
          .heads = model.heads(),
          .context = 1,
          .steps = steps};
}

class PpoExpertTrainer final : public ExpertTrainer {
 public:
  PpoExpertTrainer(TrainerState state, const OnlineSpec& spec, int32_t stretches, int32_t steps)
      : spec_(spec), learner_(std::move(state), spec.learner, stretches, steps, 1) {
    if (spec.method != OnlineMethod::kLcpo) return;
    anchors_.emplace(ShapeOf(learner_.state().model, spec.lcpo.steps), spec.lcpo.kept,
                     learner_.state().seed);
  }

  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& batch) override {
    UpdateOptions options = UpdateOptionsOf(spec_.learner, 0);
    options.entropy = static_cast<float>(batch.entropy);
    const int64_t environment = batch.environments.back();
    AnchorSet others;
    if (anchors_) {
      others = anchors_->Draw(static_cast<uint64_t>(updates_), spec_.lcpo.drawn,
                              [&](std::span<const double> context) {
                                return context[0] != static_cast<double>(environment);
                              });
      if (others.size() > 0) options.anchors = &others;
      options.anchor_weight = static_cast<float>(spec_.lcpo.weight);
    }
    if (spec_.method == OnlineMethod::kEwc) RETURN_IF_ERROR(LeaveOthers(environment, options));
    OnlineUpdate update;
    ASSIGN_OR_RETURN(update.groups, learner_.Update(batch.rollout, options));
    Summarise(batch.rollout, update);
    if (anchors_) {
      // A batch that spans a change is offered as of where it ended.
      anchors_->Add(batch.rollout, learner_.state().model.group_of,
                    std::array{static_cast<double>(environment)});
    }
    if (spec_.method == OnlineMethod::kEwc) last_ = batch.rollout;
    ++updates_;
    return update;
  }

  const TrainerState& state() const override { return learner_.state(); }

 private:
  // At the first batch of another environment, what the last one needed is consolidated.
  absl::Status LeaveOthers(int64_t environment, UpdateOptions& options) {
    if (environment_ && *environment_ != environment && last_) {
      RETURN_IF_ERROR(learner_.Consolidate(*last_, spec_.ewc.samples, spec_.ewc.decay));
    }
    environment_ = environment;
    options.elasticity = spec_.ewc.elasticity;
    return absl::OkStatus();
  }

  const OnlineSpec spec_;
  OnlineLearner learner_;
  int64_t updates_ = 0;
  std::optional<AnchorStore> anchors_;  // method: lcpo
  std::optional<Rollout> last_;         // method: ewc; the last batch
  std::optional<int64_t> environment_;  // of the last batch
};

}  // namespace

ExpertTrainerFactory PpoExperts(const OnlineSpec& spec) {
  return [spec](TrainerState state, int32_t stretches,
                int32_t steps) -> std::unique_ptr<ExpertTrainer> {
    return std::make_unique<PpoExpertTrainer>(std::move(state), spec, stretches, steps);
  };
}

}  // namespace reeve
