#include <cmath>

#include "agents/nn/batched_layers.h"
#include "agents/nn/batched_layers_internal.h"

namespace reeve {
namespace {

// The loops below are over one group: y, g [n, m]; bias, bias_gradient [m].
template <class T>
void AddBiasActivate(int64_t n, int64_t m, const T* bias, LayerActivation activation, T* y) {
  for (int64_t i = 0; i < n; ++i, y += m) {
    switch (activation) {
      case LayerActivation::kNone:
        for (int64_t j = 0; j < m; ++j) y[j] += bias[j];
        break;
      case LayerActivation::kRelu:
        for (int64_t j = 0; j < m; ++j) {
          const T v = y[j] + bias[j];
          y[j] = v < 0 ? T{0} : v;
        }
        break;
      case LayerActivation::kTanh:
        for (int64_t j = 0; j < m; ++j) y[j] = std::tanh(y[j] + bias[j]);
        break;
    }
  }
}

// g becomes the gradient before the activation; its columns are summed into bias_gradient.
// The activation's derivative follows from its result y.
template <class T>
void ActivationBackward(int64_t n, int64_t m, const T* y, LayerActivation activation, const T* g,
                        T* masked, T* bias_gradient) {
  for (int64_t i = 0; i < n; ++i, y += m, g += m, masked += m) {
    switch (activation) {
      case LayerActivation::kNone:
        for (int64_t j = 0; j < m; ++j) bias_gradient[j] += masked[j] = g[j];
        break;
      case LayerActivation::kRelu:
        for (int64_t j = 0; j < m; ++j) bias_gradient[j] += masked[j] = y[j] > 0 ? g[j] : T{0};
        break;
      case LayerActivation::kTanh:
        for (int64_t j = 0; j < m; ++j) bias_gradient[j] += masked[j] = g[j] * (1 - y[j] * y[j]);
        break;
    }
  }
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               int64_t activation) {
    torch::Tensor y = torch::bmm(x, weight);
    AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "LinearLayer", [&] {
      for (int64_t a = 0; a < y.size(0); ++a) {
        AddBiasActivate(y.size(1), y.size(2), GroupData<scalar_t>(bias, a),
                        LayerActivation{activation}, GroupData<scalar_t>(y, a));
      }
    });
    context->save_for_backward({x, weight, y});
    context->saved_data["activation"] = activation;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1], &y = saved[2];
    const torch::Tensor g = gradients[0].contiguous();
    torch::Tensor masked = torch::empty_like(g);
    torch::Tensor bias_gradient = torch::zeros({g.size(0), 1, g.size(2)}, g.options());
    const LayerActivation activation{context->saved_data["activation"].toInt()};
    AT_DISPATCH_FLOATING_TYPES(y.scalar_type(), "LinearLayer", [&] {
      for (int64_t a = 0; a < y.size(0); ++a) {
        ActivationBackward(y.size(1), y.size(2), GroupData<scalar_t>(y, a), activation,
                           GroupData<scalar_t>(g, a), GroupData<scalar_t>(masked, a),
                           GroupData<scalar_t>(bias_gradient, a));
      }
    });
    torch::Tensor weight_gradient = torch::bmm(x.transpose(1, 2), masked);
    torch::Tensor x_gradient;
    if (context->needs_input_grad(0)) x_gradient = torch::bmm(masked, weight.transpose(1, 2));
    return {x_gradient, weight_gradient, bias_gradient, torch::Tensor()};
  }
};

}  // namespace

torch::Tensor LinearLayer(const torch::Tensor& x, const torch::Tensor& weight,
                          const torch::Tensor& bias, LayerActivation activation) {
  return LinearFunction::apply(x, weight, bias, static_cast<int64_t>(activation));
}

}  // namespace reeve
