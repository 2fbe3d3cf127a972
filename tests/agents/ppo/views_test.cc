#include "agents/ppo/views.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;

// Three agents, two features, heads of 2 and 3 choices; agent 1 is absent, agent 2's first step.
struct Cluster {
  std::vector<float> observations = {1, 2, 0, 0, 5, 7};
  std::vector<uint8_t> present = {1, 0, 1};
  std::vector<int32_t> last_actions = {1, 2, -1, -1, -1, -1};

  std::vector<std::vector<float>> Build(View view, bool agent_id = false) const {
    ViewBuilder builder(
        {.view = view, .agents = 3, .features = 2, .heads = {2, 3}, .agent_id = agent_id});
    std::vector<std::vector<float>> rows(
        3, std::vector<float>(static_cast<size_t>(builder.shape().size()), -99));
    std::vector<float*> pointers;
    for (auto& row : rows) pointers.push_back(row.data());
    builder.Build({.observations = observations.data(),
                   .present = present.data(),
                   .last_actions = last_actions.data()},
                  pointers.data());
    return rows;
  }
};

TEST(Views, Own) {
  const auto rows = Cluster().Build(View::kOwn, true);
  EXPECT_THAT(rows[0], ElementsAre(1, 2, 1, 0, 0));
  EXPECT_THAT(rows[2], ElementsAre(5, 7, 0, 0, 1));
}

TEST(Views, JointRotatesAndMarksAbsence) {
  const auto rows = Cluster().Build(View::kJoint);
  EXPECT_THAT(rows[0], ElementsAre(1, 2,                      // own
                                   0, 0, 0, 0, 0, 0, 0, 0,    // agent 1: absent
                                   5, 7, 1, 0, 0, 0, 0, 0));  // agent 2: no action yet
  EXPECT_THAT(rows[2], ElementsAre(5, 7,                      //
                                   1, 2, 1, 0, 1, 0, 0, 1,    // agent 0: did 1 and 2
                                   0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(Views, MeanFieldIsOverOthersThatArePresent) {
  Cluster cluster;
  auto rows = cluster.Build(View::kMeanField);
  EXPECT_THAT(rows[0], ElementsAre(1, 2, 5, 7, 0, 0, 0, 0, 0));
  EXPECT_THAT(rows[2], ElementsAre(5, 7, 1, 2, 0, 1, 0, 0, 1));
  // All three there: agent 0 sees the means of (3, 4) and (5, 7), and half of others' actions.
  cluster.observations = {1, 2, 3, 4, 5, 7};
  cluster.present = {1, 1, 1};
  cluster.last_actions = {1, 2, 0, 0, 1, 0};
  rows = cluster.Build(View::kMeanFieldVariance);
  EXPECT_THAT(rows[0], ElementsAre(1, 2, 4, 5.5F, 0.5F, 0.5F, 1, 0, 0, 1, 2.25F));
  EXPECT_THAT(rows[1], ElementsAre(3, 4, 3, 4.5F, 0, 1, 0.5F, 0, 0.5F, 4, 6.25F));
}

TEST(Views, AloneSeesZeros) {
  ViewBuilder builder({.view = View::kMeanField, .agents = 1, .features = 1, .heads = {2}});
  const float observation = 3;
  const uint8_t present = 1;
  const int32_t action = 1;
  std::vector<float> row(4, -99);
  float* pointer = row.data();
  builder.Build({.observations = &observation, .present = &present, .last_actions = &action},
                &pointer);
  EXPECT_THAT(row, ElementsAre(3, 0, 0, 0));
}

TEST(Views, EveryInputHasAName) {
  const std::vector<std::string> features = {"a", "b"}, agents = {"x", "y", "z"};
  for (const View view : {View::kOwn, View::kMeanField, View::kMeanFieldVariance, View::kJoint}) {
    const ViewShape shape{
        .view = view, .agents = 3, .features = 2, .heads = {2, 3}, .agent_id = true};
    const auto names = shape.InputNames(features, agents);
    EXPECT_EQ(names.size(), static_cast<size_t>(shape.size()));
    EXPECT_EQ(names.back(), "agent=z");
  }
}

}  // namespace
}  // namespace reeve
