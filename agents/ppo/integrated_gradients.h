// Which inputs moved a choice: integrated gradients (M. Sundararajan, A. Taly, Q. Yan, "Axiomatic
// attribution for deep networks", ICML'17). Without torch's headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "agents/nn/network_spec.h"

namespace reeve {

// Shapes: I inputs, S state, P parameters of one actor; H heads with K choices in all.
struct ChoiceSeen {
  std::span<const float> parameters;  // [P]
  std::span<const float> input;       // [I] what was seen
  std::span<const float> baseline;    // [I] what it is compared with
  std::span<const float> state;       // [S] the past before this step, as StreamingNetwork keeps it
  std::span<const int32_t> heads;     // [H]
  std::span<const uint8_t> legal;     // [K]
  size_t head = 0;                    // the head to explain,
  int32_t choice = 0;                 // and what was chosen in it; legal
};

// In nats: an attribution of 0.69 doubles the probability of the choice.
struct Attribution {
  std::vector<double> inputs;  // [I]
  double seen = 0;             // log-probability of the choice with what was seen
  double baseline = 0;         // and with the baseline
  int32_t steps = 0;           // points of the path that were looked at

  double Sum() const;
  // What the sum misses of `seen - baseline`, which it would be with infinitely many steps
  // (completeness, proposition 1 of the paper): the error of the integral.
  double Gap() const { return Sum() - (seen - baseline); }
};

// With f the log-probability of the choice among the legal ones of its head:
//   inputs[i] = (x[i] - b[i]) * integral over a from 0 to 1 of df/dx[i] at b + a (x - b),
// by the midpoint rule in double precision, in t with a = t^3: where LayerNorm is given the inputs
// themselves, all happens within the first 1/300 of the path (of a vector near zero it lets the
// epsilon decide), which evenly spaced steps would miss. Steps are doubled until the gap is below
// 1/1000 of what the attributions move in all, the sum of their absolute values, or there are
// 16384. The past and the mask stay as they were all along the path. The log-probability, and not
// the probability: it adds up over heads, and does not flatten where a choice is nearly certain not
// to be made. Takes some milliseconds; on the calling thread.
Attribution IntegratedGradients(const NetworkLayout& layout, const ChoiceSeen& choice);

}  // namespace reeve
