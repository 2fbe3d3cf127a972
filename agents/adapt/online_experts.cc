#include "agents/adapt/online_experts.h"

#include <algorithm>
#include <utility>

#include "agents/adapt/carry_over.h"
#include "agents/ppo/categorical.h"
#include "core/check.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr int64_t kTheOne = 0;  // the expert of all environments, where there is but one

VectorEnvSpec OneSystem(VectorEnvSpec shape) {
  shape.envs = 1;
  return shape;
}

// Parameters and normalisers stay where they are: a runner reads them in place.
void CopyInPlace(const PolicyModel& from, PolicyModel& to) {
  const auto copy = [](const auto& source, auto& target) {
    REEVE_CHECK(source.size() == target.size());
    std::copy(source.begin(), source.end(), target.begin());
  };
  copy(from.actor_parameters, to.actor_parameters);
  copy(from.critic_parameters, to.critic_parameters);
  for (const auto member : {&PolicyModel::observations, &PolicyModel::values}) {
    copy((from.*member).mean, (to.*member).mean);
    copy((from.*member).variance, (to.*member).variance);
    copy((from.*member).count, (to.*member).count);
  }
}

}  // namespace

struct OnlineExperts::Expert {
  Expert(int64_t its_environment, TrainerState state, const VectorEnvSpec& shape,
         const ExperienceSpec& experience, const ExpertTrainerFactory& trainers,
         const Exploration& explored)
      : environment(its_environment),
        acting(state.model),
        runner(acting, 1, ModelRunner::Use::kActorAndCritic),
        collected(acting, shape, experience),
        learned_from(collected),
        trainer(trainers(std::move(state), collected.stretches(), experience.steps)),
        exploration(explored) {
    if (CanValueLater(acting)) actor.emplace(acting, 1, ModelRunner::Use::kActor);
  }

  const int64_t environment;
  PolicyModel acting;
  ModelRunner runner;
  std::optional<ModelRunner> actor;  // alone, where values can be left for later
  Experience collected, learned_from;
  std::unique_ptr<ExpertTrainer> trainer;  // the background thread's, while it learns
  Exploration exploration;
  double value_error = 0;
};

OnlineExperts::OnlineExperts(const VectorEnvSpec& shape, const OnlineSpec& spec,
                             ExpertTrainerFactory trainers, uint64_t seed)
    : shape_(OneSystem(shape)),
      spec_(spec),
      experience_{.steps = spec.stretch, .stretches = spec.stretches, .patience = spec.patience},
      trainers_(std::move(trainers)),
      seed_(seed),
      background_(std::make_unique<BackgroundTrainer>()) {
  const auto agents = static_cast<size_t>(shape_.agents);
  known_.resize(agents);
  starts_.resize(agents);
  last_actions_.assign(agents * shape_.heads.size(), -1);
  log_probs_.resize(agents);
  values_.resize(agents);
  peeked_.resize(agents);
  probabilities_.resize(static_cast<size_t>(shape_.choices()));
  all_own_.assign(agents, 1);
}

OnlineExperts::~OnlineExperts() {
  StopWaiting();
}

void OnlineExperts::StopWaiting() {
  if (learning_ != nullptr) learning_->trainer->Stop();
}

std::unique_ptr<OnlineExperts::Expert> OnlineExperts::MakeExpert(int64_t environment,
                                                                 TrainerState state,
                                                                 int64_t steps) {
  return std::make_unique<Expert>(environment, std::move(state), shape_, experience_, trainers_,
                                  Exploration(spec_.exploration, steps));
}

OnlineExperts::Expert& OnlineExperts::ExpertFor(int64_t environment,
                                                std::optional<int64_t> closest) {
  std::unique_ptr<Expert>& expert = experts_[environment];
  if (expert != nullptr) return *expert;
  TrainerState state = MakeTrainerState(shape_, spec_.learner, seed_);
  if (spec_.warm_start == WarmStart::kClosest && closest) {
    const auto like = experts_.find(*closest);
    // What acts is what can be read while the other learns; moments of its updates stay with it.
    if (like != experts_.end() && like->second != nullptr) state.model = like->second->acting;
  }
  expert = MakeExpert(environment, std::move(state), 0);
  ++counts_.experts_begun;
  return *expert;
}

void OnlineExperts::Switch(int64_t environment, std::optional<int64_t> closest) {
  environment_ = environment;
  ExpertFor(spec_.method == OnlineMethod::kExperts ? environment : kTheOne, closest);
}

void OnlineExperts::set_wants_values(bool wanted) {
  REEVE_CHECK(counts_.steps == 0);
  wants_values_ = wanted;
}

absl::Status OnlineExperts::Act(const OnlineStep& step, std::span<int32_t> actions) {
  REEVE_CHECK(!open_);
  RETURN_IF_ERROR(TakeLearned());
  Expert& next =
      ExpertFor(spec_.method == OnlineMethod::kExperts ? environment_ : kTheOne, std::nullopt);
  if (expert_ != nullptr && expert_->collected.can_cut() &&
      (expert_->collected.stretch_full() || expert_->collected.environment() != environment_)) {
    EndStretch(*expert_, step);
  }
  const bool new_stretch = !next.collected.can_cut();
  if (expert_ != &next) {
    counts_.switches += expert_ != nullptr;
    expert_ = &next;
  }
  ModelRunner& runner = !wants_values_ && next.actor ? *next.actor : next.runner;
  for (size_t agent = 0; agent < known_.size(); ++agent) {
    starts_[agent] = new_stretch || known_[agent] == 0;
    if (starts_[agent] != 0) runner.Forget(0, static_cast<int32_t>(agent));
    known_[agent] = step.present[agent];
  }
  runner.Step(step.observations.data(), step.present.data(), last_actions_.data());
  Choose(runner, step, actions);
  next.collected.Add(runner, next.acting,
                     {.observations = step.observations,
                      .legal = step.legal,
                      .present = step.present,
                      .starts = starts_,
                      .actions = actions,
                      .log_probs = log_probs_,
                      .environment = environment_});
  ++now_;
  ++counts_.steps;
  open_ = true;
  return absl::OkStatus();
}

void OnlineExperts::Choose(const ModelRunner& runner, const OnlineStep& step,
                           std::span<int32_t> actions) {
  const auto heads = shape_.heads.size();
  const auto choices = static_cast<size_t>(shape_.choices());
  for (size_t agent = 0; agent < known_.size(); ++agent) {
    const auto row = static_cast<size_t>(runner.Row(static_cast<int32_t>(agent), 0));
    if (!runner.values().empty()) values_[agent] = runner.values()[row];
    int32_t* const chosen = actions.data() + agent * heads;
    if (step.present[agent] == 0) {
      std::fill_n(chosen, heads, 0);
      std::fill_n(last_actions_.begin() + static_cast<ptrdiff_t>(agent * heads), heads, -1);
      log_probs_[agent] = 0;
      continue;
    }
    const RandomStream stream(seed_, StreamPurpose::kExploration, static_cast<uint32_t>(agent));
    const uint64_t draw = static_cast<uint64_t>(now_) * heads;
    log_probs_[agent] = SampleHeads(
        shape_.heads, runner.logits().data() + row * choices, step.legal.data() + agent * choices,
        [&](size_t head) { return stream.Uniform(draw + head); }, probabilities_.data(), chosen);
    std::copy_n(chosen, heads, last_actions_.begin() + static_cast<ptrdiff_t>(agent * heads));
  }
}

void OnlineExperts::Reward(std::span<const float> rewards, std::span<const uint8_t> own) {
  REEVE_CHECK(open_);
  open_ = false;
  expert_->collected.Complete(
      {.rewards = rewards, .own = spec_.mask_safeguarded ? own : std::span(all_own_)});
  expert_->exploration.Advance(1);
}

// What follows the stretch is worth what its own critic says; then, with enough of them, the batch
// is learned from.
void OnlineExperts::EndStretch(Expert& expert, const OnlineStep& step) {
  expert.runner.PeekValues(0,
                           {.observations = step.observations.data(),
                            .present = step.present.data(),
                            .last_actions = last_actions_.data()},
                           peeked_);
  expert.collected.Cut(peeked_, step.present);
  if (expert.collected.full()) LearnFrom(expert);
}

void OnlineExperts::LearnFrom(Expert& expert) {
  if (spec_.freeze && expert.exploration.finished()) {
    expert.collected.Clear();
    return;
  }
  if (background_->busy()) {
    ++counts_.batches_dropped;
    expert.collected.Clear();
    return;
  }
  std::swap(expert.collected, expert.learned_from);
  expert.learned_from.TakeRollout(expert.collected);
  expert.collected.Clear();
  learning_ = &expert;
  learning_since_ = now_;
  const double entropy = expert.exploration.entropy();
  background_->Start([this, &expert, entropy]() -> absl::Status {
    absl::StatusOr<OnlineUpdate> update =
        expert.trainer->Learn({.rollout = expert.learned_from.rollout(),
                               .environments = expert.learned_from.environments(),
                               .entropy = entropy});
    if (!update.ok()) return update.status();
    news_ = *std::move(update);
    return absl::OkStatus();
  });
}

absl::Status OnlineExperts::TakeLearned() {
  if (!background_->busy()) return absl::OkStatus();
  if (spec_.swap_after > 0) {
    return now_ - learning_since_ >= spec_.swap_after ? Finish(background_->Wait())
                                                      : absl::OkStatus();
  }
  const std::optional<absl::Status> status = background_->Poll();
  return status ? Finish(*status) : absl::OkStatus();
}

absl::Status OnlineExperts::Finish(const absl::Status& status) {
  Expert& expert = *std::exchange(learning_, nullptr);
  if (absl::IsUnavailable(status)) {
    trouble_ = status;
    ++counts_.batches_lost;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(status);
  trouble_ = absl::OkStatus();
  CopyInPlace(expert.trainer->state().model, expert.acting);
  expert.runner.Refresh();
  if (expert.actor) expert.actor->Refresh();
  expert.collected.CriticChanges();
  expert.value_error = news_->value_error;
  last_update_ = std::exchange(news_, std::nullopt);
  last_learned_ = expert.environment;
  ++counts_.updates;
  return absl::OkStatus();
}

double OnlineExperts::value_error() const {
  return expert_ == nullptr ? 0 : expert_->value_error;
}

bool OnlineExperts::exploring() const {
  return expert_ != nullptr && !expert_->exploration.finished();
}

std::vector<int64_t> OnlineExperts::environments() const {
  std::vector<int64_t> ids;
  for (const auto& [id, expert] : experts_) ids.push_back(id);
  return ids;
}

absl::StatusOr<OnlineExpertState> OnlineExperts::StateOf(int64_t environment) {
  const auto found = experts_.find(environment);
  if (found == experts_.end()) return absl::NotFoundError("no expert of this environment");
  const Expert& expert = *found->second;
  if (learning_ == &expert) RETURN_IF_ERROR(Finish(background_->Wait()));
  return OnlineExpertState{expert.trainer->state(), expert.exploration.steps_done(),
                           expert.value_error, expert.exploration.finished()};
}

bool OnlineExperts::learning(int64_t environment) const {
  const auto found = experts_.find(environment);
  return learning_ != nullptr && found != experts_.end() && found->second.get() == learning_;
}

void OnlineExperts::Forget(int64_t environment) {
  const auto found = experts_.find(environment);
  if (found == experts_.end() || found->second.get() == expert_ ||
      found->second.get() == learning_) {
    return;
  }
  experts_.erase(found);
}

absl::Status OnlineExperts::Restore(int64_t environment, const OnlineExpertState& state) {
  REEVE_CHECK(now_ == 0);
  const TrainerState own = MakeTrainerState(shape_, spec_.learner, seed_);
  if (state.trainer.model.actor_parameters.size() != own.model.actor_parameters.size() ||
      state.trainer.model.critic_parameters.size() != own.model.critic_parameters.size() ||
      state.trainer.model.feature_names != own.model.feature_names ||
      state.trainer.model.group_of != own.model.group_of) {
    return absl::InvalidArgumentError(
        "the expert has other networks, features or agents than this training");
  }
  Install(environment, state.trainer, state);
  return absl::OkStatus();
}

absl::Status OnlineExperts::Adopt(int64_t environment, const OnlineExpertState& state) {
  REEVE_CHECK(now_ == 0);
  ASSIGN_OR_RETURN(TrainerState adopted,
                   CarryOver(state.trainer, MakeTrainerState(shape_, spec_.learner, seed_)));
  Install(environment, std::move(adopted), state);
  return absl::OkStatus();
}

void OnlineExperts::Install(int64_t environment, TrainerState trainer,
                            const OnlineExpertState& state) {
  std::unique_ptr<Expert> expert = MakeExpert(environment, std::move(trainer), state.steps);
  expert->value_error = state.value_error;
  experts_[environment] = std::move(expert);
}

}  // namespace reeve
