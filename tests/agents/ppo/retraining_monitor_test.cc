#include "agents/ppo/retraining_monitor.h"

#include <vector>

#include "gtest/gtest.h"

namespace reeve {
namespace {

const RetrainingSpec kSpec{
    .window = 4, .train_drop = 0.2, .serve_drop = 0.1, .train_spread = 0.2, .serve_spread = 0.1};

TEST(RetrainingMonitor, StaysUntilTheWindowIsFull) {
  const std::vector<double> returns = {100, 100, 100};
  EXPECT_TRUE(ShouldTrain(kSpec, returns, true));
  EXPECT_FALSE(ShouldTrain(kSpec, returns, false));
}

TEST(RetrainingMonitor, ServesWhenMeanAndSpreadAreFine) {
  EXPECT_FALSE(ShouldTrain(kSpec, std::vector<double>{20, 100, 101, 99, 100}, true));
  // The mean has fallen by 30 % from the best window: train. Recovered to 5 %: serve.
  std::vector<double> returns = {100, 100, 100, 100, 70, 70, 70, 70};
  EXPECT_TRUE(ShouldTrain(kSpec, returns, false));
  returns.insert(returns.end(), {95, 95, 95, 95});
  EXPECT_FALSE(ShouldTrain(kSpec, returns, true));
}

TEST(RetrainingMonitor, SpreadAloneSendsToTraining) {
  // Mean 100, deviation 30.
  EXPECT_TRUE(ShouldTrain(kSpec, std::vector<double>{70, 130, 70, 130}, false));
}

TEST(RetrainingMonitor, BetweenTheThresholdsNothingChanges) {
  const std::vector<double> returns = {100, 100, 100, 100, 85, 85, 85, 85};
  EXPECT_TRUE(ShouldTrain(kSpec, returns, true));
  EXPECT_FALSE(ShouldTrain(kSpec, returns, false));
}

TEST(RetrainingMonitor, NegativeReturns) {
  EXPECT_FALSE(ShouldTrain(kSpec, std::vector<double>{-10, -10, -10, -10}, true));
  EXPECT_TRUE(
      ShouldTrain(kSpec, std::vector<double>{-10, -10, -10, -10, -14, -14, -14, -14}, false));
}

}  // namespace
}  // namespace reeve
