// How agents learn: every setting of proximal policy optimisation, as YAML has it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "agents/nn/network_spec.h"
#include "agents/ppo/views.h"
#include "core/config.h"

namespace reeve {

// Sets what actors and critics see; everything else is the same code.
enum class Form : uint8_t {
  kSRl,        // every agent alone: actor and critic see the agent's own observation
  kMaPpo,      // actors their own, critics all agents'
  kMeanField,  // both their own and the mean over the others: size independent of their number
};
constexpr auto EnumNames(Form) {
  return std::array<std::pair<Form, std::string_view>, 3>{
      {{Form::kSRl, "s_rl"}, {Form::kMaPpo, "ma_ppo"}, {Form::kMeanField, "mean_field"}}};
}

enum class Sharing : uint8_t { kPerFunction, kPerTenant, kShared };
constexpr auto EnumNames(Sharing) {
  return std::array<std::pair<Sharing, std::string_view>, 3>{
      {{Sharing::kPerFunction, "per_function"},
       {Sharing::kPerTenant, "per_tenant"},
       {Sharing::kShared, "shared"}}};
}

enum class Schedule : uint8_t { kConstant, kLinear, kCosine };
constexpr auto EnumNames(Schedule) {
  return std::array<std::pair<Schedule, std::string_view>, 3>{{{Schedule::kConstant, "constant"},
                                                               {Schedule::kLinear, "linear"},
                                                               {Schedule::kCosine, "cosine"}}};
}

// Defaults: those of the MA-PPO authors where they have one (FACTS 1: gamma, learning rate, epochs,
// clip, entropy, networks), else common practice for multi-agent PPO (Yu et al., arXiv 2103.01955).
// Values are held less tightly than there: at 0.2 deviations the cart-pole of the tests takes
// several times as many steps, at 1 as many as without a limit.
struct PpoSpec {
  Form form = Form::kMaPpo;
  std::optional<View> actor_view_override, critic_view_override;
  Sharing sharing = Sharing::kPerFunction;
  bool agent_id = false;
  NetworkSpec actor, critic;
  int32_t horizon = 200;
  int64_t total_steps = 1000000;
  double gamma = 0.99, lambda = 0.95;
  double clip = 0.2, value_clip = 1;
  int32_t epochs = 5, mini_batches = 1;
  double learning_rate = 3e-4, final_learning_rate = 0;
  Schedule learning_rate_schedule = Schedule::kConstant;
  double entropy = 0.01, final_entropy = 0;
  Schedule entropy_schedule = Schedule::kConstant;
  double value_weight = 0.5;
  double max_gradient_norm = 0.5;
  double target_kl = 0.02;
  bool normalise_observations = true, normalise_values = true, normalise_advantages = true;
  int32_t shards = 2;

  template <class V>
  static void Fields(V& v) {
    v.Field("form", &PpoSpec::form, "What actors and critics see of the other agents");
    v.Field("actor_view", &PpoSpec::actor_view_override, "What actors see; unset: as form has it");
    v.Field("critic_view", &PpoSpec::critic_view_override,
            "What critics see; unset: as form has it");
    v.Field("sharing", &PpoSpec::sharing, "Which agents have their parameters in common");
    v.Field("agent_id", &PpoSpec::agent_id,
            "Tell networks which agent it is: of use where agents share parameters");
    v.Field("actor", &PpoSpec::actor, "Network that chooses");
    v.Field("critic", &PpoSpec::critic, "Network that estimates values");
    v.Field("horizon", &PpoSpec::horizon,
            "Steps of every environment in an iteration; each begins with new episodes, so best "
            "the steps of an episode or a multiple",
            {1, 100000});
    v.Field("total_steps", &PpoSpec::total_steps,
            "Steps of training, summed over environments; schedules end there", AtLeast(1));
    v.Field("gamma", &PpoSpec::gamma, "Discount of a step", {0, 1});
    v.Field("lambda", &PpoSpec::lambda,
            "Of generalised advantage estimation: 0 trusts the critic, 1 the returns", {0, 1});
    v.Field("clip", &PpoSpec::clip, "How far a probability ratio counts, as 1 +- clip", {0, 10});
    v.Field("value_clip", &PpoSpec::value_clip,
            "How far a value moves in an iteration, in deviations of returns; 0: no limit",
            {0, 1000});
    v.Field("epochs", &PpoSpec::epochs, "Passes over an iteration's steps", {1, 1000});
    v.Field("mini_batches", &PpoSpec::mini_batches,
            "Updates of a pass; whole environments each, so at most as many as there are",
            {1, 100000});
    v.Field("learning_rate", &PpoSpec::learning_rate, "Of Adam, at the beginning", {0, 1});
    v.Field("final_learning_rate", &PpoSpec::final_learning_rate,
            "At total_steps, unless the schedule is constant", {0, 1});
    v.Field("learning_rate_schedule", &PpoSpec::learning_rate_schedule, "From one to the other");
    v.Field("entropy", &PpoSpec::entropy, "Reward for being undecided, at the beginning", {0, 10});
    v.Field("final_entropy", &PpoSpec::final_entropy,
            "At total_steps, unless the schedule is constant", {0, 10});
    v.Field("entropy_schedule", &PpoSpec::entropy_schedule, "From one to the other");
    v.Field("value_weight", &PpoSpec::value_weight,
            "Of the value loss; networks are separate, so it matters for gradient clipping only",
            {0, 100});
    v.Field("max_gradient_norm", &PpoSpec::max_gradient_norm,
            "Gradients of one agent's network are scaled down to this norm; 0: never", {0, 1e9});
    v.Field("target_kl", &PpoSpec::target_kl,
            "An agent's policy stays for the rest of the iteration once it has moved this far "
            "(approximate Kullback-Leibler divergence); 0: no limit",
            {0, 1000});
    v.Field("normalise_observations", &PpoSpec::normalise_observations,
            "By running mean and deviation of each feature");
    v.Field("normalise_values", &PpoSpec::normalise_values,
            "Critics learn returns by their running mean and deviation");
    v.Field("normalise_advantages", &PpoSpec::normalise_advantages,
            "To mean 0 and deviation 1 over an agent's iteration");
    v.Field("shards", &PpoSpec::shards,
            "Parts an update is cut into, so many threads can share it; results depend on this, "
            "not on the threads",
            {1, 256});
  }

  View actor_view() const;
  View critic_view() const;
  double LearningRate(int64_t steps_done) const;
  double Entropy(int64_t steps_done) const;
};

}  // namespace reeve
