#include "agents/adapt/expert_exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agents/ppo/checkpoint.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

bool SameActor(const PolicyModel& a, const PolicyModel& b) {
  return a.feature_names == b.feature_names && a.group_of == b.group_of && a.heads() == b.heads() &&
         a.actor.inputs == b.actor.inputs && WriteConfig(a.actor.spec) == WriteConfig(b.actor.spec);
}

// The critic and the optimiser of an expert, around this policy.
absl::StatusOr<TrainerState> WithCritic(const ExpertLibrary& library, const PolicyModel& policy,
                                        const std::string& path) {
  const Expert* best = nullptr;
  for (const auto& [environment, expert] : library.experts()) {
    if (!SameActor(expert.state.model, policy)) continue;
    if (best == nullptr || expert.state.steps_done > best->state.steps_done) best = &expert;
  }
  if (best == nullptr) {
    return absl::InvalidArgumentError(
        path +
        ": a policy without a critic, and the library has no expert with the same networks whose "
        "critic could take its place; export it with --training, or import a checkpoint of its "
        "training");
  }
  TrainerState state = best->state;
  state.model.actor_parameters = policy.actor_parameters;
  state.model.observations = policy.observations;
  state.model.agent_names = policy.agent_names;
  std::ranges::fill(state.actor_first_moments, 0.0F);
  std::ranges::fill(state.actor_second_moments, 0.0F);
  std::ranges::fill(state.actor_updates, int64_t{0});
  state.actor_memory = {};
  state.recent_returns.clear();
  return state;
}

}  // namespace

absl::Status ExportExpert(const ExpertLibrary& library, int64_t environment, bool training,
                          const std::string& path) {
  const Expert* const expert = library.Find(environment);
  if (expert == nullptr) {
    return absl::NotFoundError(fmt::format("{}: no expert {}", library.path(), environment));
  }
  return training ? SaveTraining(path, expert->info, expert->state)
                  : SavePolicy(path, expert->info, expert->state.model);
}

absl::StatusOr<Expert> ImportExpert(const ExpertLibrary& library, int64_t environment,
                                    const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  Expert expert;
  expert.environment = environment;
  expert.explored = true;
  ASSIGN_OR_RETURN(PolicyCheckpoint policy, ParsePolicy(bytes, path));
  expert.info = std::move(policy.info);
  if (policy.model.critic_parameters.empty()) {
    ASSIGN_OR_RETURN(expert.state, WithCritic(library, policy.model, path));
  } else {
    ASSIGN_OR_RETURN(TrainingCheckpoint whole, ParseTraining(bytes, path));
    expert.state = std::move(whole.state);
  }
  return expert;
}

}  // namespace reeve
