#include "controller/openwhisk_server/read_load.h"

#include <utility>

#include "core/status.h"
#include "envs/scenario.h"
#include "runs/scenario_trace.h"
#include "traces/load_trace.h"

namespace reeve::openwhisk_server {

absl::StatusOr<std::unique_ptr<const Trace>> ReadLoad(ServerConfig& config) {
  if (!config.load.scenario.empty()) {
    ASSIGN_OR_RETURN(const Scenario scenario, LoadScenario(config.load.scenario));
    if (scenario.cluster.scaling == ScalingMode::kOnDemand) config.cluster = scenario.cluster;
    ASSIGN_OR_RETURN(Trace trace, ScenarioTrace(scenario, config.seed, config.load.length));
    return std::make_unique<const Trace>(std::move(trace));
  }
  if (config.load.trace.empty()) return nullptr;
  ASSIGN_OR_RETURN(ReadResult read, LoadTrace(config.load.trace, {}));
  if (read.trace.functions().empty()) {
    return absl::InvalidArgumentError(config.load.trace + ": there is no function in this trace");
  }
  return std::make_unique<const Trace>(std::move(read.trace));
}

}  // namespace reeve::openwhisk_server
