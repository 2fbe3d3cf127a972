// Networks that every test of agents/nn goes through, and numbers for them.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "agents/nn/network_spec.h"
#include "core/random.h"

namespace reeve {

constexpr int32_t kInputs = 5, kOutputs = 7;

struct NetworkCase {
  std::string name;
  NetworkSpec spec;
};
inline void PrintTo(const NetworkCase& c, std::ostream* out) {
  *out << c.name;
}
inline std::string CaseName(const testing::TestParamInfo<NetworkCase>& info) {
  return info.param.name;
}

// Widths that are no multiple of any vector length.
inline std::vector<NetworkCase> NetworkCases() {
  using enum EncoderKind;
  constexpr auto kRelu = Activation::kRelu, kTanh = Activation::kTanh;
  return {
      {"latest", {kLatest, 19, 2, 4, 0.125, false, kRelu}},
      {"latest_tanh_norm", {kLatest, 64, 3, 4, 0.125, true, kTanh}},
      {"latest_narrow", {kLatest, 3, 1, 4, 0.125, true, kRelu}},
      {"stack", {kStack, 22, 2, 4, 0.125, false, kTanh}},
      {"stack_norm", {kStack, 9, 2, 3, 0.125, true, kRelu}},
      {"stack_of_one", {kStack, 9, 1, 1, 0.125, false, kRelu}},
      {"shift", {kShift, 24, 3, 4, 0.125, false, kRelu}},
      {"shift_half", {kShift, 21, 2, 4, 0.5, false, kTanh}},
      {"gru", {kGru, 18, 1, 4, 0.125, false, kRelu}},
      {"gru_norm", {kGru, 33, 3, 4, 0.125, true, kTanh}},
  };
}

inline NetworkLayout LayoutOf(const NetworkSpec& spec) {
  return MakeLayout(spec, kInputs, kOutputs, 1);
}

// `count` standard normal numbers.
inline std::vector<float> Normals(size_t count, uint32_t stream) {
  const RandomStream random(17, StreamPurpose::kGenerator, stream);
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = static_cast<float>(random.Normal(i));
  return numbers;
}

// Initialised, then moved a little, so that biases and gains of LayerNorm are not what they are at
// first. [groups, P].
inline std::vector<float> SomeParameters(const NetworkLayout& layout, size_t groups) {
  const auto p = static_cast<size_t>(layout.parameters);
  std::vector<float> parameters(groups * p);
  for (size_t a = 0; a < groups; ++a) {
    Initialise(layout, 3, static_cast<uint32_t>(a), std::span(parameters).subspan(a * p, p));
  }
  const std::vector<float> noise = Normals(parameters.size(), 1000);
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i] += 0.1F * noise[i];
  return parameters;
}

}  // namespace reeve
