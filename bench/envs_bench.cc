// What learning adds to a decision, for one pass over all functions: features, masks, decoding,
// rewards. Against copying as many numbers as it writes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/random.h"
#include "envs/action.h"
#include "envs/observation.h"
#include "envs/reward.h"

namespace reeve {
namespace {

// A population as traces have them: a tenth is busy, the others call now and then.
Snapshot MakeSnapshot(size_t functions) {
  Snapshot s;
  s.window = SimTime::Seconds(5);
  s.cluster.cpu_capacity = Millicores::Cores(10'000);
  s.cluster.memory_capacity = Mebibytes(40'000'000);
  FunctionWindows& w = s.functions;
  w.Resize(functions);
  RandomCursor random(RandomStream(1, StreamPurpose::kPolicy, 0));
  for (size_t f = 0; f < functions; ++f) {
    const bool busy = random.Below(10) == 0;
    w.arrivals[f] = w.completions[f] = static_cast<uint32_t>(busy ? random.Below(100) : 0);
    w.containers_ready[f] = w.replicas_asked[f] = static_cast<uint32_t>(random.Below(4));
    w.mean_in_flight[f] = w.arrivals[f] * 0.1;
    w.cpu_used_millicores[f] = w.arrivals[f] * 20;
    w.latency_p50_ms[f] = w.latency_p95_ms[f] = w.latency_p99_ms[f] = busy ? 400 : 0;
    w.execution_p50_ms[f] = w.execution_p95_ms[f] = busy ? 300 : 0;
    w.cpu_limit[f] = Millicores(500);
    w.memory_limit[f] = Mebibytes(256);
    w.concurrency_limit[f] = 1;
    w.slo_latency[f] = SimTime::Seconds(1);
  }
  return s;
}

// Another tenth has arrivals in each window.
void Advance(Snapshot& s) {
  s.time += s.window;
  std::vector<uint32_t>& arrivals = s.functions.arrivals;
  if (!arrivals.empty()) std::rotate(arrivals.begin(), arrivals.begin() + 1, arrivals.end());
}

ObservationSpec Sixteen() {
  ObservationSpec spec;
  for (const char* name : {"execution_p95", "memory_size", "mean_concurrency", "peak_concurrency",
                           "log_rate", "arrival_change", "time_since_arrival", "gap_regularity",
                           "due_by_mean_gap", "arrival_chance"}) {
    spec.features.push_back({.name = name});
  }
  return spec;
}

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
