#include <vector>

#include "agents/nn/batched_layers.h"
#include "agents/nn/group_data.h"
#include "agents/nn/linear_gradient.h"

namespace reeve {
namespace {

// to[b] = from[b] keep[b] for rows of `width`: an episode's start cuts the past off.
template <class T>
void KeepRows(int64_t rows, int64_t width, const T* from, const T* keep, T* to) {
  for (int64_t b = 0; b < rows; ++b) {
    for (int64_t c = 0; c < width; ++c) to[b * width + c] = from[b * width + c] * keep[b];
  }
}

// The tensors of one group: rows are [T, B], so that a step's are contiguous.
template <class T>
struct GruSequence {
  int64_t steps, sequences, width;
  const T *from_input, *weight, *bias, *keep, *before;
  T *from, *gates, *h;  // from: the state that each step starts from, [T, B, W]; gates [T, B, 4 W]

  void Forward(std::vector<T>& from_state) const {
    from_state.resize(static_cast<size_t>(sequences * 3 * width));
    const BasicKernels<T>& kernels = KernelsFor<T>();
    const int64_t size = sequences * width;  // of one step
    for (int64_t t = 0; t < steps; ++t) {
      T* state = from + t * size;
      KeepRows(sequences, width, t == 0 ? before : h + (t - 1) * size, keep + t * sequences, state);
      kernels.linear(sequences, width, 3 * width, state, weight, bias, Epilogue::kNone, nullptr,
                     from_state.data());
      kernels.gru(sequences, width, from_input + t * 3 * size, from_state.data(), state,
                  gates + t * 4 * size, h + t * size);
    }
  }

  // g [T, B, W] is the gradient of h; adds to those of weight and bias.
  void Backward(const T* g, T* input_gradient, T* weight_gradient, T* bias_gradient) const {
    const int64_t size = sequences * width;
    std::vector<T> h_gradient(g + (steps - 1) * size, g + steps * size);
    std::vector<T> direct(static_cast<size_t>(size)), through(direct),
        state_gradient(static_cast<size_t>(3 * size));
    LinearGradient<T> linear(width, 3 * width, Epilogue::kNone);
    for (int64_t t = steps - 1; t >= 0; --t) {
      const T* state = from + t * size;
      KernelsFor<T>().gru_backward(sequences, width, gates + t * 4 * size, state, h_gradient.data(),
                                   input_gradient + t * 3 * size, state_gradient.data(),
                                   direct.data());
      // The linear part has no activation: its result is not looked at.
      linear.Run(sequences, state, weight, state_gradient.data(), state_gradient.data(),
                 weight_gradient, bias_gradient, direct.data(), through.data());
      if (t == 0) break;
      KeepRows(sequences, width, through.data(), keep + t * sequences, h_gradient.data());
      for (int64_t i = 0; i < size; ++i) {
        h_gradient[static_cast<size_t>(i)] += g[(t - 1) * size + i];
      }
    }
  }
};

struct GruFunction : torch::autograd::Function<GruFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& from_input, const torch::Tensor& weight,
                               const torch::Tensor& bias, const torch::Tensor& weight_gradient,
                               const torch::Tensor& bias_gradient, const torch::Tensor& keep,
                               const torch::Tensor& before) {
    const int64_t groups = from_input.size(0), steps = from_input.size(1);
    const int64_t sequences = from_input.size(2), width = weight.size(1);
    const auto options = from_input.options();
    torch::Tensor h = torch::empty({groups, steps, sequences, width}, options);
    torch::Tensor gates = torch::empty({groups, steps, sequences, 4 * width}, options);
    torch::Tensor from = torch::empty_like(h);
    AT_DISPATCH_FLOATING_TYPES(h.scalar_type(), "GruLayer", [&] {
      std::vector<scalar_t> scratch;
      for (int64_t a = 0; a < groups; ++a) {
        const GruSequence<scalar_t> sequence = {steps,
                                                sequences,
                                                width,
                                                GroupData<scalar_t>(from_input, a),
                                                GroupData<scalar_t>(weight, a),
                                                GroupData<scalar_t>(bias, a),
                                                GroupData<scalar_t>(keep, a),
                                                GroupData<scalar_t>(before, a),
                                                GroupData<scalar_t>(from, a),
                                                GroupData<scalar_t>(gates, a),
                                                GroupData<scalar_t>(h, a)};
        sequence.Forward(scratch);
      }
    });
    context->save_for_backward({weight, keep, gates, from});
    context->saved_data["weight_gradient"] = weight_gradient;
    context->saved_data["bias_gradient"] = bias_gradient;
    return h;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &weight = saved[0], &keep = saved[1], &gates = saved[2], &from = saved[3];
    const torch::Tensor weight_gradient = context->saved_data["weight_gradient"].toTensor();
    const torch::Tensor bias_gradient = context->saved_data["bias_gradient"].toTensor();
    const torch::Tensor g = gradients[0].contiguous();
    const int64_t groups = g.size(0), steps = g.size(1), sequences = g.size(2), width = g.size(3);
    torch::Tensor input_gradient = torch::empty({groups, steps, sequences, 3 * width}, g.options());
    AT_DISPATCH_FLOATING_TYPES(g.scalar_type(), "GruLayer", [&] {
      for (int64_t a = 0; a < groups; ++a) {
        const GruSequence<scalar_t> sequence = {.steps = steps,
                                                .sequences = sequences,
                                                .width = width,
                                                .from_input = nullptr,
                                                .weight = GroupData<scalar_t>(weight, a),
                                                .bias = nullptr,
                                                .keep = GroupData<scalar_t>(keep, a),
                                                .before = nullptr,
                                                .from = GroupData<scalar_t>(from, a),
                                                .gates = GroupData<scalar_t>(gates, a),
                                                .h = nullptr};
        sequence.Backward(GroupData<scalar_t>(g, a), GroupData<scalar_t>(input_gradient, a),
                          GroupData<scalar_t>(weight_gradient, a),
                          GroupData<scalar_t>(bias_gradient, a));
      }
    });
    return {input_gradient, {}, {}, {}, {}, {}, {}};
  }
};

}  // namespace

torch::Tensor GruLayer(const torch::Tensor& from_input, const Parameter& weight,
                       const Parameter& bias, const torch::Tensor& keep,
                       const torch::Tensor& before) {
  return GruFunction::apply(from_input, weight.value, bias.value, weight.gradient, bias.gradient,
                            keep, before);
}

}  // namespace reeve
