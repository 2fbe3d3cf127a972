#include "runs/adaptation.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "agents/adapt/ppo_expert_trainer.h"
#include "core/status.h"
#include "envs/scenario.h"
#include "envs/straggler_spec.h"
#include "traces/workload.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

// Seeds of runs before, far from those that anybody reports on.
constexpr uint64_t kSeedBefore = 500'000'003;

std::string ScenarioPath(const AdaptationConfig& config, const std::string& folder) {
  return (fs::path(folder) / config.scenario).lexically_normal().string();
}

// One of the two problems.
struct Problem {
  ScenarioSpec spec;
  std::optional<Scenario> cluster;  // none: stragglers
};

absl::StatusOr<Problem> LoadProblem(const AdaptationConfig& config, const std::string& path) {
  ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Load(path));
  for (const std::string& assignment : config.set) RETURN_IF_ERROR(node.Set(assignment));
  Problem problem;
  RETURN_IF_ERROR(ReadConfig(node, problem.spec));
  if (!problem.spec.straggler) {
    ASSIGN_OR_RETURN(problem.cluster,
                     ResolveScenario(problem.spec, fs::path(path).parent_path().string()));
  } else if (config.schedule) {
    return absl::InvalidArgumentError(
        "schedule: the straggler environment's workload has environments of its own");
  }
  return problem;
}

absl::StatusOr<AdaptationRecord> PlayOn(const Problem& problem, const AdaptationConfig& config,
                                        const AdaptationStart& start, AdaptationHooks hooks) {
  if (!hooks.learners) hooks.learners = PpoExperts;
  return problem.cluster ? AdaptOnCluster(config, *problem.cluster, start, hooks)
                         : AdaptOnStraggler(config, *problem.spec.straggler, start, hooks);
}

// What the library's experts are to be given.
CheckpointInfo InfoOf(const Problem& problem, const AdaptationConfig& config) {
  CheckpointInfo info;
  info.config = WriteConfig(config);
  if (!problem.cluster) {
    info.control_period_s = problem.spec.straggler->window.seconds();
    return info;
  }
  info.observation = WriteConfig(problem.spec.observation);
  info.action = WriteConfig(problem.spec.action);
  info.control_period_s = problem.cluster->spec.control_period.seconds();
  for (const FunctionProfile& function : problem.cluster->trace.functions()) {
    info.tenant_names.push_back(problem.cluster->trace.tenants()[function.tenant.index()]);
  }
  return info;
}

absl::StatusOr<std::unique_ptr<ExpertKeeper>> OpenKeeper(const Problem& problem,
                                                         const AdaptationConfig& config,
                                                         const AdaptationHooks& hooks) {
  if (config.driver == AdaptationDriver::kRule) {
    return absl::InvalidArgumentError("a rule has no experts to keep");
  }
  if (config.before.length > SimTime()) {
    return absl::InvalidArgumentError(
        "before: a run that keeps its experts begins with those that are kept; leave it out");
  }
  ASSIGN_OR_RETURN(ExpertLibrary library, ExpertLibrary::Open(hooks.experts, config.library,
                                                              config.detector.spread_prior(),
                                                              ExpertLibrary::Access::kWrite));
  return std::make_unique<ExpertKeeper>(std::move(library), InfoOf(problem, config));
}

// The run before: the same learner under true labels, with nothing kept on disk.
AdaptationConfig ConfigBefore(const AdaptationConfig& config) {
  AdaptationConfig before = config;
  before.length = config.before.length;
  before.seed = config.seed + kSeedBefore;
  before.detector = {};
  before.detector.kind = DetectorKind::kOracle;
  before.set.insert(before.set.end(), config.before.set.begin(), config.before.set.end());
  return before;
}

}  // namespace

absl::StatusOr<std::string> DescribeProblem(const AdaptationConfig& config,
                                            const std::string& folder) {
  ASSIGN_OR_RETURN(const Problem problem, LoadProblem(config, ScenarioPath(config, folder)));
  std::string text = WriteConfig(problem.spec);
  if (problem.cluster) {
    text += fmt::format("{}\n{:016x}\n", WriteConfig(problem.cluster->cluster),
                        Fingerprint(problem.cluster->trace));
  }
  return text;
}

absl::StatusOr<AdaptationRecord> RunAdaptation(const AdaptationConfig& config,
                                               const std::string& folder,
                                               const AdaptationHooks& hooks) {
  const std::string path = ScenarioPath(config, folder);
  ASSIGN_OR_RETURN(const Problem problem, LoadProblem(config, path));
  AdaptationStart start;
  std::unique_ptr<ExpertKeeper> keeper;
  if (!hooks.experts.empty()) {
    ASSIGN_OR_RETURN(keeper, OpenKeeper(problem, config, hooks));
    start.keeper = keeper.get();
  }
  KnownExperts known;
  if (config.before.length > SimTime()) {
    const AdaptationConfig before = ConfigBefore(config);
    ASSIGN_OR_RETURN(const Problem earlier, LoadProblem(before, path));
    AdaptationStart nothing;
    nothing.learned = &known;
    ASSIGN_OR_RETURN(const AdaptationRecord run, PlayOn(earlier, before, nothing, hooks));
    if (!run.complete) return absl::CancelledError("interrupted");
    start.known = &known;
  }
  ASSIGN_OR_RETURN(AdaptationRecord record, PlayOn(problem, config, start, hooks));
  if (keeper != nullptr && hooks.warn) {
    for (const std::string& message : keeper->TakeMessages()) hooks.warn(message);
  }
  if (record.learner.batches_lost > 0 && hooks.warn) {
    hooks.warn(fmt::format(
        "{} batches were not learned from, because the learner was out of reach: this run is not "
        "what it would have been",
        record.learner.batches_lost));
  }
  record.name = config.name;
  record.title = config.title;
  record.seed = config.seed;
  record.driver = config.driver == AdaptationDriver::kRule ? "rule" : "learner";
  return record;
}

}  // namespace reeve
