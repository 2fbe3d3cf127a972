#include <cmath>
#include <vector>

#include "agents/nn/batched_layers.h"
#include "agents/nn/batched_layers_internal.h"
#include "agents/nn/kernels.h"

namespace reeve {
namespace {

// One row: y = (x - mean) scale gain + bias; mean and scale = 1 / sqrt(variance + epsilon) are kept
// for the backward pass.
template <class T>
void NormRow(int64_t width, const T* x, const T* gain, const T* bias, T* y, T* statistics) {
  T sum = 0;
  for (int64_t c = 0; c < width; ++c) sum += x[c];
  const T mean = sum / static_cast<T>(width);
  T squares = 0;
  for (int64_t c = 0; c < width; ++c) squares += (x[c] - mean) * (x[c] - mean);
  const T scale = 1 / std::sqrt(squares / static_cast<T>(width) + T{kLayerNormEpsilon});
  for (int64_t c = 0; c < width; ++c) y[c] = (x[c] - mean) * scale * gain[c] + bias[c];
  statistics[0] = mean;
  statistics[1] = scale;
}

// With z = (x - mean) scale and u = g gain:  dx = scale (u - mean(u) - z mean(u z)).
template <class T>
void NormRowBackward(int64_t width, const T* x, const T* statistics, const T* gain, const T* g,
                     T* x_gradient, T* gain_gradient, T* bias_gradient) {
  const T mean = statistics[0], scale = statistics[1];
  T sum = 0, sum_z = 0;
  for (int64_t c = 0; c < width; ++c) {
    const T z = (x[c] - mean) * scale, u = g[c] * gain[c];
    sum += u;
    sum_z += u * z;
    gain_gradient[c] += g[c] * z;
    bias_gradient[c] += g[c];
  }
  sum /= static_cast<T>(width);
  sum_z /= static_cast<T>(width);
  for (int64_t c = 0; c < width; ++c) {
    x_gradient[c] = scale * (g[c] * gain[c] - sum - (x[c] - mean) * scale * sum_z);
  }
}

// One sequence, [T, W]: the rows that have been normalised, shifted in place from the last to the
// first.
template <class T>
void ShiftForward(int64_t steps, int64_t width, int64_t fold, const T* keep, const T* before,
                  T* y) {
  for (int64_t t = steps - 1; t >= 0; --t) {
    const T* from = t == 0 ? before : y + (t - 1) * width;
    for (int64_t c = 0; c < fold; ++c) y[t * width + c] = from[c] * keep[t];
  }
}

struct ShiftedLayerNormFunction : torch::autograd::Function<ShiftedLayerNormFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& gain, const torch::Tensor& bias, int64_t fold,
                               const torch::Tensor& keep, const torch::Tensor& before) {
    const int64_t groups = x.size(0), sequences = x.size(1), steps = x.size(2), width = x.size(3);
    torch::Tensor y = torch::empty_like(x);
    torch::Tensor statistics = torch::empty({groups, sequences * steps, 2}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "ShiftedLayerNorm", [&] {
      for (int64_t a = 0; a < groups; ++a) {
        for (int64_t row = 0; row < sequences * steps; ++row) {
          NormRow(width, GroupData<scalar_t>(x, a) + row * width, GroupData<scalar_t>(gain, a),
                  GroupData<scalar_t>(bias, a), GroupData<scalar_t>(y, a) + row * width,
                  GroupData<scalar_t>(statistics, a) + row * 2);
        }
        for (int64_t b = 0; b < sequences && fold > 0; ++b) {
          ShiftForward(steps, width, fold, GroupData<scalar_t>(keep, a) + b * steps,
                       GroupData<scalar_t>(before, a) + b * before.stride(1),
                       GroupData<scalar_t>(y, a) + b * steps * width);
        }
      }
    });
    context->save_for_backward({x, gain, statistics, keep});
    context->saved_data["fold"] = fold;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &gain = saved[1], &statistics = saved[2], &keep = saved[3];
    const int64_t fold = context->saved_data["fold"].toInt();
    const int64_t groups = x.size(0), sequences = x.size(1), steps = x.size(2), width = x.size(3);
    const torch::Tensor g = gradients[0].contiguous();
    torch::Tensor x_gradient = torch::empty_like(x);
    torch::Tensor gain_gradient = torch::zeros({groups, 1, width}, x.options());
    torch::Tensor bias_gradient = torch::zeros({groups, 1, width}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "ShiftedLayerNorm", [&] {
      std::vector<scalar_t> unshifted(static_cast<size_t>(width));
      for (int64_t a = 0; a < groups; ++a) {
        for (int64_t row = 0; row < sequences * steps; ++row) {
          const int64_t at = row * width;
          const scalar_t* row_gradient = GroupData<scalar_t>(g, a) + at;
          if (fold > 0) {
            // What was shifted away from this row came back in the next one, unless there is none.
            const bool last = row % steps == steps - 1;
            const scalar_t kept = last ? 0 : GroupData<scalar_t>(keep, a)[row + 1];
            for (int64_t c = 0; c < width; ++c) {
              unshifted[static_cast<size_t>(c)] =
                  c >= fold ? row_gradient[c] : (last ? 0 : row_gradient[width + c] * kept);
            }
            row_gradient = unshifted.data();
          }
          NormRowBackward(
              width, GroupData<scalar_t>(x, a) + at, GroupData<scalar_t>(statistics, a) + row * 2,
              GroupData<scalar_t>(gain, a), row_gradient, GroupData<scalar_t>(x_gradient, a) + at,
              GroupData<scalar_t>(gain_gradient, a), GroupData<scalar_t>(bias_gradient, a));
        }
      }
    });
    return {x_gradient,      gain_gradient,   bias_gradient,
            torch::Tensor(), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor ShiftedLayerNorm(const torch::Tensor& x, const torch::Tensor& gain,
                               const torch::Tensor& bias, int64_t fold, const torch::Tensor& keep,
                               const torch::Tensor& before) {
  if (fold > 0) return ShiftedLayerNormFunction::apply(x, gain, bias, fold, keep, before);
  const torch::Tensor none = torch::empty({0}, x.options());  // autograd wants tensors
  return ShiftedLayerNormFunction::apply(x, gain, bias, fold, none, none);
}

}  // namespace reeve
