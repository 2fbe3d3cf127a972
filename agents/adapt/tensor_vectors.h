// StateVectors as tensors of a file.
#pragma once

#include <string>

#include "agents/adapt/state_vectors.h"
#include "agents/ppo/tensor_file.h"

namespace reeve {

// Each vector becomes a tensor of one dimension, named `prefix` and its name.
void AddVectors(const std::string& prefix, const StateVectors& state, TensorFile& file);
// The float64 and int64 tensors of one dimension whose names begin with `prefix`.
StateVectors TakeVectors(const std::string& prefix, const TensorFile& file);

}  // namespace reeve
