// What passes over a learner's data share: tensors over vectors, and how many rows at once.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace reeve {

// Rows of all groups together that go through a network at once: what lies between two layers of
// 64 channels is then 1 MB.
inline constexpr int64_t kChunkRows = 4096;

// A tensor of this shape over the vector's own numbers, which must outlive it.
// REQUIRES: as many numbers as the shape has.
inline torch::Tensor Wrap(std::vector<float>& data, std::initializer_list<int64_t> shape) {
  return torch::from_blob(data.data(), shape, torch::kFloat32);
}

}  // namespace reeve
