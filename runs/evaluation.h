// How a training is judged: its scenario's test part, played under the policy that was trained or
// under a rule.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/units.h"
#include "envs/scenario.h"
#include "runs/simulation.h"

namespace reeve {

inline constexpr uint64_t kEvaluationSeed = 1'000'001;  // of the requests; training never uses it
inline constexpr SimTime kEvaluationLength = SimTime::Hours(1);

// The scenario of the training in this folder, its test part. Errors of its config.yaml.
absl::StatusOr<Scenario> LoadTestScenario(const std::string& training);

// The simulation of that scenario under `policy`: "learned", the one of the folder, or a rule's
// name. Assignments ("policy.kpa.stable_window=30s") then change it; InvalidArgument as for
// configuration files.
absl::StatusOr<SimulationConfig> EvaluationConfig(const std::string& training,
                                                  const Scenario& scenario,
                                                  const std::string& policy, uint64_t seed,
                                                  const std::vector<std::string>& assignments);

}  // namespace reeve
