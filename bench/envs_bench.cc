// What learning adds to a decision, for one pass over all functions: features, masks, decoding,
// rewards. Against copying as many numbers as it writes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/population.h"
#include "envs/action.h"
#include "envs/observation.h"
#include "envs/reward.h"

namespace reeve {
namespace {

void Count(benchmark::State& state, size_t functions, size_t per_function) {
  state.counters["values/s"] = benchmark::Counter(static_cast<double>(functions * per_function),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Copy(benchmark::State& state) {
  const auto functions = static_cast<size_t>(state.range(0));
  const std::vector<float> in(functions * 16, 1);
  std::vector<float> out(functions * 16);
  for (auto _ : state) {
    std::copy(in.begin(), in.end(), out.begin());
    benchmark::DoNotOptimize(out.data());
  }
  Count(state, functions, 16);
}

void BM_Features(benchmark::State& state) {
  const auto functions = static_cast<size_t>(state.range(0));
  Snapshot snapshot = MakeSnapshot(functions);
  FeatureExtractor extractor(Sixteen());
  std::vector<float> out(functions * extractor.size());
  for (auto _ : state) {
    state.PauseTiming();
    Advance(snapshot);
    state.ResumeTiming();
    extractor.Extract(snapshot, out);
  }
  Count(state, functions, extractor.size());
}

void BM_OneFeature(benchmark::State& state, const std::string& name) {
  constexpr size_t kFunctions = 100'000;
  Snapshot snapshot = MakeSnapshot(kFunctions);
  FeatureExtractor extractor(ObservationSpec{.features = {{.name = name}}});
  std::vector<float> out(kFunctions);
  for (auto _ : state) {
    state.PauseTiming();
    Advance(snapshot);
    state.ResumeTiming();
    extractor.Extract(snapshot, out);
  }
  Count(state, kFunctions, 1);
}

ActionSpec Heads() {
  ActionSpec spec;
  spec.heads = {{.kind = HeadKind::kReplicasStep, .values = {-4, -1, 0, 1, 4}},
                {.kind = HeadKind::kCpuStep, .values = {-128, 0, 128}}};
  return spec;
}

void BM_Legal(benchmark::State& state) {
  const auto functions = static_cast<size_t>(state.range(0));
  const Snapshot snapshot = MakeSnapshot(functions);
  const ActionCodec codec(Heads());
  std::vector<uint8_t> legal(functions * static_cast<size_t>(codec.choices()));
  for (auto _ : state) codec.Legal(snapshot, legal);
  Count(state, functions, static_cast<size_t>(codec.choices()));
}

void BM_Decode(benchmark::State& state) {
  const auto functions = static_cast<size_t>(state.range(0));
  const Snapshot snapshot = MakeSnapshot(functions);
  const ActionCodec codec(Heads());
  const std::vector<int32_t> choices(functions * 2, 1);
  std::vector<Decision> decisions(functions);
  std::vector<ActionOutcome> outcomes(functions);
  for (auto _ : state) codec.Decode(snapshot, choices, decisions, outcomes);
  Count(state, functions, 2);
}

void BM_Reward(benchmark::State& state) {
  const auto functions = static_cast<size_t>(state.range(0));
  const Snapshot snapshot = MakeSnapshot(functions);
  const RewardFunction reward{RewardSpec{}};
  const std::vector<ActionOutcome> outcomes(functions);
  std::vector<float> rewards(functions);
  for (auto _ : state) reward.Compute(snapshot, outcomes, outcomes, rewards);
  Count(state, functions, 1);
}

BENCHMARK(BM_Copy)->Arg(1)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Features)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Legal)->Arg(1)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Decode)->Arg(1)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_Reward)->Arg(1)->Arg(1000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  for (const reeve::FeatureDoc& doc : reeve::DescribeFeatures()) {
    benchmark::RegisterBenchmark(("feature/" + doc.name).c_str(), [name = doc.name](auto& state) {
      reeve::BM_OneFeature(state, name);
    })->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
