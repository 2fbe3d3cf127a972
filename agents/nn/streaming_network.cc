#include "agents/nn/streaming_network.h"

#include <algorithm>

#include "core/check.h"

namespace reeve {
namespace {

size_t WidestActivation(const NetworkLayout& layout) {
  int64_t widest = layout.spec.width;
  if (layout.spec.encoder == EncoderKind::kStack || layout.spec.layer_norm) {
    widest = std::max<int64_t>(widest, layout.inputs + layout.state);
  }
  return static_cast<size_t>(widest);
}

}  // namespace

StreamingNetwork::StreamingNetwork(const NetworkLayout& layout, const Kernels& kernels)
    : layout_(layout),
      plan_(MakePlan(layout)),
      kernels_(&kernels),
      activation_(layout.spec.activation == Activation::kRelu ? Epilogue::kRelu : Epilogue::kTanh),
      fold_(ShiftFold(layout.spec)) {
  const size_t buffer = kChunk * WidestActivation(layout);
  a_.resize(buffer);
  b_.resize(buffer);
  c_.resize(buffer);
  d_.resize(buffer);
  if (layout.spec.encoder == EncoderKind::kGru) {
    gates_.resize(static_cast<size_t>(2 * kChunk * 3 * layout.spec.width));
  }
}

void StreamingNetwork::Step(const float* parameters, int64_t rows, const float* x, float* state,
                            float* out) {
  for (int64_t row = 0; row < rows; row += kChunk) {
    StepChunk(parameters, std::min(kChunk, rows - row), x + row * layout_.inputs,
              layout_.state == 0 ? nullptr : state + row * layout_.state,
              out + row * layout_.outputs);
  }
}

void StreamingNetwork::StepChunk(const float* parameters, int64_t rows, const float* x,
                                 float* state, float* out) {
  const float* h = x;
  if (plan_.lift.present()) {
    Linear(parameters, plan_.lift, rows, x, activation_, nullptr, a_.data());
    h = a_.data();
  }
  switch (layout_.spec.encoder) {
    case EncoderKind::kLatest:
      break;
    case EncoderKind::kStack:
      h = Stack(rows, x, state);
      break;
    case EncoderKind::kShift:
      h = Shift(parameters, rows, h, state);
      break;
    case EncoderKind::kGru:
      h = Gru(parameters, rows, h, state);
      break;
  }
  for (const NetworkPlan::Hidden& layer : plan_.hidden) {
    if (layer.norm.present()) {
      Norm(parameters, layer.norm, rows, h, c_.data());
      h = c_.data();
    }
    float* next = h == a_.data() ? b_.data() : a_.data();
    Linear(parameters, layer.linear, rows, h, activation_, nullptr, next);
    h = next;
  }
  Linear(parameters, plan_.output, rows, h, Epilogue::kNone, nullptr, out);
}

// What the hidden layers see: the state, then this observation. The state moves on by one.
const float* StreamingNetwork::Stack(int64_t rows, const float* x, float* state) {
  const int64_t past = layout_.state, inputs = layout_.inputs;
  for (int64_t r = 0; r < rows; ++r) {
    float* seen = b_.data() + r * (past + inputs);
    std::copy_n(state + r * past, past, seen);
    std::copy_n(x + r * inputs, inputs, seen + past);
    std::copy_n(seen + inputs, past, state + r * past);
  }
  return b_.data();
}

const float* StreamingNetwork::Shift(const float* parameters, int64_t rows, const float* lifted,
                                     float* state) {
  const int64_t width = layout_.spec.width;
  const float* h = lifted;  // in a_, then in turns in c_ and a_
  for (size_t i = 0; i < plan_.residual.size(); ++i) {
    const NetworkPlan::Residual& block = plan_.residual[i];
    float* next = h == a_.data() ? c_.data() : a_.data();
    Norm(parameters, block.norm, rows, h, b_.data());
    for (int64_t r = 0; r < rows; ++r) {
      float* cache = state + r * layout_.state + static_cast<int64_t>(i) * fold_;
      std::swap_ranges(cache, cache + fold_, b_.data() + r * width);
    }
    Linear(parameters, block.inner, rows, b_.data(), activation_, nullptr, d_.data());
    Linear(parameters, block.outer, rows, d_.data(), Epilogue::kNone, h, next);
    h = next;
  }
  Norm(parameters, plan_.final_norm, rows, h, b_.data());
  return b_.data();
}

const float* StreamingNetwork::Gru(const float* parameters, int64_t rows, const float* lifted,
                                   float* state) {
  const int64_t width = layout_.spec.width;
  float* from_input = gates_.data();
  float* from_state = gates_.data() + kChunk * 3 * width;
  if (plan_.gru_norm.present()) {
    Norm(parameters, plan_.gru_norm, rows, lifted, b_.data());
    lifted = b_.data();
  }
  Linear(parameters, plan_.gru_input, rows, lifted, Epilogue::kNone, nullptr, from_input);
  Linear(parameters, plan_.gru_state, rows, state, Epilogue::kNone, nullptr, from_state);
  kernels_->gru(rows, width, from_input, from_state, state, nullptr, state);
  return state;
}

void StreamingNetwork::Linear(const float* parameters, const BlockPair& blocks, int64_t rows,
                              const float* x, Epilogue epilogue, const float* residual,
                              float* y) const {
  const ParameterBlock& weight = layout_.blocks[static_cast<size_t>(blocks.scale)];
  const ParameterBlock& bias = layout_.blocks[static_cast<size_t>(blocks.bias)];
  kernels_->linear(rows, weight.rows, weight.columns, x, parameters + weight.offset,
                   parameters + bias.offset, epilogue, residual, y);
}

void StreamingNetwork::Norm(const float* parameters, const BlockPair& blocks, int64_t rows,
                            const float* x, float* y) const {
  const ParameterBlock& gain = layout_.blocks[static_cast<size_t>(blocks.scale)];
  const ParameterBlock& bias = layout_.blocks[static_cast<size_t>(blocks.bias)];
  kernels_->layer_norm(rows, gain.columns, x, parameters + gain.offset, parameters + bias.offset,
                       nullptr, y);
}

}  // namespace reeve
