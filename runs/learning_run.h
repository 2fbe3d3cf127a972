// One run of a study: a policy is trained (or a rule taken) and held against fresh requests.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "runs/learning_study_config.h"
#include "runs/training_config.h"

namespace reeve {

// How one function fared in an evaluation. NaN: the run has no such figure.
struct StudyFunction {
  std::string name;
  double requests = 0;
  double latency_p99_ms = 0;
  double slo_violation_share = 0;
  double gb_seconds = 0;
  double cold_start_share = 0;
};

// One training (or rule) with its evaluation.
struct StudyRun {
  uint64_t seed = 0;
  std::vector<StudyFunction> functions;
  double latency_p99_ms = 0;  // of all requests; where functions were served alone, unknown (NaN)
  double slo_violation_share = 0, gb_seconds = 0;
  double replica_changes_per_hour = 0;
  // Of training: parameters of one actor; mean return of an episode over agents and the last tenth
  // of the iterations; NaN for rules.
  double actor_parameters = 0, final_return = 0;
  std::vector<double> steps;                 // [I] of environments, at the end of each iteration
  std::vector<std::vector<double>> returns;  // [N][I] mean return of the agent's episodes
};

// Mean over agents and the last tenth of the iterations; NaN without curves.
double FinalReturn(const StudyRun& run);

struct LearningRunSpec {
  TrainingConfig training;  // its seed is the run's
  std::optional<PolicySpec> rule;
  EvaluationSpec evaluation;
  uint64_t evaluation_seed = 0;
};

// On one thread. Cancelled when `stop` (may be empty) said so.
absl::StatusOr<StudyRun> RunLearning(const LearningRunSpec& spec,
                                     const std::function<bool()>& stop);

nlohmann::ordered_json StudyRunToJson(const StudyRun& run);
// False when the JSON is not of a run.
bool StudyRunFromJson(const nlohmann::ordered_json& json, StudyRun& run);

}  // namespace reeve
