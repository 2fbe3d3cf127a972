#include "core/snapshot.h"

#include <gtest/gtest.h>

#include "core/decision.h"

namespace reeve {
namespace {

TEST(FunctionWindows, ResizeSizesEveryVector) {
  FunctionWindows w;
  w.Resize(3);
  EXPECT_EQ(w.size(), 3u);
  for (const auto* counts :
       {&w.arrivals, &w.completions, &w.failures, &w.timeouts, &w.rejections, &w.cold_starts,
        &w.containers_started, &w.slo_violations, &w.queued, &w.in_flight, &w.containers_ready,
        &w.containers_starting, &w.replicas_asked}) {
    EXPECT_EQ(*counts, std::vector<uint32_t>(3, 0));
  }
  for (const auto* means :
       {&w.mean_queued, &w.mean_in_flight, &w.cpu_used_millicores, &w.memory_used_mebibytes}) {
    EXPECT_EQ(*means, std::vector<double>(3, 0));
  }
  for (const auto* quantiles : {&w.latency_p50_ms, &w.latency_p95_ms, &w.latency_p99_ms,
                                &w.execution_p50_ms, &w.execution_p95_ms, &w.execution_p99_ms}) {
    EXPECT_EQ(*quantiles, std::vector<float>(3, 0));
  }
  EXPECT_EQ(w.cpu_limit, std::vector<Millicores>(3));
  EXPECT_EQ(w.memory_limit, std::vector<Mebibytes>(3));
  EXPECT_EQ(w.concurrency_limit, std::vector<int32_t>(3, 0));
  EXPECT_EQ(w.slo_latency, std::vector<SimTime>(3));
}

// A field that is added to the struct and forgotten in Resize would be read out of bounds. All
// vectors are the same size as each other, so the struct's size counts them.
TEST(FunctionWindows, EveryVectorIsAccountedFor) {
  constexpr size_t kVectors = 13 + 4 + 6 + 4;  // as listed in the test above
  EXPECT_EQ(sizeof(FunctionWindows),
            kVectors * sizeof(std::vector<int>) + sizeof(const WindowHistograms*));
}

TEST(FunctionWindows, ResizeKeepsWhatIsThereAndItsMemory) {
  FunctionWindows w;
  w.Resize(2);
  w.arrivals[1] = 7;
  const uint32_t* before = w.arrivals.data();
  w.Resize(2);
  EXPECT_EQ(w.arrivals[1], 7u);
  EXPECT_EQ(w.arrivals.data(), before);
  w.Resize(4);
  EXPECT_EQ(w.arrivals, (std::vector<uint32_t>{0, 7, 0, 0}));
  w.Resize(0);
  EXPECT_EQ(w.size(), 0u);
}

TEST(Decision, UnsetLeavesEverythingAsItIs) {
  Decision decision;
  EXPECT_FALSE(decision.replicas || decision.cpu_limit || decision.memory_limit ||
               decision.concurrency || decision.keep_alive);
  EXPECT_EQ(decision, Decision());
  decision.replicas = 0;  // scale to zero is not "unset"
  EXPECT_NE(decision, Decision());
}

}  // namespace
}  // namespace reeve
