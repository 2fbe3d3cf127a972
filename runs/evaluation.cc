#include "runs/evaluation.h"

#include "core/status.h"
#include "runs/scenario_trace.h"
#include "runs/training_config.h"

namespace reeve {

absl::StatusOr<Scenario> LoadTestScenario(const std::string& training) {
  ASSIGN_OR_RETURN(TrainingConfig config, LoadTrainingConfig(training + "/config.yaml"));
  config.scenario.part = Part::kTest;
  return ResolveScenario(config.scenario, config.folder);
}

absl::StatusOr<SimulationConfig> EvaluationConfig(const std::string& training,
                                                  const Scenario& scenario,
                                                  const std::string& policy, uint64_t seed,
                                                  const std::vector<std::string>& assignments) {
  SimulationConfig config = ScenarioSimulation(scenario, seed);
  config.trace = scenario.spec.name;
  config.policy.name = policy;
  if (policy == "learned") config.policy.learned.checkpoint = training + "/policy.rpolicy";
  ASSIGN_OR_RETURN(ConfigNode node,
                   ConfigNode::Parse(WriteConfig(config), "the resolved configuration"));
  for (const std::string& assignment : assignments) RETURN_IF_ERROR(node.Set(assignment));
  SimulationConfig resolved;
  RETURN_IF_ERROR(ReadConfig(node, resolved));
  return resolved;
}

}  // namespace reeve
