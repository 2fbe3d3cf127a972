#include "agents/nn/kernels.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/agents/nn/network_cases.h"

namespace reeve {
namespace {

std::vector<double> AsDouble(const std::vector<float>& x) {
  return {x.begin(), x.end()};
}

// Relative to the largest: sums of up to 200 products round some 1e-5 at most.
void ExpectNear(const std::vector<float>& actual, const std::vector<double>& expected,
                const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  double scale = 0;
  for (const double e : expected) scale = std::max(scale, std::abs(e));
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-5 * scale) << what << " " << i;
  }
}

// A buffer of floats and the same numbers in double.
struct Both {
  std::vector<float> f;
  std::vector<double> d;
  explicit Both(std::vector<float> numbers) : f(std::move(numbers)), d(AsDouble(f)) {}
  Both(size_t count, uint32_t stream) : Both(Normals(count, stream)) {}
  void Check(const char* what) const { ExpectNear(f, d, what); }
};

// Shapes with and without a rest in every direction: rows, inputs or channels, outputs.
struct Shape {
  int64_t rows, inputs, outputs;
};
const Shape kShapes[] = {{1, 1, 1},  {1, 64, 64}, {2, 3, 7},   {5, 16, 64}, {6, 64, 8},
                         {7, 17, 5}, {9, 33, 31}, {13, 64, 3}, {50, 9, 40}, {200, 20, 2}};

class KernelVersions : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels = *GetParam();
  const BasicKernels<double>& reference = ReferenceKernels();
};
INSTANTIATE_TEST_SUITE_P(All, KernelVersions, testing::ValuesIn(SupportedKernels()));

TEST_P(KernelVersions, LinearAndItsGradients) {
  for (const auto& [rows, inputs, outputs] : kShapes) {
    for (const Epilogue epilogue : {Epilogue::kNone, Epilogue::kRelu, Epilogue::kTanh}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << inputs << " x " << outputs);
      const auto in = static_cast<size_t>(rows * inputs), out = static_cast<size_t>(rows * outputs);
      const auto size = static_cast<size_t>(inputs * outputs);
      const Both x(in, 1), weight(size, 2), bias(static_cast<size_t>(outputs), 3), residual(out, 4);
      Both y(out, 5), product(size, 6), z(out, 7), sums(static_cast<size_t>(outputs), 8);
      kernels.linear(rows, inputs, outputs, x.f.data(), weight.f.data(), bias.f.data(), epilogue,
                     residual.f.data(), y.f.data());
      reference.linear(rows, inputs, outputs, x.d.data(), weight.d.data(), bias.d.data(), epilogue,
                       residual.d.data(), y.d.data());
      y.Check("with residual");
      kernels.linear(rows, inputs, outputs, x.f.data(), weight.f.data(), nullptr, epilogue, nullptr,
                     y.f.data());
      reference.linear(rows, inputs, outputs, x.d.data(), weight.d.data(), nullptr, epilogue,
                       nullptr, y.d.data());
      y.Check("without bias");
      kernels.weight_gradient(rows, inputs, outputs, x.f.data(), residual.f.data(),
                              product.f.data());
      reference.weight_gradient(rows, inputs, outputs, x.d.data(), residual.d.data(),
                                product.d.data());
      product.Check("weight gradient");
      const Both same_y(y.f);  // both look at the same result: its sign decides
      kernels.activation_backward(rows, outputs, same_y.f.data(), residual.f.data(), epilogue,
                                  z.f.data(), sums.f.data());
      reference.activation_backward(rows, outputs, same_y.d.data(), residual.d.data(), epilogue,
                                    z.d.data(), sums.d.data());
      z.Check("before the activation");
      sums.Check("bias gradient");
    }
  }
}

TEST_P(KernelVersions, LayerNormAndItsGradients) {
  for (const int64_t n : {2, 3, 8, 16, 19, 64, 100}) {
    constexpr int64_t kRows = 7;
    SCOPED_TRACE(n);
    const auto size = static_cast<size_t>(kRows * n), channels = static_cast<size_t>(n);
    const Both x(size, 1), gain(channels, 2), bias(channels, 3), g(size, 4);
    Both y(size, 5), statistics(2 * kRows, 6), dx(size, 7), dgain(channels, 8), dbias(channels, 9);
    kernels.layer_norm(kRows, n, x.f.data(), gain.f.data(), bias.f.data(), statistics.f.data(),
                       y.f.data());
    reference.layer_norm(kRows, n, x.d.data(), gain.d.data(), bias.d.data(), statistics.d.data(),
                         y.d.data());
    y.Check("y");
    statistics.Check("statistics");
    kernels.layer_norm_backward(kRows, n, x.f.data(), statistics.f.data(), gain.f.data(),
                                g.f.data(), dx.f.data(), dgain.f.data(), dbias.f.data());
    reference.layer_norm_backward(kRows, n, x.d.data(), statistics.d.data(), gain.d.data(),
                                  g.d.data(), dx.d.data(), dgain.d.data(), dbias.d.data());
    if (n > 2) dx.Check("x gradient");  // of two channels it is 0 but for epsilon: all rounding
    dgain.Check("gain gradient");
    dbias.Check("bias gradient");
  }
}

TEST_P(KernelVersions, GruAndItsGradients) {
  for (const int64_t n : {1, 4, 7, 16, 33, 64}) {
    constexpr int64_t kRows = 5;
    SCOPED_TRACE(n);
    const auto size = static_cast<size_t>(kRows * n);
    const Both input(3 * size, 1), state(3 * size, 2), before(size, 3), g(size, 4);
    Both gates(4 * size, 5), h(size, 6), dinput(3 * size, 7), dstate(3 * size, 8), dbefore(size, 9);
    kernels.gru(kRows, n, input.f.data(), state.f.data(), before.f.data(), gates.f.data(),
                h.f.data());
    reference.gru(kRows, n, input.d.data(), state.d.data(), before.d.data(), gates.d.data(),
                  h.d.data());
    h.Check("h");
    gates.Check("gates");
    kernels.gru_backward(kRows, n, gates.f.data(), before.f.data(), g.f.data(), dinput.f.data(),
                         dstate.f.data(), dbefore.f.data());
    reference.gru_backward(kRows, n, gates.d.data(), before.d.data(), g.d.data(), dinput.d.data(),
                           dstate.d.data(), dbefore.d.data());
    dinput.Check("input gradient");
    dstate.Check("state gradient");
    dbefore.Check("direct gradient");
  }
}

// The bounds that simd_math.h states, against the C library in double.
TEST_P(KernelVersions, TanhAndLogisticAreAsPreciseAsStated) {
  double tanh_error = 0, logistic_error = 0;
  const float one = 1, zero = 0, zeros[3] = {};
  for (int i = -40'000; i <= 40'000; ++i) {
    const float x = static_cast<float>(i) * 5e-4F;
    float y = 0;
    kernels.linear(1, 1, 1, &x, &one, &zero, Epilogue::kTanh, nullptr, &y);
    const double exact = std::tanh(static_cast<double>(x));
    if (i != 0) tanh_error = std::max(tanh_error, std::abs(y / exact - 1));
    const float input[3] = {0, x, 0};  // c = tanh(0) = 0, so h = z before
    kernels.gru(1, 1, input, zeros, &one, nullptr, &y);
    const double z = 1 / (1 + std::exp(-static_cast<double>(x)));
    logistic_error = std::max(logistic_error, std::abs(y / z - 1));
  }
  EXPECT_LT(tanh_error, 3e-7);
  EXPECT_LT(logistic_error, 3e-7);
}

TEST_P(KernelVersions, WhatIsNotANumberStaysSeen) {
  const float one = 1, zero = 0, nan = std::nanf("");
  for (const Epilogue epilogue : {Epilogue::kNone, Epilogue::kRelu, Epilogue::kTanh}) {
    float y = 0;
    kernels.linear(1, 1, 1, &nan, &one, &zero, epilogue, nullptr, &y);
    EXPECT_TRUE(std::isnan(y));
  }
}

}  // namespace
}  // namespace reeve
