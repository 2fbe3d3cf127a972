// A training as a YAML file: a scenario, how to learn on it, for how long.
//
//   name: five_tenants
//   scenario: ../scenarios/five_tenants.yaml
//   environments: 8
//   learner: {form: ma_ppo, total_steps: 100000}
//   bootstrap: {iterations: 4, policy: {name: kpa}}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "agents/ppo/behaviour_cloning.h"
#include "agents/ppo/ppo_spec.h"
#include "agents/ppo/retraining_monitor.h"
#include "core/config.h"
#include "envs/scenario.h"

namespace reeve {

// A rule drives first, and the learner learns from it, so that training does not begin with a
// policy that knows nothing (AWARE, H. Qiu et al., ATC'23).
struct BootstrapSpec {
  std::optional<PolicySpec> policy;
  BehaviourCloningSpec cloning;

  template <class V>
  static void Fields(V& v) {
    v.Field("policy", &BootstrapSpec::policy, "The rule; unset: none drives first");
    v.Field("cloning", &BootstrapSpec::cloning, "How it is learned from");
  }
};

struct CheckpointSpec {
  int32_t every = 20;
  int32_t keep = 3;

  template <class V>
  static void Fields(V& v) {
    v.Field("every", &CheckpointSpec::every, "Iterations between two checkpoints", {1, 1000000});
    v.Field("keep", &CheckpointSpec::keep, "The newest so many stay, beside the best", {1, 1000});
  }
};

struct MonitorSpec {
  bool enabled = false;
  RetrainingSpec monitor;

  template <class V>
  static void Fields(V& v) {
    v.Field("enabled", &MonitorSpec::enabled,
            "Training ends early once returns have been good and steady, as the retraining monitor "
            "sees it");
    v.Field("monitor", &MonitorSpec::monitor, "When that is");
  }
};

// What a training's file says beside the scenario.
struct TrainingSettings {
  std::string name = "training";
  int32_t environments = 8;
  uint64_t seed = 1;
  PpoSpec learner;
  BootstrapSpec bootstrap;
  CheckpointSpec checkpoints;
  MonitorSpec early_stop;

  // For the Fields of `Config`, which derives from this.
  template <class Config, class V>
  static void CommonFields(V& v) {
    using S = TrainingSettings;
    v.Field("name", static_cast<std::string Config::*>(&S::name), "Name of the training");
    v.Field("environments", static_cast<int32_t Config::*>(&S::environments),
            "Copies of the scenario that learn side by side", Between(1, 4096));
    v.Field("seed", static_cast<uint64_t Config::*>(&S::seed), "All random draws follow from it");
    v.Field("learner", static_cast<PpoSpec Config::*>(&S::learner), "How it is learned");
    v.Field("bootstrap", static_cast<BootstrapSpec Config::*>(&S::bootstrap),
            "A rule to learn from first");
    v.Field("checkpoints", static_cast<CheckpointSpec Config::*>(&S::checkpoints),
            "What is kept on disk on the way");
    v.Field("early_stop", static_cast<MonitorSpec Config::*>(&S::early_stop),
            "When training may end before its budget is spent");
  }
};

// As a user writes it.
struct TrainingFile : TrainingSettings {
  std::string scenario;

  template <class V>
  static void Fields(V& v) {
    v.Field("scenario", &TrainingFile::scenario,
            "What is learned: the scenario's YAML, relative to this file");
    CommonFields<TrainingFile>(v);
  }
};

// With everything in it that results follow from, but for traces.
struct TrainingConfig : TrainingSettings {
  ScenarioSpec scenario;
  std::string folder;

  template <class V>
  static void Fields(V& v) {
    v.Field("scenario", &TrainingConfig::scenario, "What is learned");
    v.Field("folder", &TrainingConfig::folder, "That paths of the scenario are relative to");
    CommonFields<TrainingConfig>(v);
  }
};

// Reads a training's file and the scenario it names; then assignments ("learner.form=s_rl",
// "scenario.control_period=2s") change the whole. Located errors.
absl::StatusOr<TrainingConfig> LoadTrainingFile(const std::string& path,
                                                const std::vector<std::string>& assignments = {});
// The same for a resolved configuration, as the config.yaml of a training's folder holds it.
absl::StatusOr<TrainingConfig> LoadTrainingConfig(const std::string& path,
                                                  const std::vector<std::string>& assignments = {});
// Another scenario in place of the training's; paths as in LoadTrainingFile.
absl::Status ReplaceScenario(const std::string& path, TrainingConfig& config);
// A checksum of the trace that the training's scenario names; empty when it names none: then the
// configuration says all that the training learns from.
absl::StatusOr<std::string> TraceChecksum(const TrainingConfig& config);
absl::StatusOr<TrainingConfig> Changed(const TrainingConfig& config,
                                       const std::vector<std::string>& assignments);

}  // namespace reeve
