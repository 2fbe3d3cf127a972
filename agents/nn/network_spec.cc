#include "agents/nn/network_spec.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/check.h"

namespace reeve {
namespace {

// Keeps the variance of what passes through a layer with this activation (He et al., 2015, for
// ReLU; PyTorch's calculate_gain for tanh).
double ActivationGain(Activation activation) {
  return activation == Activation::kRelu ? std::sqrt(2.0) : 5.0 / 3;
}

// Appends blocks one after the other.
class LayoutBuilder {
 public:
  explicit LayoutBuilder(NetworkLayout* layout) : layout_(layout) {}

  void Linear(const std::string& name, int32_t inputs, int32_t outputs, double gain,
              int32_t panels = 1) {
    ParameterBlock& weight = Add(name + ".weight", inputs, outputs * panels);
    weight.gain = gain;
    weight.panels = panels;
    Add(name + ".bias", 1, outputs * panels);
  }
  void Norm(const std::string& name, int32_t channels) {
    Add(name + ".gain", 1, channels).fill = 1;
    Add(name + ".bias", 1, channels);
  }

 private:
  ParameterBlock& Add(const std::string& name, int32_t rows, int32_t columns) {
    ParameterBlock& block = layout_->blocks.emplace_back();
    block.name = name;
    block.offset = layout_->parameters;
    block.rows = rows;
    block.columns = columns;
    layout_->parameters += block.size();
    return block;
  }

  NetworkLayout* layout_;
};

}  // namespace

const ParameterBlock& NetworkLayout::block(std::string_view name) const {
  const auto found = std::ranges::find(blocks, name, &ParameterBlock::name);
  REEVE_CHECK(found != blocks.end());
  return *found;
}

int32_t ShiftFold(const NetworkSpec& spec) {
  const auto fold = static_cast<int32_t>(std::floor(spec.width * spec.shift_fraction + 0.5));
  return std::clamp(fold, 1, spec.width);
}

NetworkLayout MakeLayout(const NetworkSpec& spec, int32_t inputs, int32_t outputs,
                         double output_gain) {
  REEVE_CHECK(inputs >= 1 && outputs >= 1 && spec.width >= 1 && spec.layers >= 1 &&
              spec.stack >= 1);
  NetworkLayout layout;
  layout.spec = spec;
  layout.inputs = inputs;
  layout.outputs = outputs;
  LayoutBuilder add(&layout);
  const double gain = ActivationGain(spec.activation);
  const bool lifted = spec.encoder == EncoderKind::kShift || spec.encoder == EncoderKind::kGru;
  int32_t channels = spec.encoder == EncoderKind::kStack ? inputs * spec.stack : inputs;
  if (lifted) {
    add.Linear("lift", inputs, spec.width, gain);
    channels = spec.width;
  }

  int32_t hidden = spec.layers;
  if (spec.encoder == EncoderKind::kStack) layout.state = (spec.stack - 1) * inputs;
  if (spec.encoder == EncoderKind::kShift) {
    layout.state = spec.layers * ShiftFold(spec);
    hidden = 0;
    for (int32_t i = 0; i < spec.layers; ++i) {
      const std::string name = "block" + std::to_string(i);
      add.Norm(name + ".norm", spec.width);
      add.Linear(name + ".inner", spec.width, spec.width, gain);
      add.Linear(name + ".outer", spec.width, spec.width, 1);
    }
    add.Norm("final.norm", spec.width);
  }
  if (spec.encoder == EncoderKind::kGru) {
    layout.state = spec.width;
    hidden = spec.layers - 1;
    if (spec.layer_norm) add.Norm("gru.norm", spec.width);
    add.Linear("gru.input", spec.width, spec.width, 1, 3);
    add.Linear("gru.state", spec.width, spec.width, 1, 3);
  }

  for (int32_t i = 0; i < hidden; ++i) {
    const std::string name = "hidden" + std::to_string(i);
    if (spec.layer_norm) add.Norm(name + ".norm", channels);
    add.Linear(name, channels, spec.width, gain);
    channels = spec.width;
  }
  add.Linear("output", channels, outputs, output_gain);
  return layout;
}

int32_t NearestWidth(NetworkSpec spec, int32_t inputs, int32_t outputs, int64_t parameters) {
  const auto count = [&](int32_t width) {
    spec.width = width;
    return MakeLayout(spec, inputs, outputs, 1).parameters;
  };
  int32_t low = 1, high = 4096;  // the smallest width with at least so many parameters
  while (low < high) {
    const int32_t middle = (low + high) / 2;
    if (count(middle) < parameters) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > 1 && parameters - count(low - 1) <= std::abs(count(low) - parameters)) --low;
  return low;
}

}  // namespace reeve
