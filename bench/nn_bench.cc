// Networks of 2 x 64: one step of what acts beside the same step by torch, and forward and backward
// of what learns beside the matrix products alone. All on one core, in one run, since machines
// differ.
#include <benchmark/benchmark.h>

#include <vector>

#include "agents/nn/batched_network.h"
#include "agents/nn/blas_check.h"
#include "agents/nn/network_spec.h"
#include "agents/nn/streaming_network.h"

namespace reeve {
namespace {

constexpr int32_t kInputs = 16, kActions = 8;

NetworkLayout LayoutOf(EncoderKind encoder, int32_t outputs) {
  NetworkSpec spec;
  spec.encoder = encoder;
  return MakeLayout(spec, kInputs, outputs, 1);
}

torch::Tensor Parameters(const NetworkLayout& layout, int64_t groups) {
  torch::Tensor parameters = torch::empty({groups, layout.parameters});
  for (int64_t a = 0; a < groups; ++a) {
    Initialise(layout, 1, static_cast<uint32_t>(a),
               std::span(parameters[a].data_ptr<float>(), static_cast<size_t>(layout.parameters)));
  }
  return parameters;
}

void CountRows(benchmark::State& state, int64_t rows) {
  state.counters["ns/row"] = benchmark::Counter(
      static_cast<double>(rows) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// The encoder with the width that gives it about as many parameters as `latest` has.
NetworkLayout LayoutOfEqualSize(EncoderKind encoder, int32_t outputs) {
  NetworkSpec spec;
  spec.encoder = encoder;
  const int64_t parameters = LayoutOf(EncoderKind::kLatest, outputs).parameters;
  spec.width = NearestWidth(spec, kInputs, outputs, parameters);
  return MakeLayout(spec, kInputs, outputs, 1);
}

void Act(benchmark::State& state, const NetworkLayout& layout) {
  const int64_t rows = state.range(1);
  const torch::Tensor parameters = Parameters(layout, 1), x = torch::randn({rows, kInputs});
  torch::Tensor past = torch::zeros({rows, layout.state}), out = torch::empty({rows, kActions});
  StreamingNetwork network(layout);
  for (auto _ : state) {
    network.Step(parameters.data_ptr<float>(), rows, x.data_ptr<float>(), past.data_ptr<float>(),
                 out.data_ptr<float>());
    benchmark::ClobberMemory();
  }
  CountRows(state, rows);
}

// Arguments: encoder, rows.
void BM_ActStreaming(benchmark::State& state) {
  Act(state, LayoutOf(static_cast<EncoderKind>(state.range(0)), kActions));
}
void BM_ActStreamingEqualSize(benchmark::State& state) {
  Act(state, LayoutOfEqualSize(static_cast<EncoderKind>(state.range(0)), kActions));
}

void BM_ActTorch(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  const NetworkLayout layout = LayoutOf(static_cast<EncoderKind>(state.range(0)), kActions);
  const int64_t rows = state.range(1);
  const torch::Tensor parameters = Parameters(layout, 1), x = torch::randn({1, rows, 1, kInputs});
  const torch::Tensor starts = torch::zeros({1, rows, 1});
  BatchedNetwork network(layout, parameters, torch::zeros_like(parameters));
  for (auto _ : state) benchmark::DoNotOptimize(network.Forward(x, starts, {}));
  CountRows(state, rows);
}

constexpr int64_t kTrainSteps = 8;  // T of the sequences below

// Arguments: encoder, groups, rows of each. Actor and critic, forward and backward.
void BM_Learn(benchmark::State& state) {
  const int64_t groups = state.range(1), rows = state.range(2);
  const torch::Tensor x = torch::randn({groups, rows / kTrainSteps, kTrainSteps, kInputs});
  const torch::Tensor starts = torch::zeros({groups, rows / kTrainSteps, kTrainSteps});
  std::vector<BatchedNetwork> networks;
  std::vector<torch::Tensor> ones;  // gradients of the outputs
  for (const int32_t outputs : {kActions, 1}) {
    const NetworkLayout layout = LayoutOf(static_cast<EncoderKind>(state.range(0)), outputs);
    const torch::Tensor parameters = Parameters(layout, groups);
    networks.emplace_back(layout, parameters, torch::zeros_like(parameters));
    ones.push_back(torch::ones({groups, rows / kTrainSteps, kTrainSteps, outputs}));
  }
  for (auto _ : state) {
    for (size_t i = 0; i < networks.size(); ++i) {
      networks[i].Forward(x, starts, {}).backward(ones[i]);
    }
  }
  CountRows(state, groups * rows);
}

// The matrix products of BM_Learn with encoder latest, and nothing else.
void BM_LearnBareProducts(benchmark::State& state) {
  const torch::NoGradGuard no_grad;
  const int64_t groups = state.range(1), rows = state.range(2);
  struct Layer {
    torch::Tensor x, y, weight, weight_gradient, x_gradient;
  };
  std::vector<Layer> layers;
  for (const int64_t outputs : {int64_t{kActions}, int64_t{1}}) {
    const std::vector<int64_t> sizes = {kInputs, 64, 64, outputs};
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      layers.push_back({torch::randn({groups, rows, sizes[i]}),
                        torch::randn({groups, rows, sizes[i + 1]}),
                        torch::randn({groups, sizes[i], sizes[i + 1]}),
                        torch::empty({groups, sizes[i], sizes[i + 1]}),
                        i == 0 ? torch::Tensor() : torch::empty({groups, rows, sizes[i]})});
    }
  }
  for (auto _ : state) {
    for (Layer& l : layers) torch::bmm_out(l.y, l.x, l.weight);
    for (Layer& l : layers) {
      torch::bmm_out(l.weight_gradient, l.x.transpose(1, 2), l.y);
      if (l.x_gradient.defined()) torch::bmm_out(l.x_gradient, l.y, l.weight.transpose(1, 2));
    }
  }
  CountRows(state, groups * rows);
}

void ActArguments(benchmark::internal::Benchmark* b) {
  for (int64_t encoder = 0; encoder < 4; ++encoder) {
    for (const int64_t rows : {1, 8, 256, 4096}) b->Args({encoder, rows});
  }
  b->ArgNames({"encoder", "rows"});
}
BENCHMARK(BM_ActStreaming)->Apply(ActArguments);
BENCHMARK(BM_ActStreamingEqualSize)->Apply(ActArguments);
BENCHMARK(BM_ActTorch)->Apply(ActArguments);

void LearnArguments(benchmark::internal::Benchmark* b) {
  b->ArgNames({"encoder", "groups", "rows"})->Unit(benchmark::kMillisecond);
  for (const auto& [groups, rows] : {std::pair{1, 4096}, {8, 1024}, {8, 4096}}) {
    b->Args({0, groups, rows});
  }
}
BENCHMARK(BM_LearnBareProducts)->Apply(LearnArguments);
BENCHMARK(BM_Learn)
    ->Apply(LearnArguments)
    ->Args({1, 8, 1024})
    ->Args({2, 8, 1024})
    ->Args({3, 8, 1024});

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  reeve::SetSingleThreadedMath();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
