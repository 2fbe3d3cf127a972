#include "core/window_histograms.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace reeve {
namespace {

// Whatever the number of completions, everything that can be asked is what one histogram of each
// function would answer.
TEST(WindowHistogramsTest, AnswersAsOneHistogramEach) {
  constexpr uint32_t kFunctions = 45;
  constexpr std::array<double, 5> kShares = {0, 0.5, 0.95, 0.99, 1};
  WindowHistograms windows(kFunctions);
  const RandomStream random(1, StreamPurpose::kGenerator, 0);
  uint64_t draw = 0;
  for (int window = 0; window < 3; ++window) {
    std::vector<InvocationHistogram> expected(kFunctions);
    // In turns, so that the functions' completions mix; function f completes f in each window.
    for (uint32_t turn = 0; turn < kFunctions; ++turn) {
      for (uint32_t f = turn + 1; f < kFunctions; ++f) {
        WindowHistograms::Buckets buckets;
        for (uint16_t& bucket : buckets) {
          bucket = static_cast<uint16_t>(random.Uniform(draw++) * 300);
        }
        windows.Record(f, buckets);
        expected[f].RecordIn(buckets);
      }
    }
    for (uint32_t f = 0; f < kFunctions; ++f) {
      ASSERT_EQ(windows.count(f), f);
      InvocationHistogram merged;
      windows.MergeInto(f, merged);
      ASSERT_EQ(merged.count(), f);
      for (const size_t lane : {kLatencyLane, kExecutionLane, kSlowdownLane}) {
        const auto quantiles = expected[f].Quantiles(kShares, lane);
        EXPECT_EQ(windows.Quantiles(f, kShares, lane), quantiles) << f;
        EXPECT_EQ(merged.Quantiles(kShares, lane), quantiles) << f;
      }
    }
    windows.Clear();
    for (uint32_t f = 0; f < kFunctions; ++f) ASSERT_EQ(windows.count(f), 0u);
  }
}

TEST(WindowHistogramsTest, NothingCompletedIsZero) {
  const WindowHistograms windows(1);
  EXPECT_EQ(windows.Quantiles(0, std::array{0.5, 0.99}, kLatencyLane), (std::array{0.0, 0.0}));
}

}  // namespace
}  // namespace reeve
