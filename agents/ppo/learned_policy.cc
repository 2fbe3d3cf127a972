#include "agents/ppo/learned_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/ppo/categorical.h"
#include "core/status.h"

namespace reeve {

LearnedPolicy::LearnedPolicy(std::shared_ptr<const TrainedPolicy> trained,
                             std::vector<int32_t> groups, ChoiceRule rule, uint64_t seed)
    : trained_(std::move(trained)),
      rule_(rule),
      seed_(seed),
      functions_(groups.size()),
      features_(static_cast<size_t>(trained_->model.features())),
      heads_(trained_->model.heads().size()),
      choices_count_(static_cast<size_t>(trained_->model.choices())),
      extractor_(trained_->observation),
      codec_(trained_->action),
      runner_(trained_->model, groups, 1, ModelRunner::Use::kActor),
      observations_(functions_ * features_),
      present_(functions_, 1),
      legal_(functions_ * choices_count_),
      probabilities_(functions_ * choices_count_),
      choices_(functions_ * heads_, -1) {}

absl::Status LearnedPolicy::CheckWindow(const Snapshot& snapshot) {
  const SimTime period = trained_->control_period;
  if (snapshot.window > period || cut_short_) {
    return absl::InvalidArgumentError(
        fmt::format("the policy was trained to decide every {} s and is shown windows of {} s: set "
                    "the cluster's control_period to the first",
                    period.seconds(), snapshot.window.seconds()));
  }
  cut_short_ = SimTime() < snapshot.window && snapshot.window < period;
  return absl::OkStatus();
}

absl::Status LearnedPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  if (snapshot.functions.size() != functions_) {
    return absl::InvalidArgumentError(fmt::format("a policy for {} functions was shown {}",
                                                  functions_, snapshot.functions.size()));
  }
  RETURN_IF_ERROR(CheckWindow(snapshot));
  extractor_.Extract(snapshot, observations_);
  codec_.Legal(snapshot, legal_);
  runner_.Step(observations_.data(), present_.data(), choices_.data());
  Choose(snapshot.time);
  codec_.Decode(snapshot, choices_, decisions, {});
  return absl::OkStatus();
}

void LearnedPolicy::Choose(SimTime now) {
  const std::vector<int32_t>& heads = codec_.heads();
  for (size_t f = 0; f < functions_; ++f) {
    const float* logits =
        runner_.logits().data() +
        static_cast<size_t>(runner_.Row(static_cast<int32_t>(f), 0)) * choices_count_;
    const uint8_t* legal = &legal_[f * choices_count_];
    float* probabilities = &probabilities_[f * choices_count_];
    const RandomStream random(seed_, StreamPurpose::kPolicy, static_cast<uint32_t>(f));
    for (size_t head = 0; head < heads.size(); ++head) {
      const int32_t n = heads[head];
      MaskedSoftmax(logits, legal, n, probabilities);
      choices_[f * heads_ + head] =
          rule_ == ChoiceRule::kMostProbable
              ? MostProbable(probabilities, n)
              : Sample(probabilities, n,
                       random.Uniform(static_cast<uint64_t>(now.micros()) * heads_ + head));
      logits += n;
      legal += n;
      probabilities += n;
    }
  }
}

void LearnedPolicy::Wake(FunctionId /*function*/, SimTime /*now*/, Decision& decision) {
  decision.replicas = std::max(1, codec_.spec().min_replicas);
}

AgentView LearnedPolicy::ViewOf(FunctionId function) const {
  const size_t f = function.index();
  return {std::span(observations_).subspan(f * features_, features_),
          std::span(probabilities_).subspan(f * choices_count_, choices_count_),
          std::span(choices_).subspan(f * heads_, heads_),
          std::span(legal_).subspan(f * choices_count_, choices_count_)};
}

}  // namespace reeve
