#include "controller/knative/direct_source.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <mutex>
#include <optional>
#include <set>

#include "controller/knative/queue_stat.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

std::string StatBytes(double concurrency, double rate) {
  std::string bytes;
  const auto put = [&](char tag, double value) {
    bytes += tag;
    const auto bits = std::bit_cast<uint64_t>(value);
    for (int i = 0; i < 8; ++i) bytes += static_cast<char>(bits >> (8 * i) & 0xff);
  };
  put(0x11, concurrency);
  put(0x21, rate);
  return bytes;
}

// Five pods of a function, a server each.
class DirectSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    revision_.ns = "ns";
    revision_.name = "r";
    for (int i = 0; i < 5; ++i) {
      PodView pod;
      pod.name = fmt::format("p{}", i);
      pod.ready = true;
      revision_.pods.push_back(pod);
      const std::string host = fmt::format("127.0.0.1:{}", servers_[i].port());
      options_.addresses["ns/" + pod.name] = {.statistics = host, .requests = host + "/requests"};
    }
  }
  ScriptedReply Answer(int pod, const ScriptedRequest& request) {
    const std::lock_guard lock(mutex_);
    if (silent_.count(pod) > 0) return {.status = 503};
    if (request.path == "/metrics") {
      return {.body = StatBytes(1.5, 20), .content_type = "application/protobuf"};
    }
    if (!counters_) return {.status = 404};
    const double count = 100 + 10 * *counters_;
    return {.body = fmt::format("kn_serving_invocation_duration_seconds_bucket{{le=\"0.1\"}} {}\n"
                                "kn_serving_invocation_duration_seconds_bucket{{le=\"+Inf\"}} {}\n",
                                count / 2, count)};
  }

  ManualClock clock_;
  std::mutex mutex_;
  std::set<int> silent_;            // guarded by mutex_
  std::optional<double> counters_;  // guarded by mutex_
  std::atomic<bool> cut_ = false;
  ScriptedServer servers_[5] = {
      ScriptedServer([this](const ScriptedRequest& r) { return Answer(0, r); }),
      ScriptedServer([this](const ScriptedRequest& r) { return Answer(1, r); }),
      ScriptedServer([this](const ScriptedRequest& r) { return Answer(2, r); }),
      ScriptedServer([this](const ScriptedRequest& r) { return Answer(3, r); }),
      ScriptedServer([this](const ScriptedRequest& r) { return Answer(4, r); })};
  RevisionView revision_;
  DirectOptions options_;
};

TEST_F(DirectSourceTest, RatesOfAllPodsAddUp) {
  DirectSource source(options_, clock_);
  source.Collect({revision_}, clock_.Now(), SimTime());
  source.Scrape();
  source.Scrape();
  clock_.Advance(SimTime::Seconds(10));
  const FigureRound round = source.Collect({revision_}, clock_.Now(), SimTime::Seconds(10));
  ASSERT_EQ(round.revisions.count("ns/r"), 1u);
  const FunctionFigures& figures = round.revisions.at("ns/r");
  EXPECT_DOUBLE_EQ(figures.completions, 5 * 20 * 10);
  EXPECT_DOUBLE_EQ(figures.mean_in_flight, 5 * 1.5);
  EXPECT_FALSE(figures.latency_seconds.has_value());
  EXPECT_EQ(clock_.Now() - round.measured_at, SimTime::Seconds(10));
}

TEST_F(DirectSourceTest, CountersGiveExactCountsAndLatencies) {
  DirectSource source(options_, clock_);
  const auto collect = [&] {
    clock_.Advance(SimTime::Seconds(10));
    return source.Collect({revision_}, clock_.Now(), SimTime::Seconds(10));
  };
  counters_ = 0;
  collect();
  source.Scrape();
  collect();  // the first counts are only where counting begins
  counters_ = 1;
  source.Scrape();
  const FigureRound round = collect();
  const FunctionFigures& figures = round.revisions.at("ns/r");
  EXPECT_DOUBLE_EQ(figures.completions, 5 * 10);
  ASSERT_TRUE(figures.latency_seconds.has_value());
  EXPECT_DOUBLE_EQ(figures.latency_seconds->CountAbove(0.1), 5 * 5);
}

TEST_F(DirectSourceTest, OneOfFiveMayBeSilentAndNotTwo) {
  DirectSource source(options_, clock_);
  source.Collect({revision_}, clock_.Now(), SimTime());
  silent_ = {3};
  source.Scrape();
  FigureRound round = source.Collect({revision_}, clock_.Now(), SimTime::Seconds(10));
  ASSERT_EQ(round.revisions.count("ns/r"), 1u);
  // It is taken to be like the others.
  EXPECT_DOUBLE_EQ(round.revisions.at("ns/r").completions, 5 * 20 * 10);
  silent_ = {3, 4};
  source.Scrape();
  round = source.Collect({revision_}, clock_.Now(), SimTime::Seconds(10));
  EXPECT_EQ(round.revisions.count("ns/r"), 0u);
}

// A function that grows from one pod to two: the second was never asked yet.
TEST_F(DirectSourceTest, PodsThatHaveJustComeMakeNothingMissing) {
  DirectSource source(options_, clock_);
  const PodView second = revision_.pods[1];
  revision_.pods.resize(1);
  source.Collect({revision_}, clock_.Now(), SimTime());
  source.Scrape();
  revision_.pods.push_back(second);
  FigureRound round = source.Collect({revision_}, clock_.Now(), SimTime::Seconds(10));
  ASSERT_EQ(round.revisions.count("ns/r"), 1u);
  EXPECT_DOUBLE_EQ(round.revisions.at("ns/r").mean_in_flight, 1.5);
  // Asked and silent, it counts.
  silent_ = {1};
  source.Scrape();
  round = source.Collect({revision_}, clock_.Now(), SimTime::Seconds(10));
  EXPECT_EQ(round.revisions.count("ns/r"), 0u);
  silent_ = {};
  source.Scrape();
  round = source.Collect({revision_}, clock_.Now(), SimTime::Seconds(10));
  ASSERT_EQ(round.revisions.count("ns/r"), 1u);
  EXPECT_DOUBLE_EQ(round.revisions.at("ns/r").mean_in_flight, 3);
}

TEST_F(DirectSourceTest, AStatisticThatStandsStillOrIsCutShortIsNoAnswer) {
  QueueStat stat{.pod = "p0", .average_concurrency = 1.5, .request_rate = 20};
  ScriptedServer server([&](const ScriptedRequest&) {
    const std::lock_guard lock(mutex_);
    std::string body = WriteQueueStat(stat);
    if (cut_) body.resize(body.find('\x11'));  // the name alone: a message, but not a whole one
    return ScriptedReply{.body = body, .content_type = "application/protobuf"};
  });
  revision_.pods.resize(1);
  options_.addresses = {{"ns/p0", {.statistics = fmt::format("127.0.0.1:{}", server.port())}}};
  DirectSource source(options_, clock_);
  source.Collect({revision_}, clock_.Now(), SimTime());
  const auto answers = [&](int64_t stamp_ms) {
    {
      const std::lock_guard lock(mutex_);
      stat.timestamp_ms = stamp_ms;
    }
    clock_.Advance(SimTime::Seconds(2));
    source.Scrape();
    return source.Collect({revision_}, clock_.Now(), SimTime::Seconds(2)).revisions.size() == 1;
  };
  EXPECT_TRUE(answers(1000));
  EXPECT_TRUE(answers(3000));
  EXPECT_TRUE(answers(3000));  // for two seconds, for four
  EXPECT_TRUE(answers(3000));
  EXPECT_FALSE(answers(3000));
  EXPECT_TRUE(answers(11'000));
  cut_ = true;
  EXPECT_FALSE(answers(13'000));
  cut_ = false;
  EXPECT_TRUE(answers(15'000));
}

TEST_F(DirectSourceTest, PodsThatAreNotReadyAreNotAsked) {
  for (PodView& pod : revision_.pods) pod.ready = false;
  DirectSource source(options_, clock_);
  source.Collect({revision_}, clock_.Now(), SimTime());
  source.Scrape();
  EXPECT_TRUE(servers_[0].requests().empty());
  EXPECT_TRUE(source.Collect({revision_}, clock_.Now(), SimTime::Seconds(1)).revisions.empty());
}

}  // namespace
}  // namespace reeve
