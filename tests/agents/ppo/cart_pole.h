// The cart-pole of A. Barto, R. Sutton, C. Anderson, IEEE Trans. SMC 13 (1983), with the constants
// and limits of Gym's CartPole-v1: 1 a step, 500 at most.
#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include "tests/agents/ppo/simple_env.h"

namespace reeve {

class CartPole : public SimpleEnv {
 public:
  explicit CartPole(int32_t envs, int32_t first_global_env = 0)
      : SimpleEnv({.envs = envs,
                   .agents = 1,
                   .features = 4,
                   .heads = {2},
                   .first_global_env = first_global_env}),
        states_(static_cast<size_t>(envs)) {}

 protected:
  void Begin(int32_t env) override {
    State& s = states_[static_cast<size_t>(env)];
    for (double* x : {&s.x, &s.x_dot, &s.theta, &s.theta_dot}) *x = 0.1 * Uniform(env) - 0.05;
    s.steps = 0;
  }

  Ending Act(int32_t env, const int32_t* actions, float* rewards) override {
    State& s = states_[static_cast<size_t>(env)];
    constexpr double kGravity = 9.8, kCart = 1.0, kPole = 0.1, kHalfLength = 0.5, kForce = 10;
    constexpr double kTotal = kCart + kPole, kTau = 0.02;
    const double force = actions[0] == 1 ? kForce : -kForce;
    const double cosine = std::cos(s.theta), sine = std::sin(s.theta);
    const double temp = (force + kPole * kHalfLength * s.theta_dot * s.theta_dot * sine) / kTotal;
    const double theta_acc = (kGravity * sine - cosine * temp) /
                             (kHalfLength * (4.0 / 3 - kPole * cosine * cosine / kTotal));
    const double x_acc = temp - kPole * kHalfLength * theta_acc * cosine / kTotal;
    s.x += kTau * s.x_dot;
    s.x_dot += kTau * x_acc;
    s.theta += kTau * s.theta_dot;
    s.theta_dot += kTau * theta_acc;
    rewards[0] = 1;
    if (std::abs(s.x) > 2.4 || std::abs(s.theta) > 12 * std::numbers::pi / 180) {
      return Ending::kTerminated;
    }
    return ++s.steps == 500 ? Ending::kTruncated : Ending::kNone;
  }

  void Observe(int32_t env, float* out) const override {
    const State& s = states_[static_cast<size_t>(env)];
    out[0] = static_cast<float>(s.x);
    out[1] = static_cast<float>(s.x_dot);
    out[2] = static_cast<float>(s.theta);
    out[3] = static_cast<float>(s.theta_dot);
  }

 private:
  struct State {
    double x = 0, x_dot = 0, theta = 0, theta_dot = 0;
    int steps = 0;
  };
  std::vector<State> states_;
};

}  // namespace reeve
