// What the networks are given: the agent's own observation, alone, with a summary of the others, or
// with all of theirs side by side.
//
// Shape letters as in envs/vector_env.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reeve {

enum class View : uint8_t {
  kOwn,                // O: the own observation
  kMeanField,          // O, mean over the others of their O and of their last actions (one-hot, K)
  kMeanFieldVariance,  // and the variance over the others of their O
  kJoint,              // O, then of each other agent: O, present, last actions (one-hot, K)
};
constexpr auto EnumNames(View) {
  return std::array<std::pair<View, std::string_view>, 4>{
      {{View::kOwn, "own"},
       {View::kMeanField, "mean_field"},
       {View::kMeanFieldVariance, "mean_field_variance"},
       {View::kJoint, "joint"}}};
}

// The mean of one-hot actions is that of Yang et al., "Mean field multi-agent RL", ICML'18;
// MA-PPO's authors average the signs of the moves, which are linear in it. In joint views the
// others follow in order from the agent on, round the end: agent n sees n+1, …, N-1, 0, …, n-1.
// Others that are absent count as zeros (joint) or not at all (mean field); without others the
// summary is zero.
struct ViewShape {
  View view = View::kOwn;
  int32_t agents = 1;          // N
  int32_t features = 1;        // O
  std::vector<int32_t> heads;  // [H]
  bool agent_id = false;       // a one-hot of the agent, N, at the end

  int32_t choices() const;  // K
  int32_t size() const;     // I, inputs of a network
  std::vector<std::string> InputNames(std::span<const std::string> feature_names,
                                      std::span<const std::string> agent_names) const;  // [I]
};

// What a moment of one environment is made of.
struct Moment {
  const float* observations = nullptr;    // [N, O], zeros for absent agents
  const uint8_t* present = nullptr;       // [N]
  const int32_t* last_actions = nullptr;  // [N, H]; -1: none (first step, or absent at the last)
};

// Writes what each agent of one environment sees. Allocates nothing after construction; not
// thread-safe (scratch).
class ViewBuilder {
 public:
  explicit ViewBuilder(ViewShape shape);

  const ViewShape& shape() const { return shape_; }

  // Agent n's view goes to rows[n] [I].
  void Build(const Moment& moment, float* const* rows);

 private:
  void AddOneHot(const int32_t* actions, float* out) const;  // out [K]
  void SumOthers(const Moment& moment);
  float* BuildMeanField(const Moment& moment, int32_t agent, float* out) const;
  float* BuildJoint(const Moment& moment, int32_t agent, float* out) const;

  ViewShape shape_;
  int32_t size_ = 0, choices_ = 0;
  // Over all agents that are present: sums of [O] observations, their squares, [K] actions.
  std::vector<double> sums_, squares_, action_sums_;
  int32_t present_ = 0;
};

}  // namespace reeve
