#include <cmath>

#include "agents/nn/batched_layers.h"
#include "agents/nn/batched_layers_internal.h"

namespace reeve {
namespace {

template <class T>
T Logistic(T x) {
  return 1 / (1 + std::exp(-x));
}

// One row. `gates` [4 W] keeps r, z, n and the part of n that is linear in the state.
template <class T>
void GruRow(int64_t width, const T* from_input, const T* from_state, const T* before, T* gates,
            T* h) {
  for (int64_t c = 0; c < width; ++c) {
    const T r = Logistic(from_input[c] + from_state[c]);
    const T z = Logistic(from_input[width + c] + from_state[width + c]);
    const T linear = from_state[2 * width + c];
    const T n = std::tanh(from_input[2 * width + c] + r * linear);
    h[c] = n + z * (before[c] - n);
    gates[c] = r;
    gates[width + c] = z;
    gates[2 * width + c] = n;
    gates[3 * width + c] = linear;
  }
}

// From the gradient of h that of the linear parts, and the direct part of that of `before`.
template <class T>
void GruRowBackward(int64_t width, const T* gates, const T* before, const T* h_gradient,
                    T* input_gradient, T* state_gradient, T* before_gradient) {
  for (int64_t c = 0; c < width; ++c) {
    const T r = gates[c], z = gates[width + c], n = gates[2 * width + c];
    const T g = h_gradient[c];
    const T dn = g * (1 - z) * (1 - n * n);
    const T dz = g * (before[c] - n) * z * (1 - z);
    const T dr = dn * gates[3 * width + c] * r * (1 - r);
    input_gradient[c] = state_gradient[c] = dr;
    input_gradient[width + c] = state_gradient[width + c] = dz;
    input_gradient[2 * width + c] = dn;
    state_gradient[2 * width + c] = dn * r;
    before_gradient[c] = g * z;
  }
}

// Tensors [A, B, T, C]: where row (a, b, t) begins.
template <class T>
T* RowData(const torch::Tensor& tensor, int64_t a, int64_t b, int64_t t) {
  return tensor.data_ptr<T>() + a * tensor.stride(0) + b * tensor.stride(1) + t * tensor.stride(2);
}

struct GruFunction : torch::autograd::Function<GruFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& from_input, const torch::Tensor& weight,
                               const torch::Tensor& bias, const torch::Tensor& keep,
                               const torch::Tensor& before) {
    const int64_t groups = from_input.size(0), sequences = from_input.size(1);
    const int64_t steps = from_input.size(2), width = weight.size(1);
    const auto options = from_input.options();
    torch::Tensor h = torch::empty({groups, sequences, steps, width}, options);
    torch::Tensor gates = torch::empty({groups, sequences, steps, 4 * width}, options);
    // The state that each step starts from, with what an episode's start cuts off set to 0.
    torch::Tensor from = torch::empty_like(h);
    for (int64_t t = 0; t < steps; ++t) {
      torch::Tensor state = from.select(2, t);
      torch::mul_out(state, t == 0 ? before : h.select(2, t - 1), keep.select(2, t).unsqueeze(-1));
      const torch::Tensor from_state = torch::baddbmm(bias, state, weight);
      AT_DISPATCH_FLOATING_TYPES(h.scalar_type(), "GruLayer", [&] {
        for (int64_t a = 0; a < groups; ++a) {
          for (int64_t b = 0; b < sequences; ++b) {
            GruRow(width, RowData<scalar_t>(from_input, a, b, t),
                   GroupData<scalar_t>(from_state, a) + b * 3 * width,
                   RowData<scalar_t>(from, a, b, t), RowData<scalar_t>(gates, a, b, t),
                   RowData<scalar_t>(h, a, b, t));
          }
        }
      });
    }
    context->save_for_backward({weight, keep, gates, from});
    return h;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &weight = saved[0], &keep = saved[1], &gates = saved[2], &from = saved[3];
    const torch::Tensor g = gradients[0].contiguous();
    const int64_t groups = g.size(0), sequences = g.size(1), steps = g.size(2), width = g.size(3);
    torch::Tensor input_gradient = torch::empty({groups, sequences, steps, 3 * width}, g.options());
    torch::Tensor state_gradient = torch::empty_like(input_gradient);
    torch::Tensor direct = torch::empty({groups, sequences, width}, g.options());
    torch::Tensor h_gradient = g.select(2, steps - 1).clone();  // [A, B, W], of this step's state
    const torch::Tensor transposed = weight.transpose(1, 2).contiguous();
    for (int64_t t = steps - 1; t >= 0; --t) {
      AT_DISPATCH_FLOATING_TYPES(g.scalar_type(), "GruLayer", [&] {
        for (int64_t a = 0; a < groups; ++a) {
          for (int64_t b = 0; b < sequences; ++b) {
            const int64_t row = b * width;
            GruRowBackward(
                width, RowData<scalar_t>(gates, a, b, t), RowData<scalar_t>(from, a, b, t),
                GroupData<scalar_t>(h_gradient, a) + row,
                RowData<scalar_t>(input_gradient, a, b, t),
                RowData<scalar_t>(state_gradient, a, b, t), GroupData<scalar_t>(direct, a) + row);
          }
        }
      });
      if (t == 0) break;
      direct.baddbmm_(state_gradient.select(2, t), transposed);
      torch::mul_out(h_gradient, direct, keep.select(2, t).unsqueeze(-1));
      h_gradient.add_(g.select(2, t - 1));
    }
    const auto rows = [&](const torch::Tensor& tensor) {
      return tensor.view({groups, sequences * steps, tensor.size(3)});
    };
    return {input_gradient, torch::bmm(rows(from).transpose(1, 2), rows(state_gradient)),
            rows(state_gradient).sum(1, true), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor GruLayer(const torch::Tensor& from_input, const torch::Tensor& weight,
                       const torch::Tensor& bias, const torch::Tensor& keep,
                       const torch::Tensor& before) {
  return GruFunction::apply(from_input, weight, bias, keep, before);
}

}  // namespace reeve
