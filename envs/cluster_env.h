// The decision problem over simulated clusters: functions are agents.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "envs/scenario.h"
#include "envs/vector_env.h"
#include "sim/cluster.h"

namespace reeve {

struct ClusterEnvOptions {
  int32_t envs = 0;       // E; 0: as many as the scenario says
  int32_t first_env = 0;  // number of the first: ranks of one training have different ones
};

// What an episode's `figures` hold of each agent, over the steps in which it was present.
//
//   return           sum of its rewards
//   steps            in which it was present
//   requests         that came
//   completions      requests answered
//   slo_violations   answered later than the objective, failed, refused or given up
//   gb_seconds       memory held over time, in units of 1024 MiB s
//   cold_starts      requests begun on a container that was not ready when they came
//   containers_started
//   replica_changes  sum of the sizes of the changes of the replicas asked for
//   latency_mean_ms, latency_p99_ms   of the completions, arrival to answer; 0 without any
//   slowdown_p99     latency over execution time on an idle machine; 0 without any
enum class Figure : uint8_t {
  kReturn,
  kSteps,
  kRequests,
  kCompletions,
  kSloViolations,
  kGbSeconds,
  kColdStarts,
  kContainersStarted,
  kReplicaChanges,
  kLatencyMean,
  kLatencyP99,
  kSlowdownP99,
};
inline constexpr int32_t kFigures = 12;

// E clusters, N = F agents each, one control period a step. Agents act on what the perturbations
// leave of the metrics; rewards and figures are of what really happened.
//
// Where containers follow replica targets, a request for a function that has none activates one, as
// Knative's activator does. A function that is removed has its containers taken away; what waits
// for it then runs out of time, at nobody's cost. Episodes end at their time limit only
// (`truncated`).
//
// Neither Reset nor Step allocates once episodes like theirs have been seen. Each environment has a
// state of its own: threads as VectorEnv says.
class ClusterEnv : public VectorEnv {
 public:
  explicit ClusterEnv(std::shared_ptr<const Scenario> scenario,
                      const ClusterEnvOptions& options = {});
  ~ClusterEnv() override;

  const VectorEnvSpec& spec() const override { return spec_; }
  const EnvBuffers& buffers() const override { return buffers_; }
  absl::Status Reset(int32_t first, int32_t last, uint64_t seed) override;
  absl::Status Step(int32_t first, int32_t last, std::span<const int32_t> actions) override;

  const Scenario& scenario() const { return *scenario_; }
  // What the agents of an environment saw last, and its cluster; for explanations and tests.
  const Snapshot& snapshot(int32_t env) const;
  const SimulatedCluster& cluster(int32_t env) const;

 private:
  struct State;

  absl::Status BeginEpisode(int32_t env);
  absl::Status StepOne(int32_t env, std::span<const int32_t> actions);
  absl::Status Deploy(State& s, SimTime now);
  void CountStep(int32_t env);
  void Finish(int32_t env);
  void Show(int32_t env, std::vector<float>& observations);

  // The environment's part of a buffer with so many elements per agent.
  template <class T>
  std::span<T> Part(std::vector<T>& buffer, int32_t env, size_t per_agent) const;
  float& FigureOf(int32_t env, size_t agent, Figure figure);

  const std::shared_ptr<const Scenario> scenario_;
  const ActionCodec codec_;
  const RewardFunction reward_;
  const int32_t first_env_;
  VectorEnvSpec spec_;
  EnvBuffers buffers_;
  std::vector<std::unique_ptr<State>> states_;  // [E]
};

}  // namespace reeve
