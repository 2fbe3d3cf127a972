// Small problems whose best policies are known.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "tests/agents/ppo/simple_env.h"

namespace reeve {

// Two agents, two actions, one common payoff; a sign that both see swaps what is best: with sign +
// (0, 0) pays 10 and (1, 1) pays 5, with sign - the other way round, anything else pays nothing.
// From even chances the better of the two is the steeper way up, so gradients lead to 10 a step.
class CommonPayoff : public SimpleEnv {
 public:
  static constexpr int kSteps = 25;
  explicit CommonPayoff(int32_t envs, int32_t first_global_env = 0)
      : SimpleEnv({.envs = envs,
                   .agents = 2,
                   .features = 1,
                   .heads = {2},
                   .first_global_env = first_global_env}),
        signs_(static_cast<size_t>(envs)),
        steps_(static_cast<size_t>(envs)) {}

 protected:
  void Begin(int32_t env) override {
    steps_[static_cast<size_t>(env)] = 0;
    Draw(env);
  }
  Ending Act(int32_t env, const int32_t* actions, float* rewards) override {
    const bool swapped = signs_[static_cast<size_t>(env)] < 0;
    const float payoff = actions[0] != actions[1]       ? 0.0F
                         : (actions[0] == 0) != swapped ? 10.0F
                                                        : 5.0F;
    rewards[0] = rewards[1] = payoff;
    Draw(env);
    return ++steps_[static_cast<size_t>(env)] == kSteps ? Ending::kTruncated : Ending::kNone;
  }
  void Observe(int32_t env, float* out) const override {
    out[0] = out[1] = signs_[static_cast<size_t>(env)];
  }

 private:
  void Draw(int32_t env) { signs_[static_cast<size_t>(env)] = Uniform(env) < 0.5 ? -1.0F : 1.0F; }
  std::vector<float> signs_;
  std::vector<int> steps_;
};

// Two agents choose a route: route 0 takes 1 for each that is on it, route 1 takes 1.5. Neither
// gains by changing only where one is on each (1 and 1.5), which is the least in all: 2.5.
class Congestion : public SimpleEnv {
 public:
  static constexpr int kSteps = 20;
  explicit Congestion(int32_t envs)
      : SimpleEnv({.envs = envs, .agents = 2, .features = 1, .heads = {2}}),
        steps_(static_cast<size_t>(envs)) {}

 protected:
  void Begin(int32_t env) override { steps_[static_cast<size_t>(env)] = 0; }
  Ending Act(int32_t env, const int32_t* actions, float* rewards) override {
    const int on_zero = (actions[0] == 0) + (actions[1] == 0);
    for (int n = 0; n < 2; ++n) rewards[n] = actions[n] == 0 ? -static_cast<float>(on_zero) : -1.5F;
    return ++steps_[static_cast<size_t>(env)] == kSteps ? Ending::kTruncated : Ending::kNone;
  }
  void Observe(int32_t, float* out) const override { out[0] = out[1] = 1; }

 private:
  std::vector<int> steps_;
};

// The closed form of the authors' simulator (FACTS 1): n containers on 8 cores serve `rate` rps;
// each serves mu = 1.5 min(1, 8 / n), latency is 1 / (mu - rate / n), utilisation rate / (1.5 n),
// reward 0.3 utilisation + 0.7 min(1, SLO / latency).
class ServerLandscape : public SimpleEnv {
 public:
  static constexpr int kMost = 16, kSteps = 50, kRates = 20;
  static constexpr double kSlo = 1;  // seconds

  explicit ServerLandscape(int32_t envs)
      : SimpleEnv({.envs = envs, .agents = 1, .features = 1, .heads = {kMost}}),
        rates_(static_cast<size_t>(envs)),
        steps_(static_cast<size_t>(envs)) {}

  static double Rate(int i) { return 0.5 + 0.2 * i; }  // rps
  static double Reward(double rate, int n) {
    const double mu = 1.5 * std::min(1.0, 8.0 / n);
    const double left = mu - rate / n;
    const double latency = left > 0 ? 1 / left : 1e9;
    return 0.3 * std::min(1.0, rate / (1.5 * n)) + 0.7 * std::min(1.0, kSlo / latency);
  }

 protected:
  void Begin(int32_t env) override {
    steps_[static_cast<size_t>(env)] = 0;
    Draw(env);
  }
  Ending Act(int32_t env, const int32_t* actions, float* rewards) override {
    rewards[0] = static_cast<float>(Reward(rates_[static_cast<size_t>(env)], actions[0] + 1));
    Draw(env);
    return ++steps_[static_cast<size_t>(env)] == kSteps ? Ending::kTruncated : Ending::kNone;
  }
  void Observe(int32_t env, float* out) const override {
    out[0] = static_cast<float>(rates_[static_cast<size_t>(env)]);
  }

 private:
  void Draw(int32_t env) {
    rates_[static_cast<size_t>(env)] = Rate(static_cast<int>(Uniform(env) * kRates));
  }
  std::vector<double> rates_;
  std::vector<int> steps_;
};

// A sign is shown in the first step only; `kDelay` steps later, choosing it pays 1. Without memory
// that is half the time.
class DelayedRecall : public SimpleEnv {
 public:
  static constexpr int kDelay = 3, kSteps = kDelay + 1;
  explicit DelayedRecall(int32_t envs)
      : SimpleEnv({.envs = envs, .agents = 1, .features = 2, .heads = {2}}),
        cues_(static_cast<size_t>(envs)),
        steps_(static_cast<size_t>(envs)) {}

 protected:
  void Begin(int32_t env) override {
    steps_[static_cast<size_t>(env)] = 0;
    cues_[static_cast<size_t>(env)] = Uniform(env) < 0.5 ? 0 : 1;
  }
  Ending Act(int32_t env, const int32_t* actions, float* rewards) override {
    const int step = steps_[static_cast<size_t>(env)]++;
    rewards[0] = step == kDelay && actions[0] == cues_[static_cast<size_t>(env)] ? 1 : 0;
    return step == kDelay ? Ending::kTerminated : Ending::kNone;
  }
  void Observe(int32_t env, float* out) const override {
    const int step = steps_[static_cast<size_t>(env)];
    out[0] = step == 0 ? (cues_[static_cast<size_t>(env)] == 0 ? -1.0F : 1.0F) : 0.0F;
    out[1] = step == kDelay ? 1 : 0;
  }

 private:
  std::vector<int> cues_, steps_;
};

// Agents that come and go: agent 0 always, 1 never, 2 in steps 3 to 6 of an episode of ten, 3 until
// step 5. Everyone earns its number + 1 a step; the observation is the number of the step.
class ComeAndGo : public SimpleEnv {
 public:
  static constexpr int kSteps = 10;
  explicit ComeAndGo(int32_t envs, std::vector<int32_t> tenants = {})
      : SimpleEnv({.envs = envs,
                   .agents = 4,
                   .features = 1,
                   .heads = {3, 2},
                   .tenants = std::move(tenants)}),
        steps_(static_cast<size_t>(envs)) {}

  static bool There(int agent, int step) {
    return agent == 0 || (agent == 2 && step >= 3 && step < 6) || (agent == 3 && step < 5);
  }

 protected:
  void Begin(int32_t env) override { steps_[static_cast<size_t>(env)] = 0; }
  Ending Act(int32_t env, const int32_t*, float* rewards) override {
    for (int n = 0; n < 4; ++n) rewards[n] = static_cast<float>(n + 1);
    return ++steps_[static_cast<size_t>(env)] == kSteps ? Ending::kTruncated : Ending::kNone;
  }
  void Observe(int32_t env, float* out) const override {
    std::fill_n(out, 4, static_cast<float>(steps_[static_cast<size_t>(env)]));
  }
  bool Present(int32_t env, int32_t agent) const override {
    return There(agent, steps_[static_cast<size_t>(env)]);
  }
  // The second choice of the first head is never legal.
  bool Legal(int32_t, int32_t, int32_t choice) const override { return choice != 1; }

 private:
  std::vector<int> steps_;
};

}  // namespace reeve
