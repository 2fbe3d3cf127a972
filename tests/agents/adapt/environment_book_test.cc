#include "agents/adapt/environment_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace reeve {
namespace {

using testing::HasSubstr;
using X = std::array<double, 1>;

constexpr SpreadPrior kUnit = {.prior_sd = 0, .prior_weight = 0, .floor_sd = 1, .diagonal = true};

SimTime S(int64_t s) {
  return SimTime::Seconds(s);
}

ContextMoments At(double mean, double count = 1) {
  ContextMoments m(1);
  m.count = count;
  m.mean = {mean};
  return m;
}

// Environments 0, 1 and 2 at 0, 10 and 14, all of standard deviation 1.
EnvironmentBook Three() {
  EnvironmentBook book(1, 4, kUnit);
  for (double mean : {0.0, 10.0, 14.0}) book.Open(At(mean), S(5));
  return book;
}

TEST(EnvironmentBook, MatchesWithinSoManyDeviations) {
  const EnvironmentBook book = Three();
  EXPECT_EQ(book.Match(X{2.9}, 3), 0u);
  EXPECT_EQ(book.Match(X{3.1}, 3), std::nullopt);
  EXPECT_EQ(book.Match(X{11.9}, 3), 1u);  // both pass, 1 is nearer
  EXPECT_EQ(book.Match(X{11.9}, 3, 1), 2u);
  EXPECT_FALSE(book.Passes(X{11.9}, 3, 0));
  EXPECT_EQ(book.Closest(X{1000}), 2u);
  EXPECT_EQ(book.Nearest(0), 1u);
  EXPECT_EQ(book.Nearest(1), 2u);
  EXPECT_DOUBLE_EQ(book.Distance(1, 2), 16.0 / 8);
}

TEST(EnvironmentBook, OneDimensionThatIsFarIsEnough) {
  EnvironmentBook book(10, 2, kUnit);
  ContextMoments m(10);
  m.count = 1;
  book.Open(m, S(0));
  std::vector<double> x(10, 0.0);
  x[7] = 3.5;  // a root mean square of 1.1
  EXPECT_FALSE(book.Passes(x, 3, 0));
}

TEST(EnvironmentBook, IdsStayWhenOthersGoAndAreNotGivenAgain) {
  EnvironmentBook book = Three();
  book.Remove(0);
  ASSERT_EQ(book.size(), 2u);
  EXPECT_EQ(book.Find(0), std::nullopt);
  EXPECT_EQ(book.Find(1), 0u);
  EXPECT_EQ(book.Match(X{14}, 3), book.Find(2));
  EXPECT_EQ(book.stats(book.Open(At(50), S(9))).id, 3);
  EXPECT_EQ(book.stats(2).first_seen, S(9));
  EXPECT_FALSE(book.full());
  book.Open(At(60), S(9));
  EXPECT_TRUE(book.full());
}

TEST(EnvironmentBook, MergedHaveTheMomentsOfBoth) {
  EnvironmentBook book(1, 4, kUnit);
  book.Open(At(0, 30), S(1));
  book.Open(At(8, 10), S(2));
  book.Visit(1, S(7));
  book.Merge(0, 1);
  ASSERT_EQ(book.size(), 1u);
  const EnvironmentStats& e = book.stats(0);
  EXPECT_EQ(e.id, 0);
  EXPECT_EQ(e.visits, 1);
  EXPECT_EQ(e.first_seen, S(1));
  EXPECT_EQ(e.last_seen, S(7));
  EXPECT_DOUBLE_EQ(e.contexts.mean[0], 2);
  EXPECT_DOUBLE_EQ(e.contexts.covariance[0], 0.75 * 0.25 * 64);
  EXPECT_DOUBLE_EQ(book.model(0).covariance(0, 0), 12 + 1);  // fitted again
}

TEST(EnvironmentBook, WhatIsTakenInCountsWholeAndTheOldFades) {
  EnvironmentBook book(1, 4, kUnit);
  book.Open(At(0, 100), S(1));
  book.Take(0, At(10, 20), 50, S(3));
  EXPECT_DOUBLE_EQ(book.stats(0).contexts.count, 50);
  EXPECT_DOUBLE_EQ(book.stats(0).contexts.mean[0], 4);  // 20 of 50
  EXPECT_EQ(book.stats(0).last_seen, S(3));
}

TEST(EnvironmentBook, RestoresWhatItSavedAndRefusesWhatCannotBe) {
  EnvironmentBook book = Three();
  book.Add(1, X{10.7}, 1, 100, S(30));
  book.Remove(0);
  StateVectors state, again;
  book.Save(state);
  EnvironmentBook restored(1, 4, kUnit);
  ASSERT_TRUE(restored.Restore(state).ok());
  restored.Save(again);
  EXPECT_EQ(state, again);
  EXPECT_EQ(restored.stats(restored.Open(At(1), S(0))).id, 3);

  const auto refused = [&](auto change) {
    StateVectors broken = state;
    change(broken);
    EnvironmentBook other = Three();
    const absl::Status status = other.Restore(broken);
    EXPECT_EQ(other.size(), 3u);
    return std::string(status.message());
  };
  EXPECT_THAT(refused([](StateVectors& s) {
                s.integers["book.ids"] = {2, 1};
              }),
              HasSubstr("do not rise"));
  EXPECT_THAT(refused([](StateVectors& s) { s.integers["book.ids"] = {1}; }),
              HasSubstr("'book.ids' has 1 numbers, 2 are expected"));
  EXPECT_THAT(refused([](StateVectors& s) { s.integers["book.next_id"][1] = 99; }),
              HasSubstr("max_environments"));
  EXPECT_THAT(refused([](StateVectors& s) { s.reals["book.covariance"][0] = -1; }),
              HasSubstr("negative variance"));
  EXPECT_THAT(refused([](StateVectors& s) { s.reals["book.mean"][0] = 0.0 / 0.0; }),
              HasSubstr("not a number"));
}

}  // namespace
}  // namespace reeve
