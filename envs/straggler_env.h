// The straggler environment of P. Hamadanian et al. ("Demystifying Reinforcement Learning in
// Time-Varying Systems", arXiv 2201.05560; code: pouyahmdn/LCPO): one agent chooses, every 500 ms,
// the age at which jobs that are not done get a duplicate on another server.
//
// Time. A window lasts `window`, or until the first job is done after that, as theirs; the next
// begins where it ends. An environment of the workload holds for `hold`; gaps are drawn from the
// one at the arrival before, sizes from the one at the arrival. What jobs come does not depend on
// choices.
//
// Observation, O = 2 S + 12 for S servers: the jobs at each server [S]; their means over the window
// [S]; over the last four windows: arrival rate, mean size, highest rate and highest mean size of a
// window, load (sizes over gaps and servers); rate and mean size, each fading by 0.9, 0.99 and
// 0.999 a step: rate, size, rate, size, rate, size; the safeguard's flag. Rates are over ten times
// the mean rate of the environments, sizes over ten times their mean. With 10 servers that is 32.
//
// Reward: minus the 95th percentile (the ceil(0.95 n)-th of n) of the latencies of the jobs done in
// the window, over `reward_scale_ms`; times `safeguard.penalty` while a server has more than
// `safeguard.engage` jobs.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "envs/straggler_servers.h"
#include "envs/straggler_spec.h"
#include "envs/vector_env.h"

namespace reeve {

struct StragglerEnvOptions {
  int32_t envs = 1;       // E
  int32_t first_env = 0;  // number of the first: ranks of one training have different ones
};

// The workload over the last four windows, in units: what detectors of shifts look at.
inline constexpr int32_t kStragglerContext = 5;
inline constexpr std::array<const char*, kStragglerContext> kStragglerContextNames = {
    "arrivals_per_s", "mean_size_ms", "highest_arrivals_per_s", "highest_mean_size_ms", "load"};

// E environments, one agent each. Figures of an episode: return, steps, requests, completions,
// duplicates, latency_mean_ms, latency_p95_ms (the mean over windows), engaged_steps. Neither Reset
// nor Step allocates once loads like theirs have been seen. Threads as VectorEnv says.
class StragglerEnv : public VectorEnv {
 public:
  // `spec` has passed Validate().
  explicit StragglerEnv(const StragglerSpec& spec, const StragglerEnvOptions& options = {});
  ~StragglerEnv() override;

  const VectorEnvSpec& spec() const override { return env_spec_; }
  const EnvBuffers& buffers() const override { return buffers_; }
  absl::Status Reset(int32_t first, int32_t last, uint64_t seed) override;
  absl::Status Step(int32_t first, int32_t last, std::span<const int32_t> actions) override;

  const StragglerSpec& straggler() const { return spec_; }
  const std::vector<StragglerWorkload>& workloads() const { return workloads_; }

  // Of one environment, as of the last Reset or Step.
  SimTime time(int32_t env) const;
  int32_t workload(int32_t env) const;  // the true environment in force now: index of workloads()
  int32_t longest_queue(int32_t env) const;
  bool engaged(int32_t env) const;  // the safeguard's flag
  std::span<const double, kStragglerContext> context(int32_t env) const;
  const StragglerTotals& totals(int32_t env) const;
  // Latencies of the jobs done in the last window, in us, in no particular order.
  std::span<const int64_t> latencies_us(int32_t env) const;
  double p95_ms(int32_t env) const;  // of them

 private:
  struct State;

  void BeginEpisode(int32_t env);
  void StepOne(int32_t env, int32_t choice);
  void Play(State& s, int32_t choice);
  void Measure(State& s);
  void Finish(int32_t env);
  void Show(int32_t env, std::vector<float>& observations) const;
  void DrawArrival(State& s) const;
  int32_t WorkloadAt(State& s, int64_t time_us) const;

  const StragglerSpec spec_;
  const std::vector<StragglerWorkload> workloads_;
  const int32_t first_env_;
  double rate_scale_, size_scale_;  // per s, ms
  VectorEnvSpec env_spec_;
  EnvBuffers buffers_;
  std::vector<std::unique_ptr<State>> states_;  // [E]
};

}  // namespace reeve
