#include "agents/adapt/adaptive_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "core/status.h"

namespace reeve {
namespace {

constexpr const char* kFlag = "fallback_drove";

VectorEnvSpec ShapeOf(const AdaptiveSpec& spec, const AgentNames& names) {
  VectorEnvSpec shape;
  shape.agents = static_cast<int32_t>(names.functions.size());
  shape.heads = ActionCodec(spec.action).heads();
  shape.feature_names = FeatureExtractor(spec.observation).names();
  shape.feature_names.emplace_back(kFlag);
  shape.features = static_cast<int32_t>(shape.feature_names.size());
  shape.agent_names = names.functions;
  shape.tenants = names.tenants;
  return shape;
}

size_t Groups(const AdaptiveSpec& spec) {
  return static_cast<size_t>(spec.context.groups);
}

// The environment whose contexts are nearest to those of this one, if there is another.
std::optional<int64_t> ClosestTo(const EnvironmentBook& book, int64_t environment) {
  const std::optional<size_t> place = book.Find(environment);
  if (!place) return std::nullopt;
  const std::optional<size_t> nearest = book.Nearest(*place);
  if (!nearest) return std::nullopt;
  return book.stats(*nearest).id;
}

}  // namespace

AdaptivePolicy::AdaptivePolicy(const AdaptiveSpec& spec, const AgentNames& names,
                               ExpertTrainerFactory trainers, uint64_t seed)
    : spec_(spec),
      functions_(names.functions.size()),
      may_change_(names.may_change),
      extractor_(spec.observation),
      codec_(spec.action),
      reward_(spec.reward),
      tracker_(spec.context, may_change_ ? std::max(functions_, Groups(spec)) : functions_),
      detector_(spec.detector, tracker_.size()),
      learner_(ShapeOf(spec, names), spec.online, std::move(trainers), seed),
      observations_(functions_ * (extractor_.size() + 1)),
      legal_(functions_ * static_cast<size_t>(codec_.choices())),
      present_(functions_, 1),
      own_(functions_, 1),
      choices_(functions_ * codec_.heads().size()),
      rewards_(functions_),
      outcomes_(functions_),
      previous_(functions_) {
  learner_.set_wants_values(false);
}

void AdaptivePolicy::set_value_sink(std::function<void(double)> sink) {
  value_sink_ = std::move(sink);
  learner_.set_wants_values(static_cast<bool>(value_sink_));
}

// What came of the last choice.
absl::Status AdaptivePolicy::Settle(const Snapshot& snapshot) {
  if (!chosen_ || snapshot.window == SimTime()) return absl::OkStatus();
  const bool all_own = std::ranges::find(own_, uint8_t{0}) == own_.end();
  for (size_t f = 0; f < functions_ && !all_own; ++f) {
    if (own_[f] == 0) outcomes_[f] = {};  // the agent's move was not made
  }
  reward_.Compute(snapshot, outcomes_, previous_, rewards_);
  for (size_t f = 0; f < functions_ && !all_own; ++f) {
    if (own_[f] == 0) rewards_[f] -= static_cast<float>(spec_.unsafe_penalty);
  }
  mean_reward_ = std::accumulate(rewards_.begin(), rewards_.end(), 0.0) /
                 static_cast<double>(std::max<size_t>(functions_, 1));
  learner_.Reward(rewards_, own_);
  std::swap(outcomes_, previous_);
  chosen_ = false;
  return absl::OkStatus();
}

absl::Status AdaptivePolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  if (snapshot.functions.size() != functions_) {
    return absl::InvalidArgumentError(fmt::format("a policy for {} functions was shown {}",
                                                  functions_, snapshot.functions.size()));
  }
  RETURN_IF_ERROR(Settle(snapshot));
  if (chosen_) return absl::OkStatus();  // shown the same moment again: what was chosen stands
  tracker_.Update(snapshot);
  const SimTime now = resumed_at_ + snapshot.time;
  detection_ = detector_.Observe(now, tracker_.context());
  if (detection_.environment != learner_.environment() || detection_.is_new) {
    learner_.Switch(detection_.environment,
                    ClosestTo(detector_.environments(), detection_.environment));
  }
  const size_t width = extractor_.size();
  extractor_.Extract(snapshot, observations_, width + 1);
  for (size_t f = 0; f < functions_; ++f) {
    observations_[f * (width + 1) + width] = own_[f] == 0 ? 1.0F : 0.0F;
  }
  codec_.Legal(snapshot, legal_);
  RETURN_IF_ERROR(learner_.Act({observations_, legal_, present_}, choices_));
  codec_.Decode(snapshot, choices_, decisions, outcomes_);
  std::fill(own_.begin(), own_.end(), uint8_t{1});
  chosen_ = true;
  if (value_sink_) value_sink_(PessimisticValue());
  return keeper_ == nullptr ? absl::OkStatus() : keeper_->Keep(now, learner_, detector_);
}

absl::Status AdaptivePolicy::KeepWith(ExpertKeeper* keeper) {
  RETURN_IF_ERROR(keeper->Restore(learner_, detector_, may_change_));
  keeper_ = keeper;
  resumed_at_ = detector_.time();
  return absl::OkStatus();
}

absl::Status AdaptivePolicy::FinishKeeping() {
  return keeper_ == nullptr ? absl::OkStatus()
                            : keeper_->Finish(detector_.time(), learner_, detector_);
}

double AdaptivePolicy::PessimisticValue() const {
  const std::span<const float> values = learner_.values();
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) /
                      static_cast<double>(std::max<size_t>(values.size(), 1));
  return mean - spec_.pessimism * learner_.value_error();
}

void AdaptivePolicy::Wake(FunctionId /*function*/, SimTime /*now*/, Decision& decision) {
  decision.replicas = std::max(1, codec_.spec().min_replicas);
}

void AdaptivePolicy::SetOwn(std::span<const uint8_t> own) {
  std::copy(own.begin(), own.end(), own_.begin());
}

AdaptiveControl::AdaptiveControl(std::unique_ptr<AdaptivePolicy> learner,
                                 std::unique_ptr<Policy> fallback, const SafeguardSpec& spec)
    : adaptive_(learner.get()), guarded_(std::move(learner), std::move(fallback), spec) {
  if (!spec.value) return;
  // The guard asks its learner before it judges, so this is of the snapshot that it judges.
  adaptive_->set_value_sink([this](double value) { guarded_.set_value(value); });
}

absl::Status AdaptiveControl::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  RETURN_IF_ERROR(guarded_.Decide(snapshot, decisions));
  // Of a snapshot that cannot be true the learner did not hear; what it chose before is overruled.
  const bool believed = guarded_.metrics_fault() == MetricsFault::kNone;
  own_.assign(decisions.size(), 0);
  if (believed && !guarded_.engaged().empty()) {
    std::ranges::transform(guarded_.engaged(), own_.begin(),
                           [](uint8_t engaged) { return engaged == 0 ? uint8_t{1} : uint8_t{0}; });
  }
  adaptive_->SetOwn(own_);
  return absl::OkStatus();
}

void AdaptiveControl::SetCarriedOut(std::span<const uint8_t> carried_out) {
  for (size_t f = 0; f < own_.size(); ++f) own_[f] = own_[f] != 0 && carried_out[f] != 0 ? 1 : 0;
  adaptive_->SetOwn(own_);
}

void AdaptiveControl::Wake(FunctionId function, SimTime now, Decision& decision) {
  guarded_.Wake(function, now, decision);
}

}  // namespace reeve
