#include <algorithm>
#include <vector>

#include "agents/nn/batched_layers.h"
#include "agents/nn/group_data.h"

namespace reeve {
namespace {

// One sequence y [T, W], in place, from the last step to the first. before [fold], keep [T].
template <class T>
void Shift(int64_t steps, int64_t width, int64_t fold, const T* keep, const T* before, T* y) {
  for (int64_t t = steps - 1; t >= 0; --t) {
    const T* from = t == 0 ? before : y + (t - 1) * width;
    for (int64_t c = 0; c < fold; ++c) y[t * width + c] = from[c] * keep[t];
  }
}

// The gradient before the shift: what went to the next step comes back from there, unless an
// episode began there or the sequence ends.
template <class T>
void Unshift(int64_t steps, int64_t width, int64_t fold, const T* keep, const T* g, T* n_gradient) {
  std::copy_n(g, steps * width, n_gradient);
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t c = 0; c < fold; ++c) {
      n_gradient[t * width + c] = t + 1 < steps ? g[(t + 1) * width + c] * keep[t + 1] : T{0};
    }
  }
}

struct ShiftedLayerNormFunction : torch::autograd::Function<ShiftedLayerNormFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& gain, const torch::Tensor& bias,
                               const torch::Tensor& gain_gradient,
                               const torch::Tensor& bias_gradient, int64_t fold,
                               const torch::Tensor& keep, const torch::Tensor& before) {
    const int64_t groups = x.size(0), sequences = x.size(1), steps = x.size(2), width = x.size(3);
    torch::Tensor y = torch::empty_like(x);
    torch::Tensor statistics = torch::empty({groups, sequences * steps, 2}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "ShiftedLayerNorm", [&] {
      for (int64_t a = 0; a < groups; ++a) {
        KernelsFor<scalar_t>().layer_norm(
            sequences * steps, width, GroupData<scalar_t>(x, a), GroupData<scalar_t>(gain, a),
            GroupData<scalar_t>(bias, a), GroupData<scalar_t>(statistics, a),
            GroupData<scalar_t>(y, a));
        for (int64_t b = 0; b < sequences && fold > 0; ++b) {
          Shift(steps, width, fold, GroupData<scalar_t>(keep, a) + b * steps,
                GroupData<scalar_t>(before, a) + b * before.stride(1),
                GroupData<scalar_t>(y, a) + b * steps * width);
        }
      }
    });
    context->save_for_backward({x, gain, statistics, keep});
    context->saved_data["gain_gradient"] = gain_gradient;
    context->saved_data["bias_gradient"] = bias_gradient;
    context->saved_data["fold"] = fold;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &gain = saved[1], &statistics = saved[2], &keep = saved[3];
    const torch::Tensor gain_gradient = context->saved_data["gain_gradient"].toTensor();
    const torch::Tensor bias_gradient = context->saved_data["bias_gradient"].toTensor();
    const int64_t fold = context->saved_data["fold"].toInt();
    const int64_t groups = x.size(0), sequences = x.size(1), steps = x.size(2), width = x.size(3);
    const torch::Tensor g = gradients[0].contiguous();
    torch::Tensor x_gradient = torch::empty_like(x);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "ShiftedLayerNorm", [&] {
      const int64_t size = steps * width;
      std::vector<scalar_t> unshifted(static_cast<size_t>(fold > 0 ? size : 0));
      for (int64_t a = 0; a < groups; ++a) {
        for (int64_t b = 0; b < sequences; ++b) {
          const scalar_t* n_gradient = GroupData<scalar_t>(g, a) + b * size;
          if (fold > 0) {
            Unshift(steps, width, fold, GroupData<scalar_t>(keep, a) + b * steps, n_gradient,
                    unshifted.data());
            n_gradient = unshifted.data();
          }
          KernelsFor<scalar_t>().layer_norm_backward(
              steps, width, GroupData<scalar_t>(x, a) + b * size,
              GroupData<scalar_t>(statistics, a) + b * steps * 2, GroupData<scalar_t>(gain, a),
              n_gradient, GroupData<scalar_t>(x_gradient, a) + b * size,
              GroupData<scalar_t>(gain_gradient, a), GroupData<scalar_t>(bias_gradient, a));
        }
      }
    });
    return {x_gradient, {}, {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

torch::Tensor ShiftedLayerNorm(const torch::Tensor& x, const Parameter& gain, const Parameter& bias,
                               int64_t fold, const torch::Tensor& keep,
                               const torch::Tensor& before) {
  const torch::Tensor none = torch::empty({0}, x.options());  // autograd wants tensors
  return ShiftedLayerNormFunction::apply(x, gain.value, bias.value, gain.gradient, bias.gradient,
                                         fold, fold > 0 ? keep : none, fold > 0 ? before : none);
}

}  // namespace reeve
