#include "agents/adapt/carry_over.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;

// Two features, one head of three choices; agents by name, with their tenants.
VectorEnvSpec ShapeOf(const std::vector<std::string>& agents, const std::vector<int32_t>& tenants) {
  VectorEnvSpec shape;
  shape.agents = static_cast<int32_t>(agents.size());
  shape.features = 2;
  shape.heads = {3};
  shape.feature_names = {"load", "queue"};
  shape.agent_names = agents;
  shape.tenants = tenants;
  return shape;
}

PpoSpec Spec(Sharing sharing, Form form = Form::kSRl) {
  PpoSpec spec;
  spec.form = form;
  spec.sharing = sharing;
  return spec;
}

// A training that has been under way: every number of group g is 100 + g.
TrainerState Trained(const VectorEnvSpec& shape, const PpoSpec& spec) {
  TrainerState state = MakeTrainerState(shape, spec, 1);
  const auto groups = static_cast<size_t>(state.model.groups);
  const auto mark = [&](auto& rows) {
    const size_t width = rows.size() / groups;
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(100 + i / width);
  };
  for (auto* rows :
       {&state.model.actor_parameters, &state.model.critic_parameters, &state.actor_first_moments,
        &state.actor_second_moments, &state.critic_first_moments, &state.critic_second_moments}) {
    mark(*rows);
  }
  mark(state.model.observations.mean);
  mark(state.model.values.mean);
  for (size_t g = 0; g < groups; ++g) {
    state.actor_updates[g] = state.critic_updates[g] = static_cast<int64_t>(100 + g);
  }
  state.steps_done = 7;
  return state;
}

// Row of a group: the first number of it.
float First(const std::vector<float>& rows, int32_t groups, int32_t group) {
  return rows[rows.size() / static_cast<size_t>(groups) * static_cast<size_t>(group)];
}

TEST(CarryOver, TheSameAgentsGoOnAsTheyWere) {
  const VectorEnvSpec shape = ShapeOf({"a", "b"}, {0, 1});
  const PpoSpec spec = Spec(Sharing::kPerFunction, Form::kMaPpo);
  const TrainerState known = Trained(shape, spec);
  const auto state = CarryOver(known, MakeTrainerState(shape, spec, 2));
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->model.critic_parameters, known.model.critic_parameters);
  EXPECT_EQ(state->steps_done, 7);
}

TEST(CarryOver, EachGroupGoesOnFromTheOneItHasMostInCommonWith) {
  const PpoSpec spec = Spec(Sharing::kPerTenant);
  const TrainerState known =
      Trained(ShapeOf({"a", "b", "c", "d"}, {0, 0, 1, 1}), spec);  // groups {a b} {c d}
  // {a} has left, {d} became the first tenant's only one; {e} is new.
  const VectorEnvSpec now = ShapeOf({"d", "c", "b", "e"}, {0, 0, 1, 2});
  const TrainerState fresh = MakeTrainerState(now, spec, 2);
  ASSERT_EQ(fresh.model.groups, 3);
  const auto state = CarryOver(known, fresh);
  ASSERT_TRUE(state.ok()) << state.status();
  for (const auto member : {&PolicyModel::actor_parameters, &PolicyModel::critic_parameters}) {
    EXPECT_EQ(First(state->model.*member, 3, 0), 101);
    EXPECT_EQ(First(state->model.*member, 3, 1), 100);
    EXPECT_EQ(First(state->model.*member, 3, 2), First(fresh.model.*member, 3, 2));
  }
  EXPECT_EQ(First(state->actor_second_moments, 3, 0), 101);
  EXPECT_EQ(state->actor_updates, (std::vector<int64_t>{101, 100, 0}));
  EXPECT_EQ(state->model.observations.mean, (std::vector<double>{101, 101, 100, 100, 0, 0}));
  EXPECT_EQ(state->steps_done, 7);
}

TEST(CarryOver, SharedNetworksServeFunctionsThatTheyNeverSaw) {
  const PpoSpec spec = Spec(Sharing::kShared, Form::kMeanField);
  const TrainerState known = Trained(ShapeOf({"a", "b"}, {0, 1}), spec);
  const auto state = CarryOver(known, MakeTrainerState(ShapeOf({"x"}, {0}), spec, 2));
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->model.actor_parameters, known.model.actor_parameters);
  EXPECT_EQ(state->model.critic_parameters, known.model.critic_parameters);
  EXPECT_EQ(state->model.agent_names, std::vector<std::string>{"x"});
}

// A critic that is shown all side by side cannot go on among others; an actor that sees its own
// can.
TEST(CarryOver, ACriticOfAllBeginsAnewAmongOthers) {
  const PpoSpec spec = Spec(Sharing::kShared, Form::kMaPpo);
  ASSERT_EQ(spec.critic_view(), View::kJoint);
  const TrainerState known = Trained(ShapeOf({"a", "b"}, {0, 1}), spec);
  const TrainerState fresh = MakeTrainerState(ShapeOf({"a", "b", "c"}, {0, 1, 1}), spec, 2);
  const auto state = CarryOver(known, fresh);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->model.critic_parameters, fresh.model.critic_parameters);
  EXPECT_EQ(state->model.values.mean, fresh.model.values.mean);
  EXPECT_EQ(state->model.actor_parameters, known.model.actor_parameters);
}

TEST(CarryOver, OtherFeaturesOrNetworksAreRefused) {
  const PpoSpec spec = Spec(Sharing::kShared);
  const TrainerState known = Trained(ShapeOf({"a"}, {0}), spec);
  VectorEnvSpec other = ShapeOf({"a"}, {0});
  other.feature_names[1] = "cpu";
  EXPECT_THAT(MessageOf(CarryOver(known, MakeTrainerState(other, spec, 2)).status()),
              HasSubstr("see or do something else"));
  PpoSpec wide = spec;
  wide.actor.width += 1;
  EXPECT_THAT(MessageOf(CarryOver(known, MakeTrainerState(ShapeOf({"a"}, {0}), wide, 2)).status()),
              HasSubstr("other networks"));
}

}  // namespace
}  // namespace reeve
