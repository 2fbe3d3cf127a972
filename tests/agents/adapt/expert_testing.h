// Small experts for tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agents/adapt/expert_library.h"
#include "gtest/gtest.h"

namespace reeve {

inline std::string FreshFolder() {
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  const std::string folder =
      testing::TempDir() + "experts_" + test->test_suite_name() + "_" + test->name();
  std::filesystem::remove_all(folder);
  return folder;
}

// A state of tiny networks, filled with `mark`.
inline TrainerState SmallState(float mark, int32_t width = 2) {
  const VectorEnvSpec env{.envs = 1,
                          .agents = 1,
                          .features = 1,
                          .heads = {2},
                          .feature_names = {"load"},
                          .agent_names = {"a"},
                          .tenants = {0},
                          .figures = {}};
  PpoSpec spec;
  spec.form = Form::kSRl;
  spec.actor = {.width = width, .layers = 1};
  spec.critic = {.width = 1, .layers = 1};
  TrainerState state;
  state.model = MakeModel(env, spec, 7);
  std::fill(state.model.actor_parameters.begin(), state.model.actor_parameters.end(), mark);
  state.actor_first_moments.resize(state.model.actor_parameters.size(), mark);
  state.actor_second_moments = state.actor_first_moments;
  state.critic_first_moments.resize(state.model.critic_parameters.size());
  state.critic_second_moments = state.critic_first_moments;
  state.actor_updates = {3};
  state.critic_updates = {4};
  return state;
}

// Its contexts lie around `context`, with deviation 1.
inline Expert SmallExpert(int64_t environment, double context, float mark = 1) {
  Expert expert;
  expert.environment = environment;
  expert.label = "e" + std::to_string(environment);
  expert.info = {.config = "",
                 .observation = "",
                 .action = "",
                 .control_period_s = 2,
                 .tenant_names = {},
                 .metrics = {}};
  expert.state = SmallState(mark);
  expert.stats.contexts = ContextMoments(1);
  expert.stats.contexts.count = 100;
  expert.stats.contexts.mean = {context};
  expert.stats.contexts.covariance = {1};
  expert.stats.visits = 2;
  expert.last_used = SimTime::Seconds(static_cast<double>(environment));
  return expert;
}

inline ExpertLibrary OpenLibrary(const std::string& folder, const ExpertLibrarySpec& spec = {}) {
  auto library = ExpertLibrary::Open(folder, spec, {}, ExpertLibrary::Access::kWrite);
  EXPECT_TRUE(library.ok()) << library.status();
  return *std::move(library);
}

}  // namespace reeve
