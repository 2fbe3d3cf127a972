// Many copies of one decision problem, stepped side by side: what learners learn on.
//
// Shape letters of this folder and of agents/: T steps of a rollout, E environments (clusters), N
// agents, O features of an observation, H heads of an action, K choices of all heads together, M
// figures of an episode.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace reeve {

struct VectorEnvSpec {
  int32_t envs = 1;                        // E
  int32_t agents = 1;                      // N
  int32_t features = 1;                    // O
  std::vector<int32_t> heads;              // [H] choices of each head
  std::vector<std::string> feature_names;  // [O]
  std::vector<std::string> agent_names;    // [N]
  std::vector<int32_t> tenants;            // [N] whose agent it is, 0 .. tenants - 1
  std::vector<std::string> figures;        // [M] what EnvBuffers::figures holds, "slo_violations"

  int32_t choices() const { return std::accumulate(heads.begin(), heads.end(), 0); }  // K
};

// Written by the environment's Reset and Step only; never moved or resized after construction, so
// learners may keep pointers.
struct EnvBuffers {
  std::vector<float> observations;  // [E, N, O]; zeros for absent agents
  std::vector<uint8_t> legal;       // [E, N, K] 1: may be chosen; at least one of each head
  std::vector<uint8_t> present;     // [E, N] 1: the agent is there and acts
  // Of the last step:
  std::vector<float> rewards;       // [E, N]; 0 for agents that were absent
  std::vector<uint8_t> terminated;  // [E] the episode ended in a state that has no future
  std::vector<uint8_t> truncated;   // [E] it ended at its time limit: its future has a value
  // Where an episode ended, `observations` is the first of the next one already, and this the last
  // of the old; elsewhere undefined.
  std::vector<float> final_observations;  // [E, N, O]
  // Where an episode ended, sums over it; elsewhere undefined.
  std::vector<float> figures;  // [E, N, M]

  void Resize(const VectorEnvSpec& spec);
};

// Environments are independent: calls for disjoint ranges may come from different threads at once,
// and results depend neither on threads nor on how the range is cut.
class VectorEnv {
 public:
  virtual ~VectorEnv() = default;

  virtual const VectorEnvSpec& spec() const = 0;
  virtual const EnvBuffers& buffers() const = 0;

  // Begins a new episode in each environment of [first, last). What happens in it follows from
  // (seed, number of the environment, number of the episode since this Reset) alone.
  virtual absl::Status Reset(int32_t first, int32_t last, uint64_t seed) = 0;

  // Carries out `actions` [E, N, H] (choices; those of absent agents do not matter) in each
  // environment of [first, last). An episode that ends is followed by the next one at once.
  // Illegal choices are allowed: what they do and cost is the environment's to say.
  virtual absl::Status Step(int32_t first, int32_t last, std::span<const int32_t> actions) = 0;
};

}  // namespace reeve
