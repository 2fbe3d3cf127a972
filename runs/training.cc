#include "runs/training.h"

#include <algorithm>
#include <span>
#include <utility>

#include "agents/ppo/retraining_monitor.h"
#include "agents/ppo/trainer.h"
#include "core/status.h"
#include "envs/cluster_env.h"
#include "envs/straggler_env.h"
#include "runs/rule_demonstrator.h"

namespace reeve {

struct Training::Impl {
  absl::Status MakeEnvironments();

  TrainingConfig config;
  std::unique_ptr<VectorEnv> env;
  std::shared_ptr<const Scenario> scenario;  // null: the straggler environment
  Collective alone;
  Collective* together = &alone;
  std::unique_ptr<RuleDemonstrator> rule;  // null: none
  std::unique_ptr<Trainer> trainer;
};

absl::Status Training::Impl::MakeEnvironments() {
  const int32_t envs = config.environments, first_env = together->rank() * envs;
  if (config.scenario.straggler) {
    if (config.bootstrap.policy) {
      return absl::InvalidArgumentError(
          "bootstrap.policy: rules drive clusters, and the straggler environment has none");
    }
    env = std::make_unique<StragglerEnv>(*config.scenario.straggler,
                                         StragglerEnvOptions{.envs = envs, .first_env = first_env});
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(Scenario resolved, ResolveScenario(config.scenario, config.folder));
  scenario = std::make_shared<const Scenario>(std::move(resolved));
  auto clusters = std::make_unique<ClusterEnv>(
      scenario, ClusterEnvOptions{.envs = envs, .first_env = first_env});
  if (config.bootstrap.policy) {
    ASSIGN_OR_RETURN(rule, RuleDemonstrator::Create(*config.bootstrap.policy, *clusters));
  }
  env = std::move(clusters);
  return absl::OkStatus();
}

Training::Training(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Training::~Training() = default;

absl::StatusOr<std::unique_ptr<Training>> Training::Create(const TrainingConfig& config,
                                                           int32_t threads,
                                                           Collective* collective) {
  auto impl = std::make_unique<Impl>();
  impl->config = config;
  if (collective != nullptr) impl->together = collective;
  RETURN_IF_ERROR(impl->MakeEnvironments());
  impl->trainer =
      std::make_unique<Trainer>(*impl->env, config.learner, config.seed, threads, *impl->together);
  return std::unique_ptr<Training>(new Training(std::move(impl)));
}

const TrainingConfig& Training::config() const {
  return impl_->config;
}
const VectorEnvSpec& Training::env_spec() const {
  return impl_->env->spec();
}
int64_t Training::steps_done() const {
  return state().steps_done;
}
int64_t Training::steps_planned() const {
  return impl_->config.learner.total_steps;
}
bool Training::bootstrapping() const {
  return impl_->rule != nullptr && state().iteration < impl_->config.bootstrap.cloning.iterations;
}

bool Training::Done() const {
  if (bootstrapping()) return false;
  if (impl_->trainer->done()) return true;
  const MonitorSpec& stop = impl_->config.early_stop;
  if (!stop.enabled) return false;
  // Those of a rule that drove first say nothing about what has been learned.
  const int64_t driven = impl_->rule != nullptr ? impl_->config.bootstrap.cloning.iterations : 0;
  const std::span<const double> returns = state().recent_returns;
  const auto own = static_cast<size_t>(std::max<int64_t>(0, state().iteration - driven));
  return !ShouldTrain(stop.monitor, returns.last(std::min(own, returns.size())), /*training=*/true);
}

absl::StatusOr<bool> Training::AnyProcess(bool yes) {
  double count = yes ? 1 : 0;
  RETURN_IF_ERROR(impl_->together->SumInPlace(std::span(&count, 1)));
  return count > 0;
}

absl::StatusOr<IterationStats> Training::RunIteration() {
  if (!bootstrapping()) return impl_->trainer->RunIteration();
  ASSIGN_OR_RETURN(
      IterationStats stats,
      impl_->trainer->RunDemonstration(
          [this](const EnvBuffers&, int32_t first, int32_t last, std::span<int32_t> choices) {
            impl_->rule->Choose(first, last, choices);
          },
          {.epochs = impl_->config.bootstrap.cloning.epochs,
           .learning_rate = impl_->config.bootstrap.cloning.learning_rate}));
  RETURN_IF_ERROR(impl_->rule->status());
  return stats;
}

TrainedPolicy Training::Policy() const {
  TrainedPolicy policy;
  policy.model = state().model;
  policy.observation = impl_->config.scenario.observation;
  policy.action = impl_->config.scenario.action;
  if (impl_->scenario == nullptr) {
    policy.control_period = impl_->config.scenario.straggler->window;
    policy.tenant_of_agent = impl_->env->spec().agent_names;
    return policy;
  }
  policy.control_period = impl_->scenario->spec.control_period;
  const Trace& trace = impl_->scenario->trace;
  for (const FunctionProfile& profile : trace.functions()) {
    policy.tenant_of_agent.push_back(trace.tenants()[profile.tenant.index()]);
  }
  return policy;
}

const TrainerState& Training::state() const {
  return impl_->trainer->state();
}
absl::Status Training::Restore(TrainerState state) {
  return impl_->trainer->Restore(state);
}

}  // namespace reeve
