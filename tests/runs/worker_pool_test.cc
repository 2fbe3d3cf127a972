#include "runs/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace reeve {
namespace {

TEST(WorkerPoolTest, EveryPieceOnce) {
  for (const int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> calls(100);
    const absl::Status status = RunInParallel(100, threads, [&](size_t i) {
      ++calls[i];
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok());
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
  EXPECT_TRUE(RunInParallel(0, 2, [](size_t) { return absl::InternalError(""); }).ok());
}

TEST(WorkerPoolTest, TheFirstFailureEndsIt) {
  std::atomic<int> calls = 0;
  const absl::Status status = RunInParallel(1000, 1, [&](size_t i) {
    ++calls;
    return i == 3 ? absl::InternalError("three") : absl::OkStatus();
  });
  EXPECT_EQ(status.message(), "three");
  EXPECT_EQ(calls, 4);
}

TEST(WorkerPoolTest, StopsBetweenPieces) {
  std::atomic<int> calls = 0;
  const absl::Status status = RunInParallel(
      1000, 2,
      [&](size_t) {
        ++calls;
        return absl::OkStatus();
      },
      [&] { return calls >= 10; });
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_GE(calls, 10);
  EXPECT_LE(calls, 11);
}

}  // namespace
}  // namespace reeve
