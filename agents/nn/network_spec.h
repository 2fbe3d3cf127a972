// What a network is made of, and where its numbers lie: an encoder that sees the present or also
// the past, hidden layers, an output. Parameters are one flat vector of float32, so that
// optimisers, checkpoints, gradients and inference all speak of the same memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"

namespace reeve {

enum class EncoderKind : uint8_t {
  kLatest,  // the last observation only
  kStack,   // the last `stack` observations side by side
  kShift,   // temporal shift: part of the channels comes from the step before (TSRL, TSM)
  kGru,     // a gated recurrent unit
};
constexpr auto EnumNames(EncoderKind) {
  return std::array<std::pair<EncoderKind, std::string_view>, 4>{{{EncoderKind::kLatest, "latest"},
                                                                  {EncoderKind::kStack, "stack"},
                                                                  {EncoderKind::kShift, "shift"},
                                                                  {EncoderKind::kGru, "gru"}}};
}

enum class Activation : uint8_t { kRelu, kTanh };
constexpr auto EnumNames(Activation) {
  return std::array<std::pair<Activation, std::string_view>, 2>{
      {{Activation::kRelu, "relu"}, {Activation::kTanh, "tanh"}}};
}

struct NetworkSpec {
  EncoderKind encoder = EncoderKind::kLatest;
  int32_t width = 64;
  int32_t layers = 2;
  int32_t stack = 4;
  double shift_fraction = 0.125;
  bool layer_norm = false;
  Activation activation = Activation::kRelu;

  template <class V>
  static void Fields(V& v) {
    v.Field("encoder", &NetworkSpec::encoder, "How the past enters the network");
    v.Field("width", &NetworkSpec::width, "Channels of every hidden layer", {1, 4096});
    v.Field("layers", &NetworkSpec::layers,
            "Hidden layers; of shift: residual blocks, each of which sees one step further back",
            {1, 16});
    v.Field("stack", &NetworkSpec::stack, "Observations that encoder stack sees", {1, 64});
    v.Field("shift_fraction", &NetworkSpec::shift_fraction,
            "Share of the channels that encoder shift takes from the step before; at least one",
            {0, 1});
    v.Field("layer_norm", &NetworkSpec::layer_norm,
            "Normalise the input of every hidden layer (always in the blocks of shift)");
    v.Field("activation", &NetworkSpec::activation, "Of the hidden layers");
  }
};

// A matrix (or vector: one row) inside the flat parameters, row-major [rows, columns].
struct ParameterBlock {
  std::string name;    // "hidden0.weight"
  int64_t offset = 0;  // in floats
  int32_t rows = 1, columns = 1;
  double gain = 0;  // of the orthogonal initialisation; 0: constant `fill`
  float fill = 0;
  int32_t panels = 1;  // matrices side by side in the columns, each orthogonal: the gates of a GRU
  int64_t size() const { return static_cast<int64_t>(rows) * columns; }
};

// What the network computes, where act is the activation and LN(x) = gain (x - mean) / sqrt(var +
// 1e-5) + bias over the channels of a row. A linear layer is weight [inputs, outputs] and bias
// [outputs]: y = x W + b. Hidden layers are H' = act([LN](H) W + b), with LN where layer_norm is
// set.
//   latest  `layers` hidden layers on the observation, then the linear output
//   stack   the same on the last `stack` observations, oldest first, zeros before the episode
//   shift   lift H = act(x W + b); `layers` blocks H' = H + act(shift(LN(H)) W1 + b1) W2 + b2,
//   where
//           shift takes the first f = max(1, round(width shift_fraction)) channels from the step
//           before (zeros at the episode's start); LN; output
//   gru     lift; a gated recurrent unit on [LN] of it (zero state at the episode's start):
//           r = sigmoid(xr + hr), z = sigmoid(xz + hz), n = tanh(xn + r hn), h' = (1 - z) n + z h
//           (x. and h. linear in the input and in h); `layers` - 1 hidden layers; output
// State of a row in streaming form: stack the observations before this one, oldest first; shift the
// f channels that each block keeps; gru h.
struct NetworkLayout {
  NetworkSpec spec;
  int32_t inputs = 0, outputs = 0;
  std::vector<ParameterBlock> blocks;
  int64_t parameters = 0;  // P, floats
  int32_t state = 0;       // S, floats that one row's past takes in streaming form; 0 for latest

  const ParameterBlock& block(std::string_view name) const;  // must exist
};

// inputs, outputs >= 1. `output_gain`: of the last layer's orthogonal initialisation (0.01 for
// policies, 1 for values: Andrychowicz et al., "What matters in on-policy RL?", ICLR'21).
NetworkLayout MakeLayout(const NetworkSpec& spec, int32_t inputs, int32_t outputs,
                         double output_gain);

// Fills parameters [P] from draws keyed by (seed, stream): orthogonal weights (Saxe et al., 2014),
// zero biases, unit gains of LayerNorm. The same on every machine and for any number of threads.
void Initialise(const NetworkLayout& layout, uint64_t seed, uint32_t stream,
                std::span<float> parameters);

// The width in [1, 4096] with which `spec` (its own width is ignored) has nearest to `parameters`
// parameters: encoders are compared at equal size.
int32_t NearestWidth(NetworkSpec spec, int32_t inputs, int32_t outputs, int64_t parameters);

// Channels that encoder shift takes from the step before.
int32_t ShiftFold(const NetworkSpec& spec);

}  // namespace reeve
