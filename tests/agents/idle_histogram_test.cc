#include "agents/rules/idle_histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;

const IdleHistogramOptions kDefaults;  // 240 bins of a minute

TEST(IdleHistogram, KnowsNothingAndKeepsForTheRange) {
  EXPECT_EQ(IdleHistogram(kDefaults).Times(), (LoadedTimes{SimTime(), SimTime::Hours(4)}));
}

TEST(IdleHistogram, CoefficientOfVariationOverAllBins) {
  // m of n = 240 bins hold the same count: cv^2 = n / (n - 1) * (n / m - 1).
  IdleHistogram one(kDefaults);
  one.Add(SimTime::Minutes(7), 5);
  EXPECT_NEAR(one.CoefficientOfVariation(), std::sqrt(240.0), 1e-12);
  IdleHistogram three(kDefaults);
  for (int bin = 0; bin < 3; ++bin) three.Add(SimTime::Minutes(10 * bin), 2);
  EXPECT_NEAR(three.CoefficientOfVariation(), std::sqrt(240.0 / 239 * 79), 1e-12);
  // Counts 1, 2, 5 by hand: sum 8, squares 30.
  IdleHistogram mixed(kDefaults);
  mixed.Add(SimTime::Minutes(1), 1);
  mixed.Add(SimTime::Minutes(2), 2);
  for (int i = 0; i < 5; ++i) mixed.Add(SimTime::Seconds(200 + i));
  EXPECT_NEAR(mixed.CoefficientOfVariation(), std::sqrt((30 - 64.0 / 240) / 239) / (8.0 / 240),
              1e-12);
}

TEST(IdleHistogram, SpreadOutCountsSayNothing) {
  // The coefficient falls below 2 between 48 (240 / 48 - 1 = 4) and 49 equal bins.
  IdleHistogram histogram(kDefaults);
  for (int bin = 0; bin < 48; ++bin) histogram.Add(SimTime::Minutes(3 + bin));
  EXPECT_NE(histogram.Times().until, SimTime::Hours(4));
  histogram.Add(SimTime::Minutes(3 + 48));
  EXPECT_EQ(histogram.Times(), (LoadedTimes{SimTime(), SimTime::Hours(4)}));
}

TEST(IdleHistogram, PercentilesWithMargins) {
  // 100 idle times: 4 of 10 min, 94 of 20 min, 2 of 30 min. The 5th percentile lies in bin 20, the
  // 99th in bin 30, whose upper edge is 31 min.
  IdleHistogram histogram(kDefaults);
  histogram.Add(SimTime::Minutes(10), 4);
  histogram.Add(SimTime::Seconds(20 * 60 + 59), 94);
  histogram.Add(SimTime::Minutes(30), 2);
  EXPECT_EQ(histogram.Times(),
            (LoadedTimes{SimTime::Minutes(18), SimTime::FromSeconds(31 * 60 * 1.1)}));
  // A fifth of 10 min moves the head there: 5 of 101 are 4.95 %, 6 of 102 are 5.9 %.
  histogram.Add(SimTime::Minutes(10), 1);
  EXPECT_EQ(histogram.Times().from, SimTime::Minutes(18));
  histogram.Add(SimTime::Minutes(10), 1);
  EXPECT_EQ(histogram.Times().from, SimTime::Minutes(9));
  // 99 of 100 at the 99th percentile: its own bin, not the next.
  IdleHistogram edge(kDefaults);
  edge.Add(SimTime::Minutes(20), 99);
  edge.Add(SimTime::Minutes(30), 1);
  EXPECT_EQ(edge.Times().until, SimTime::FromSeconds(21 * 60 * 1.1));
}

TEST(IdleHistogram, ShortIdleTimesKeepItLoaded) {
  IdleHistogram histogram(kDefaults);
  histogram.Add(SimTime(), 19);
  histogram.Add(SimTime::Minutes(3), 1);
  EXPECT_EQ(histogram.Times(), (LoadedTimes{SimTime(), SimTime::FromSeconds(4 * 60 * 1.1)}));
}

TEST(IdleHistogram, ForecastsWhatIsOutOfBounds) {
  IdleHistogram histogram(kDefaults);
  histogram.Add(SimTime::Hours(5));
  EXPECT_EQ(histogram.OutOfBoundsShare(), 1);
  EXPECT_EQ(histogram.Times(),
            (LoadedTimes{SimTime::FromSeconds(0.85 * 18000), SimTime::FromSeconds(1.15 * 18000)}));
  // Half: still forecast, from the mean of 5 h and 3 h. Less: the histogram, which holds one bin.
  histogram.Add(SimTime::Hours(3));
  EXPECT_EQ(histogram.Times().from, SimTime::FromSeconds(0.85 * 14400));
  histogram.Add(SimTime::Hours(3));
  EXPECT_EQ(histogram.Times(),
            (LoadedTimes{SimTime::Minutes(162), SimTime::FromSeconds(181 * 66)}));
  // The range itself is beyond it.
  IdleHistogram at_range(kDefaults);
  at_range.Add(SimTime::Hours(4));
  EXPECT_EQ(at_range.OutOfBoundsShare(), 1);
}

TEST(IdleForecast, FollowsTheLineThroughNeighbours) {
  IdleForecast forecast;
  EXPECT_EQ(forecast.Next(), SimTime());
  const auto add = [&forecast](std::initializer_list<int> seconds) {
    for (const int s : seconds) forecast.Add(SimTime::Seconds(s));
  };
  add({300, 500, 300});
  EXPECT_NEAR(forecast.Next().seconds(), 1100.0 / 3, 1e-6);  // too few: the mean
  // Pairs (300, 500), (500, 300), (300, 500): slope -1 through the mean (366.7, 433.3).
  add({500});
  EXPECT_NEAR(forecast.Next().seconds(), 300, 1e-6);
  add({300});
  EXPECT_NEAR(forecast.Next().seconds(), 500, 1e-6);

  // Pairs (1, 3), (3, 2), (2, 4): m = (2, 3), slope (1*... ) = (-1*0 + 1*-1 + 0*1) / 2 = -1/2;
  // from 4: 3 - 1/2 * (4 - 2) = 2.
  IdleForecast by_hand;
  for (const int s : {1, 3, 2, 4}) by_hand.Add(SimTime::Seconds(s));
  EXPECT_NEAR(by_hand.Next().seconds(), 2, 1e-6);

  // Growth beyond what is stable counts as a slope of 1: (1, 2), (2, 4), (4, 8): m = (7/3, 14/3).
  IdleForecast growing;
  for (const int s : {1, 2, 4, 8}) growing.Add(SimTime::Seconds(s));
  EXPECT_NEAR(growing.Next().seconds(), 14.0 / 3 + 8 - 7.0 / 3, 1e-6);

  IdleForecast equal;
  for (int i = 0; i < 100; ++i) equal.Add(SimTime::Seconds(i < 60 ? 5 : 77));
  EXPECT_EQ(equal.Next(), SimTime::Seconds(77));  // only the last 32 count
}

TEST(IdleHistogramOptions, ConditionsBetweenFields) {
  IdleHistogramOptions options;
  options.bin = SimTime::Seconds(7);
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("not a multiple of the bin, 7 s"));
  options = {};
  options.head = 0.5;
  options.tail = 0.4;
  EXPECT_THAT(MessageOf(options.Validate()), HasSubstr("head: 0.5 is above the tail"));
}

}  // namespace
}  // namespace reeve
