#include "agents/ppo/ppo_spec.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace reeve {
namespace {

double Between(Schedule schedule, double first, double last, double progress) {
  const double p = std::clamp(progress, 0.0, 1.0);
  switch (schedule) {
    case Schedule::kConstant:
      return first;
    case Schedule::kLinear:
      return first + (last - first) * p;
    case Schedule::kCosine:
      return last + (first - last) * (1 + std::cos(std::numbers::pi * p)) / 2;
  }
  return first;
}

}  // namespace

View PpoSpec::actor_view() const {
  if (actor_view_override) return *actor_view_override;
  return form == Form::kMeanField ? View::kMeanField : View::kOwn;
}

View PpoSpec::critic_view() const {
  if (critic_view_override) return *critic_view_override;
  switch (form) {
    case Form::kSRl:
      return View::kOwn;
    case Form::kMaPpo:
      return View::kJoint;
    case Form::kMeanField:
      return View::kMeanField;
  }
  return View::kOwn;
}

double PpoSpec::LearningRate(int64_t steps_done) const {
  return Between(learning_rate_schedule, learning_rate, final_learning_rate,
                 static_cast<double>(steps_done) / static_cast<double>(total_steps));
}

double PpoSpec::Entropy(int64_t steps_done) const {
  return Between(entropy_schedule, entropy, final_entropy,
                 static_cast<double>(steps_done) / static_cast<double>(total_steps));
}

}  // namespace reeve
