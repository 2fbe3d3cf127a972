#include "runs/training_checkpoint.h"

#include "core/config.h"

namespace reeve {

CheckpointInfo CheckpointInfoOf(const Training& training, std::map<std::string, double> metrics) {
  const TrainedPolicy policy = training.Policy();
  CheckpointInfo info;
  info.config = WriteConfig(training.config());
  info.observation = WriteConfig(policy.observation);
  info.action = WriteConfig(policy.action);
  info.control_period_s = policy.control_period.seconds();
  info.tenant_names = policy.tenant_of_agent;
  info.metrics = std::move(metrics);
  return info;
}

}  // namespace reeve
