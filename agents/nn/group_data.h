// Raw numbers of tensors over groups of agents.
#pragma once

#include "agents/nn/torch.h"

namespace reeve {

// Where group `a` begins in a tensor [A, ...] that is contiguous within a group.
template <class T>
T* GroupData(const torch::Tensor& tensor, int64_t a) {
  return tensor.data_ptr<T>() + a * tensor.stride(0);
}

}  // namespace reeve
