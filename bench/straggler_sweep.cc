// Every fixed timeout on every environment of a straggler scenario: which rule is best where, and
// whether the environments need different ones.
//
//   straggler_sweep configs/scenarios/straggler.yaml [SECONDS] [SEEDS]
//
// A line per environment and timeout: mean reward of a window, mean and percentiles of latency over
// all jobs, duplicates per job, share of windows in which the safeguard's flag was set. A star
// marks the highest reward. The last lines are one fixed timeout for all environments in turn.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/status.h"
#include "envs/straggler_env.h"

namespace reeve {
namespace {

struct Result {
  double reward = 0, mean_ms = 0, p95_ms = 0, p99_ms = 0, duplicates = 0, engaged = 0;
};

double Quantile(std::vector<int64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<size_t>(share * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[rank]) / 1000;
}

// One choice throughout, on `seeds` environments.
Result Play(const StragglerSpec& spec, int32_t choice, double seconds, int32_t seeds) {
  StragglerEnv env(spec, {.envs = seeds});
  const std::vector<int32_t> actions(static_cast<size_t>(seeds), choice);
  Result result;
  std::vector<int64_t> latencies;
  double steps = 0, arrived = 0;
  (void)env.Reset(0, seeds, 1);
  for (int32_t e = 0; e < seeds; ++e) {
    while (env.time(e).seconds() < seconds) {
      (void)env.Step(e, e + 1, actions);
      result.reward += env.buffers().rewards[static_cast<size_t>(e)];
      result.engaged += env.engaged(e) ? 1 : 0;
      ++steps;
      latencies.insert(latencies.end(), env.latencies_us(e).begin(), env.latencies_us(e).end());
    }
    arrived += static_cast<double>(env.totals(e).arrived);
    result.duplicates += static_cast<double>(env.totals(e).duplicates);
  }
  std::sort(latencies.begin(), latencies.end());
  for (const int64_t latency : latencies) result.mean_ms += static_cast<double>(latency) / 1000;
  result.mean_ms /= std::max<double>(1, static_cast<double>(latencies.size()));
  result.p95_ms = Quantile(latencies, 0.95);
  result.p99_ms = Quantile(latencies, 0.99);
  result.reward /= steps;
  result.engaged /= steps;
  result.duplicates /= arrived;
  return result;
}

void Sweep(const std::string& name, const StragglerSpec& spec, double seconds, int32_t seeds) {
  std::vector<Result> results;
  for (int32_t choice = 0; choice < spec.choices(); ++choice) {
    results.push_back(Play(spec, choice, seconds, seeds));
  }
  const auto best =
      std::max_element(results.begin(), results.end(),
                       [](const Result& a, const Result& b) { return a.reward < b.reward; });
  for (int32_t choice = 0; choice < spec.choices(); ++choice) {
    const Result& r = results[static_cast<size_t>(choice)];
    const std::string timeout =
        choice == spec.never() ? "never"
                               : fmt::format("{}", spec.timeouts_ms[static_cast<size_t>(choice)]);
    fmt::print("{:12} {:>6} {}{:9.4f} {:9.1f} {:9.1f} {:9.1f} {:6.3f} {:6.3f}\n", name, timeout,
               &r == &*best ? '*' : ' ', r.reward, r.mean_ms, r.p95_ms, r.p99_ms, r.duplicates,
               r.engaged);
  }
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: straggler_sweep SCENARIO.yaml [SECONDS] [SEEDS]\n");
    return 2;
  }
  const absl::StatusOr<StragglerSpec> spec = LoadStraggler(argv[1]);
  if (!spec.ok()) {
    fmt::print(stderr, "{}\n", MessageOf(spec.status()));
    return 3;
  }
  const double seconds = argc > 2 ? std::atof(argv[2]) : 600;
  const int32_t seeds = argc > 3 ? std::atoi(argv[3]) : 5;
  fmt::print("{:12} {:>6}  {:>9} {:>9} {:>9} {:>9} {:>6} {:>6}\n", "environment", "ms", "reward",
             "mean ms", "p95 ms", "p99 ms", "dup", "flag");
  for (const StragglerWorkload& workload : spec->Workloads()) {
    StragglerSpec alone = *spec;
    alone.workloads = {workload};
    alone.random.count = 0;
    alone.episode = SimTime();
    Sweep(workload.name, alone, seconds, seeds);
  }
  StragglerSpec all = *spec;
  all.episode = SimTime();
  const auto environments = static_cast<double>(spec->Workloads().size());
  Sweep("all", all, environments * all.hold.seconds(), seeds);
  return 0;
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  return reeve::Main(argc, argv);
}
