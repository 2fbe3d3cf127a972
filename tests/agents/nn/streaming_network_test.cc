#include "agents/nn/streaming_network.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/agents/allocation_counter.h"
#include "tests/agents/nn/network_cases.h"

namespace reeve {
namespace {

class StreamingNetworkCases : public testing::TestWithParam<NetworkCase> {
 protected:
  // Outputs of `steps` steps of the rows of x [steps, rows, I] from `state` [rows, S]: [steps,
  // rows, U].
  std::vector<float> Run(StreamingNetwork& network, int64_t rows, int64_t steps,
                         const std::vector<float>& x, std::vector<float> state) const {
    std::vector<float> out(static_cast<size_t>(steps * rows * kOutputs));
    for (int64_t t = 0; t < steps; ++t) {
      network.Step(parameters.data(), rows, x.data() + t * rows * kInputs, state.data(),
                   out.data() + t * rows * kOutputs);
    }
    return out;
  }
  std::vector<float> Zeros(int64_t rows) const {
    return std::vector<float>(static_cast<size_t>(rows * layout.state));
  }

  const NetworkLayout layout = LayoutOf(GetParam().spec);
  const std::vector<float> parameters = SomeParameters(layout, 1);
};
INSTANTIATE_TEST_SUITE_P(All, StreamingNetworkCases, testing::ValuesIn(NetworkCases()), CaseName);

TEST_P(StreamingNetworkCases, EveryVectorWidthGivesTheSameBits) {
  constexpr int64_t kRows = 37, kSteps = 3;
  const std::vector<float> x = Normals(kSteps * kRows * kInputs, 1);
  StreamingNetwork base(layout, *SupportedKernels().front());
  const std::vector<float> expected = Run(base, kRows, kSteps, x, Zeros(kRows));
  for (const Kernels* kernels : SupportedKernels()) {
    StreamingNetwork network(layout, *kernels);
    EXPECT_EQ(Run(network, kRows, kSteps, x, Zeros(kRows)), expected) << kernels->name;
  }
}

TEST_P(StreamingNetworkCases, ARowDependsOnThatRowAlone) {
  constexpr int64_t kRows = 70, kSteps = 3;  // more than two chunks
  const std::vector<float> x = Normals(kSteps * kRows * kInputs, 1);
  StreamingNetwork network(layout);
  const std::vector<float> together = Run(network, kRows, kSteps, x, Zeros(kRows));
  for (int64_t r = 0; r < kRows; ++r) {
    std::vector<float> alone_x, expected;
    for (int64_t t = 0; t < kSteps; ++t) {
      const int64_t row = t * kRows + r;
      alone_x.insert(alone_x.end(), x.begin() + row * kInputs, x.begin() + (row + 1) * kInputs);
      expected.insert(expected.end(), together.begin() + row * kOutputs,
                      together.begin() + (row + 1) * kOutputs);
    }
    EXPECT_EQ(Run(network, 1, kSteps, alone_x, Zeros(1)), expected) << r;
  }
}

TEST_P(StreamingNetworkCases, AllocatesNothing) {
  constexpr int64_t kRows = 70;
  const std::vector<float> x = Normals(kRows * kInputs, 1);
  std::vector<float> state = Zeros(kRows), out(kRows * kOutputs);
  StreamingNetwork network(layout);
  const size_t before = AllocationCount();
  network.Step(parameters.data(), kRows, x.data(), state.data(), out.data());
  EXPECT_EQ(AllocationCount(), before);
}

// Streaming over a long past equals starting from zeros where the network's sight begins.
TEST_P(StreamingNetworkCases, SeesExactlyItsWindow) {
  const NetworkSpec& spec = GetParam().spec;
  if (spec.encoder == EncoderKind::kGru) GTEST_SKIP() << "sees all of the past";
  const int64_t window = spec.encoder == EncoderKind::kLatest  ? 1
                         : spec.encoder == EncoderKind::kStack ? spec.stack
                                                               : spec.layers + 1;
  constexpr int64_t kSteps = 12;
  std::vector<float> x = Normals(kSteps * kInputs, 1);
  StreamingNetwork network(layout);
  const std::vector<float> whole = Run(network, 1, kSteps, x, Zeros(1));
  const auto last = [](const std::vector<float>& out) {
    return std::vector<float>(out.end() - kOutputs, out.end());
  };
  for (int64_t seen = window; seen < kSteps; ++seen) {
    const std::vector<float> recent(x.end() - seen * kInputs, x.end());
    EXPECT_EQ(last(Run(network, 1, seen, recent, Zeros(1))), last(whole)) << seen;
  }
  if (window > 1) {
    const std::vector<float> less(x.end() - (window - 1) * kInputs, x.end());
    EXPECT_NE(last(Run(network, 1, window - 1, less, Zeros(1))), last(whole));
  }
}

}  // namespace
}  // namespace reeve
