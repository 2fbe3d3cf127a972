#include <cmath>

#include "agents/nn/kernels.h"

namespace reeve {
namespace {

double Activate(double x, Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kNone:
      return x;
    case Epilogue::kRelu:
      return x < 0 ? 0 : x;
    case Epilogue::kTanh:
      return std::tanh(x);
  }
  return x;
}

// Of the activation, from its result.
double Derivative(double y, Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::kNone:
      return 1;
    case Epilogue::kRelu:
      return y > 0 ? 1 : 0;
    case Epilogue::kTanh:
      return 1 - y * y;
  }
  return 1;
}

double Logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

void Linear(int64_t rows, int64_t inputs, int64_t outputs, const double* x, const double* weight,
            const double* bias, Epilogue epilogue, const double* residual, double* y) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < outputs; ++j) {
      double sum = bias == nullptr ? 0 : bias[j];
      for (int64_t k = 0; k < inputs; ++k) sum += x[r * inputs + k] * weight[k * outputs + j];
      y[r * outputs + j] =
          Activate(sum, epilogue) + (residual == nullptr ? 0 : residual[r * outputs + j]);
    }
  }
}

void WeightGradient(int64_t rows, int64_t inputs, int64_t outputs, const double* x, const double* g,
                    double* product) {
  for (int64_t k = 0; k < inputs; ++k) {
    for (int64_t j = 0; j < outputs; ++j) {
      double sum = 0;
      for (int64_t r = 0; r < rows; ++r) sum += x[r * inputs + k] * g[r * outputs + j];
      product[k * outputs + j] = sum;
    }
  }
}

void ActivationBackward(int64_t rows, int64_t n, const double* y, const double* g,
                        Epilogue epilogue, double* z_gradient, double* sums) {
  for (int64_t i = 0; i < rows * n; ++i) {
    z_gradient[i] = g[i] * Derivative(y[i], epilogue);
    sums[i % n] += z_gradient[i];
  }
}

void LayerNorm(int64_t rows, int64_t n, const double* x, const double* gain, const double* bias,
               double* statistics, double* y) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; ++i) sum += x[i];
    const double mean = sum / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const double scale = 1 / std::sqrt(squares / static_cast<double>(n) + kLayerNormEpsilon);
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * scale * gain[i] + bias[i];
    if (statistics != nullptr) {
      statistics[2 * r] = mean;
      statistics[2 * r + 1] = scale;
    }
  }
}

// With z = (x - mean) scale and u = g gain: dx = scale (u - mean(u) - z mean(u z)).
void LayerNormBackward(int64_t rows, int64_t n, const double* x, const double* statistics,
                       const double* gain, const double* g, double* x_gradient,
                       double* gain_gradient, double* bias_gradient) {
  for (int64_t r = 0; r < rows; ++r, x += n, g += n, x_gradient += n) {
    const double mean = statistics[2 * r], scale = statistics[2 * r + 1];
    double sum_u = 0, sum_uz = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double z = (x[i] - mean) * scale;
      sum_u += g[i] * gain[i];
      sum_uz += g[i] * gain[i] * z;
      gain_gradient[i] += g[i] * z;
      bias_gradient[i] += g[i];
    }
    for (int64_t i = 0; i < n; ++i) {
      const double z = (x[i] - mean) * scale;
      x_gradient[i] = scale * (g[i] * gain[i] - (sum_u + z * sum_uz) / static_cast<double>(n));
    }
  }
}

void Gru(int64_t rows, int64_t n, const double* from_input, const double* from_state,
         const double* before, double* gates, double* h) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = row * 3 * n + i;
      const double r = Logistic(from_input[at] + from_state[at]);
      const double z = Logistic(from_input[at + n] + from_state[at + n]);
      const double c = std::tanh(from_input[at + 2 * n] + r * from_state[at + 2 * n]);
      h[row * n + i] = (1 - z) * c + z * before[row * n + i];
      if (gates != nullptr) {
        double* kept = gates + row * 4 * n + i;
        kept[0] = r;
        kept[n] = z;
        kept[2 * n] = c;
        kept[3 * n] = from_state[at + 2 * n];
      }
    }
  }
}

void GruBackward(int64_t rows, int64_t n, const double* gates, const double* before,
                 const double* g, double* input_gradient, double* state_gradient,
                 double* before_gradient) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < n; ++i) {
      const double* kept = gates + row * 4 * n + i;
      const double r = kept[0], z = kept[n], c = kept[2 * n], gradient = g[row * n + i];
      const double dc = gradient * (1 - z) * (1 - c * c);
      const double dz = gradient * (before[row * n + i] - c) * z * (1 - z);
      const double dr = dc * kept[3 * n] * r * (1 - r);
      const int64_t at = row * 3 * n + i;
      input_gradient[at] = state_gradient[at] = dr;
      input_gradient[at + n] = state_gradient[at + n] = dz;
      input_gradient[at + 2 * n] = dc;
      state_gradient[at + 2 * n] = dc * r;
      before_gradient[row * n + i] = gradient * z;
    }
  }
}

}  // namespace

const BasicKernels<double>& ReferenceKernels() {
  static constexpr BasicKernels<double> kKernels = {.name = "reference",
                                                    .linear = Linear,
                                                    .weight_gradient = WeightGradient,
                                                    .activation_backward = ActivationBackward,
                                                    .layer_norm = LayerNorm,
                                                    .layer_norm_backward = LayerNormBackward,
                                                    .gru = Gru,
                                                    .gru_backward = GruBackward};
  return kKernels;
}

}  // namespace reeve
