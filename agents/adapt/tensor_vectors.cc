#include "agents/adapt/tensor_vectors.h"

#include <variant>

namespace reeve {

void AddVectors(const std::string& prefix, const StateVectors& state, TensorFile& file) {
  const auto add = [&](const auto& vectors) {
    for (const auto& [name, values] : vectors) {
      file.tensors.push_back(
          {.name = prefix + name, .shape = {static_cast<int64_t>(values.size())}, .data = values});
    }
  };
  add(state.reals);
  add(state.integers);
}

StateVectors TakeVectors(const std::string& prefix, const TensorFile& file) {
  StateVectors state;
  for (const NamedTensor& tensor : file.tensors) {
    if (!tensor.name.starts_with(prefix) || tensor.shape.size() != 1) continue;
    const std::string name = tensor.name.substr(prefix.size());
    if (const auto* reals = std::get_if<std::vector<double>>(&tensor.data)) {
      state.reals[name] = *reals;
    } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&tensor.data)) {
      state.integers[name] = *integers;
    }
  }
  return state;
}

}  // namespace reeve
