#include "envs/vector_env.h"

namespace reeve {

void EnvBuffers::Resize(const VectorEnvSpec& spec) {
  const size_t clusters = static_cast<size_t>(spec.envs);
  const size_t agents = clusters * static_cast<size_t>(spec.agents);
  observations.resize(agents * static_cast<size_t>(spec.features));
  final_observations.resize(observations.size());
  legal.resize(agents * static_cast<size_t>(spec.choices()));
  present.resize(agents);
  rewards.resize(agents);
  terminated.resize(clusters);
  truncated.resize(clusters);
  figures.resize(agents * spec.figures.size());
}

}  // namespace reeve
