// What an iteration of training comes to, as named numbers: for TensorBoard, for training.csv and
// for people. One list of names for all of them, in docs/learning.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agents/ppo/training_stats.h"
#include "envs/vector_env.h"

namespace reeve {

// Means over agents and groups where nothing else is said; names of agents at the end of theirs.
//   return/mean, return/AGENT       undiscounted, of the episodes that ended
//   slo/violation_share             of the requests of those episodes, as the next two
//   cost/gb_seconds                 of an episode, all agents
//   cost/replica_changes            of an episode, all agents
//   loss/policy, loss/value         over the updates
//   policy/entropy, policy/kl, policy/clip_fraction, value/explained_variance
//   schedule/learning_rate, schedule/entropy
//   rate/agent_steps_per_second
// What an iteration does not have (no episode ended) is left out.
std::vector<std::pair<std::string, double>> NamedNumbers(const VectorEnvSpec& env,
                                                         const IterationStats& stats,
                                                         int64_t agent_steps);

// Of NamedNumbers; NaN when it is not there.
double NumberNamed(const std::vector<std::pair<std::string, double>>& numbers,
                   const std::string& name);

}  // namespace reeve
