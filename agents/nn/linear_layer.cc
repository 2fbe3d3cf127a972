#include "agents/nn/batched_layers.h"
#include "agents/nn/group_data.h"
#include "agents/nn/linear_gradient.h"

namespace reeve {
namespace {

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  // Gradients of parameters are handed over apart from what autograd watches: they change between
  // this and the backward pass.
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               const torch::Tensor& weight_gradient,
                               const torch::Tensor& bias_gradient, int64_t epilogue) {
    torch::Tensor y = torch::empty({x.size(0), x.size(1), weight.size(2)}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "LinearLayer", [&] {
      for (int64_t a = 0; a < x.size(0); ++a) {
        KernelsFor<scalar_t>().linear(x.size(1), x.size(2), weight.size(2),
                                      GroupData<scalar_t>(x, a), GroupData<scalar_t>(weight, a),
                                      GroupData<scalar_t>(bias, a), Epilogue{uint8_t(epilogue)},
                                      nullptr, GroupData<scalar_t>(y, a));
      }
    });
    context->save_for_backward({x, weight, y});
    context->saved_data["weight_gradient"] = weight_gradient;
    context->saved_data["bias_gradient"] = bias_gradient;
    context->saved_data["epilogue"] = epilogue;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &x = saved[0], &weight = saved[1], &y = saved[2];
    const torch::Tensor g = gradients[0].contiguous();
    const torch::Tensor weight_gradient = context->saved_data["weight_gradient"].toTensor();
    const torch::Tensor bias_gradient = context->saved_data["bias_gradient"].toTensor();
    const Epilogue epilogue{uint8_t(context->saved_data["epilogue"].toInt())};
    torch::Tensor x_gradient;
    if (context->needs_input_grad(0)) x_gradient = torch::empty_like(x);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "LinearLayer", [&] {
      LinearGradient<scalar_t> gradient(x.size(2), y.size(2), epilogue);
      for (int64_t a = 0; a < x.size(0); ++a) {
        gradient.Run(x.size(1), GroupData<scalar_t>(x, a), GroupData<scalar_t>(weight, a),
                     GroupData<scalar_t>(y, a), GroupData<scalar_t>(g, a),
                     GroupData<scalar_t>(weight_gradient, a), GroupData<scalar_t>(bias_gradient, a),
                     nullptr, x_gradient.defined() ? GroupData<scalar_t>(x_gradient, a) : nullptr);
      }
    });
    return {x_gradient, {}, {}, {}, {}, {}};
  }
};

}  // namespace

torch::Tensor LinearLayer(const torch::Tensor& x, const Parameter& weight, const Parameter& bias,
                          Epilogue epilogue) {
  return LinearFunction::apply(x, weight.value, bias.value, weight.gradient, bias.gradient,
                               static_cast<int64_t>(epilogue));
}

}  // namespace reeve
