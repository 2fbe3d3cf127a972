// Cost of one decision of the KPA policy over 20,000 functions, by the share of them that are busy.
#include <benchmark/benchmark.h>

#include <vector>

#include "agents/rules/kpa_policy.h"
#include "core/check.h"

namespace reeve {
namespace {

constexpr size_t kFunctions = 20'000;

// Argument 0: busy functions per thousand. Argument 1: weighted-exponential windows.
void BM_KpaDecide(benchmark::State& state) {
  KpaOptions options;
  options.initial_scale = 0;
  if (state.range(1) != 0) {
    options.metric_aggregation_algorithm = WindowAggregation::kWeightedExponential;
  }
  KpaPolicy policy(options);
  Snapshot snapshot;
  snapshot.functions.Resize(kFunctions);
  const size_t busy = kFunctions * static_cast<size_t>(state.range(0)) / 1000;
  for (size_t i = 0; i < busy; ++i) {
    const size_t f = i * kFunctions / busy;  // spread over the arrays
    snapshot.functions.containers_ready[f] = 1;
    snapshot.functions.mean_in_flight[f] = 0.5 + static_cast<double>(i % 100);
  }
  std::vector<Decision> decisions(kFunctions);
  const auto decide = [&] {
    snapshot.time += snapshot.window;
    REEVE_CHECK(policy.Decide(snapshot, decisions).ok());
  };
  decide();
  snapshot.window = SimTime::Seconds(2);
  for (int i = 0; i < 40; ++i) decide();
  for (auto _ : state) decide();
  state.counters["functions/s"] =
      benchmark::Counter(kFunctions, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_KpaDecide)
    ->ArgNames({"busy_per_mille", "weighted"})
    ->Args({0, 0})
    ->Args({10, 0})
    ->Args({100, 0})
    ->Args({1000, 0})
    ->Args({10, 1})
    ->Args({1000, 1})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace reeve

BENCHMARK_MAIN();
