#include "envs/straggler_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr int64_t kMs = 1000;
constexpr int64_t kNever = -1;

StragglerSpec Spec(int32_t servers, double slow_probability = 0) {
  StragglerSpec spec;
  spec.servers = servers;
  spec.slow_probability = slow_probability;
  return spec;
}

// Two servers. A (100 ms) goes to 0 and at 30 ms to 1 too; B (10 ms) comes at 50 when both have one
// job and waits at 0; C (5 ms) comes at 105, when 0 has B only and 1 has A's duplicate.
TEST(StragglerServers, TimesByHand) {
  StragglerServers servers(Spec(2));
  servers.Arrive(0, 0, 100 * kMs, 30 * kMs);
  EXPECT_THAT(servers.queues(), ElementsAre(1, 0));
  servers.AdvanceTo(29 * kMs);
  EXPECT_EQ(servers.totals().duplicates, 0u);
  servers.AdvanceTo(30 * kMs);
  EXPECT_EQ(servers.totals().duplicates, 1u);
  EXPECT_THAT(servers.queues(), ElementsAre(1, 1));
  servers.Arrive(50 * kMs, 50 * kMs, 10 * kMs, kNever);
  EXPECT_THAT(servers.queues(), ElementsAre(2, 1));
  servers.AdvanceTo(100 * kMs);
  EXPECT_THAT(servers.window().latencies_us, ElementsAre(100 * kMs));  // A, at 0
  servers.Arrive(105 * kMs, 55 * kMs, 5 * kMs, kNever);
  EXPECT_THAT(servers.queues(), ElementsAre(2, 1));
  servers.AdvanceTo(1000 * kMs);
  // B: 100 + 10 - 50. C waits for B until 110: 115 - 105.
  EXPECT_THAT(servers.window().latencies_us, ElementsAre(100 * kMs, 60 * kMs, 10 * kMs));
  EXPECT_THAT(servers.queues(), ElementsAre(0, 0));
  EXPECT_EQ(servers.totals().copies_finished, 4u);  // the loser too, at 130
  // Job times at the servers: 0 has A for 100, B for 60, C for 10 ms; 1 has the duplicate for 100.
  EXPECT_THAT(servers.window().queue_us, ElementsAre(170.0 * kMs, 100.0 * kMs));
  EXPECT_EQ(servers.window().arrivals, 3u);
  EXPECT_EQ(servers.window().gap_sum_ms, 105);
  EXPECT_EQ(servers.window().size_sum_ms, 115);
}

TEST(StragglerServers, ADuplicateWins) {
  StragglerServers servers(Spec(3));
  servers.Arrive(0, 0, 1000 * kMs, kNever);
  servers.Arrive(0, 0, 1000 * kMs, kNever);
  servers.Arrive(0, 0, 1000 * kMs, kNever);
  servers.Arrive(0, 0, 10 * kMs, 5 * kMs);  // behind the first, at 0: done at 1010
  servers.AdvanceTo(5 * kMs);
  EXPECT_THAT(servers.queues(), ElementsAre(2, 2, 1));  // its duplicate behind the second
  servers.Arrive(6 * kMs, 0, 500 * kMs, kNever);        // behind the third: 1500
  servers.AdvanceTo(2000 * kMs);
  // The job and its duplicate are finished at the same time; it is done once.
  EXPECT_THAT(servers.window().latencies_us,
              UnorderedElementsAre(1000 * kMs, 1000 * kMs, 1000 * kMs, 1010 * kMs, 1494 * kMs));
  EXPECT_EQ(servers.totals().copies_finished, 6u);
}

TEST(StragglerServers, SlowOnesTakeTenTimesAsLong) {
  StragglerServers servers(Spec(1, 1));
  servers.Arrive(0, 0, 10 * kMs, 3 * kMs);  // there is no other server for a duplicate
  servers.AdvanceTo(1000 * kMs);
  EXPECT_THAT(servers.window().latencies_us, ElementsAre(100 * kMs));
  EXPECT_EQ(servers.totals().duplicates, 0u);
}

TEST(StragglerServers, AJobThatIsDoneInTimeGetsNoDuplicate) {
  StragglerServers servers(Spec(2));
  servers.Arrive(0, 0, 30 * kMs, 30 * kMs);
  servers.AdvanceTo(100 * kMs);
  servers.Arrive(100 * kMs, 0, 30 * kMs + 1, 30 * kMs);
  servers.AdvanceTo(200 * kMs);
  EXPECT_EQ(servers.totals().duplicates, 1u);
}

// Whatever is chosen, no job is lost or done twice.
TEST(StragglerServers, ConservesJobs) {
  for (const uint64_t seed : {1, 2, 3}) {
    StragglerServers servers(Spec(4, 0.2));
    servers.Reset(seed);
    RandomCursor random(RandomStream(seed, StreamPurpose::kPolicy, 0));
    int64_t t = 0;
    size_t done = 0;
    for (int i = 0; i < 20'000; ++i) {
      const auto gap = static_cast<int64_t>(40 * kMs * random.Exponential());
      t += gap;
      const int64_t timeout =
          random.Uniform() < 0.3 ? kNever : static_cast<int64_t>(random.Below(200 * kMs));
      servers.Arrive(t, gap, 1 + static_cast<int64_t>(30 * kMs * random.Exponential()), timeout);
      if (i % 100 != 0) continue;
      const StragglerTotals& totals = servers.totals();
      done += servers.window().latencies_us.size();
      EXPECT_EQ(done, totals.done);
      servers.StartWindow();
      const auto queues = servers.queues();
      const auto there = static_cast<uint64_t>(std::accumulate(queues.begin(), queues.end(), 0));
      EXPECT_EQ(there + totals.copies_finished, totals.arrived + totals.duplicates);
    }
    servers.AdvanceTo(t + 1'000'000 * kMs);
    const StragglerTotals& totals = servers.totals();
    EXPECT_EQ(totals.arrived, 20'000u);
    EXPECT_EQ(totals.done, 20'000u);
    EXPECT_GT(totals.duplicates, 1000u);
    EXPECT_LE(totals.duplicates, totals.arrived);
    EXPECT_EQ(totals.copies_finished, totals.arrived + totals.duplicates);
    // One in five, of a binomial: within four deviations.
    const auto copies = static_cast<double>(totals.copies_finished);
    EXPECT_NEAR(static_cast<double>(totals.slow), 0.2 * copies, 4 * std::sqrt(0.16 * copies));
    EXPECT_EQ(servers.longest_queue(), 0);
  }
}

}  // namespace
}  // namespace reeve
