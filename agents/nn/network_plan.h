// The layers of a network in the order in which they act, as places in NetworkLayout::blocks: what
// the streaming and the batched form both walk along.
#pragma once

#include <vector>

#include "agents/nn/network_spec.h"

namespace reeve {

constexpr int kNoBlock = -1;

// Two blocks that belong together: weight and bias of a linear layer, gain and bias of a LayerNorm.
struct BlockPair {
  int scale = kNoBlock;  // weight or gain
  int bias = kNoBlock;
  bool present() const { return scale != kNoBlock; }
};

struct NetworkPlan {
  struct Hidden {
    BlockPair norm;  // absent without layer_norm
    BlockPair linear;
  };
  struct Residual {
    BlockPair norm, inner, outer;
  };

  BlockPair lift;                  // shift and gru
  std::vector<Residual> residual;  // shift
  BlockPair final_norm;            // shift
  BlockPair gru_norm;              // gru with layer_norm
  BlockPair gru_input, gru_state;  // gru
  std::vector<Hidden> hidden;
  BlockPair output;
};

NetworkPlan MakePlan(const NetworkLayout& layout);

}  // namespace reeve
