#include "runs/search_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

TEST(SearchSpaceTest, AGridIsEveryCombinationAfterThePolicyItself) {
  const SearchSpace space = {
      {"kpa.stable_window", {.values = {"30s", "60s"}, .range = {}}},
      {"kpa.target_burst_capacity", {.values = {"0", "-1", "200"}, .range = {}}}};
  const auto grid = GridCandidates(space, 6);
  ASSERT_TRUE(grid.ok());
  ASSERT_EQ(grid->size(), 7u);
  EXPECT_TRUE((*grid)[0].empty());
  EXPECT_EQ(AssignmentsText((*grid)[1]), "kpa.stable_window=30s kpa.target_burst_capacity=0");
  EXPECT_EQ(AssignmentsText((*grid)[6]), "kpa.stable_window=60s kpa.target_burst_capacity=200");
  EXPECT_THAT(MessageOf(GridCandidates(space, 5).status()), HasSubstr("more than 5 points"));
}

TEST(SearchSpaceTest, ParametersChangeThePolicy) {
  const auto policy = WithParameters({}, {{"kpa.stable_window", "90s"}, {"name", "kpa"}});
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->kpa.stable_window, SimTime::Seconds(90));
  EXPECT_THAT(MessageOf(WithParameters({}, {{"kpa.stable_windw", "90s"}}).status()),
              HasSubstr("did you mean 'stable_window'"));
  EXPECT_FALSE(WithParameters({}, {{"kpa.stable_window", "soon"}}).ok());
}

TEST(SearchSpaceTest, ARangeIsCoveredAsItSays) {
  const RangeSpec even{.from = 10, .to = 20};
  EXPECT_EQ(even.At(0), "10");
  EXPECT_EQ(even.At(0.5), "15");
  EXPECT_EQ(even.At(1), "20");
  const RangeSpec log{.from = 1, .to = 10000, .log = true, .unit = "s"};
  EXPECT_EQ(log.At(0.5), "100s");
  EXPECT_EQ(log.At(0.75), "1000s");
  EXPECT_EQ((RangeSpec{.from = 1, .to = 4, .whole = true, .unit = ""}.At(0.6)), "3");
  EXPECT_FALSE((RangeSpec{.from = 0, .to = 4, .log = true}.Validate().ok()));
}

TEST(SearchSpaceTest, MoreDrawsKeepTheFirst) {
  const SearchSpace space = {
      {"kpa.stable_window", {.values = {}, .range = RangeSpec{.from = 6, .to = 600, .unit = "s"}}},
      {"kpa.panic_threshold_percentage", {.values = {"150", "200"}, .range = {}}}};
  const auto few = RandomCandidates(space, 5, 3), many = RandomCandidates(space, 50, 3);
  ASSERT_EQ(few.size(), 6u);
  ASSERT_GT(many.size(), 45u);  // but for repeated draws, 51
  for (size_t i = 0; i < few.size(); ++i) EXPECT_EQ(few[i], many[i]);
  EXPECT_NE(RandomCandidates(space, 5, 4)[1], few[1]);
}

// A space with few points has few candidates, however many are asked for.
TEST(SearchSpaceTest, RepeatedDrawsAreLeftOut) {
  const SearchSpace space = {{"static.replicas", {.values = {"1", "2", "3"}, .range = {}}}};
  EXPECT_EQ(RandomCandidates(space, 200, 1).size(), 4u);
}

}  // namespace
}  // namespace reeve
