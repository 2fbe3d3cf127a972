// What a simulated queue-proxy tells, read by the parsers that read Knative's.
#include "controller/fleet/pod_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/knative/direct_source.h"
#include "controller/knative/queue_stat.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

InvocationRecord Ran(int64_t arrival_ms, int64_t start_ms, int64_t end_ms,
                     Outcome outcome = Outcome::kCompleted) {
  InvocationRecord record{};
  record.arrival = SimTime::Millis(arrival_ms);
  record.start = SimTime::Millis(start_ms);
  record.end = SimTime::Millis(end_ms);
  record.outcome = outcome;
  return record;
}

const PodIdentity kPod{"ns", "hello-00001-abc", "hello", "hello", "hello-00001"};

TEST(PodStatisticsTest, IsReadAsAQueueProxysStatistics) {
  const std::string bytes = StatisticsText(kPod, {.concurrency = 2.5, .requests = 40},
                                           SimTime::Millis(1500), SimTime::Seconds(1'700'000'000));
  const auto stat = ParseQueueStat(bytes);
  ASSERT_TRUE(stat.ok()) << stat.status();
  EXPECT_EQ(stat->pod, "hello-00001-abc");
  EXPECT_EQ(stat->average_concurrency, 2.5);
  EXPECT_EQ(stat->average_proxied_concurrency, 0);
  EXPECT_EQ(stat->request_rate, 40);
  EXPECT_EQ(stat->process_uptime_seconds, 1.5);
  EXPECT_EQ(stat->timestamp_ms, 1'700'000'000'000);
  // An idle pod says so: its name is enough.
  EXPECT_TRUE(ParseQueueStat(StatisticsText(kPod, {}, SimTime(), SimTime())).ok());
}

TEST(PodStatisticsTest, TheMessageIsWhatTheProtobufEncodingSays) {
  QueueStat stat;
  stat.pod = "p";
  stat.average_concurrency = 1;  // IEEE 754: 3ff0000000000000
  stat.timestamp_ms = 300;       // ac 02
  EXPECT_EQ(WriteQueueStat(stat),
            std::string("\x0a\x01p\x11\x00\x00\x00\x00\x00\x00\xf0\x3f\x38\xac\x02", 15));
}

class GenerationsTest : public ::testing::TestWithParam<MetricNames> {};

// The same seven requests in either generation of names.
TEST_P(GenerationsTest, RequestsAreCountedByTimeAndOutcome) {
  PodCounters counters;
  const SimTime ready = SimTime::Millis(1000);
  counters.Count(Ran(400, 1000, 1020), ready);   // 20 ms here; 600 ms at the activator before
  counters.Count(Ran(1000, 1000, 1100), ready);  // 100 ms, waited 0
  counters.Count(Ran(1000, 1100, 1200), ready);  // 200 ms, of them 100 in the function
  for (int i = 0; i < 3; ++i) counters.Count(Ran(2000, 2000, 2500), ready);  // 500 ms
  counters.Count(Ran(3000, 3000, 4000, Outcome::kFailed), ready);            // 1 s
  EXPECT_EQ(counters.answered(), 7u);

  const std::string text = RequestMetricsText(kPod, counters, {}, GetParam());
  const auto read = ReadRequestCounters(text);
  ASSERT_TRUE(read.ok()) << read.status() << text;
  EXPECT_EQ(read->latency_seconds.total(), 7);
  EXPECT_EQ(read->execution_seconds.total(), 7);
  EXPECT_EQ(read->failures, 1);
  // 20 + 100 + 200 + 3 x 500 + 1000
  EXPECT_NEAR(read->busy_seconds, 2.820, 1e-9);
  // Three of seven above 0.25 s are at most 0.5 s, one is at most 1 s.
  EXPECT_NEAR(read->latency_seconds.CountAbove(0.25), 4, 1e-9);
  EXPECT_NEAR(read->latency_seconds.CountAbove(0.5), 1, 1e-9);
  EXPECT_NEAR(read->execution_seconds.CountAbove(0.1), 4, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(All, GenerationsTest,
                         ::testing::Values(MetricNames::kOpenTelemetry, MetricNames::kOpenCensus));

TEST(PodStatisticsTest, SeriesAreNamedAsEachGenerationNamesThem) {
  PodCounters counters;
  counters.Count(Ran(0, 0, 5), SimTime());
  const std::string now = RequestMetricsText(kPod, counters, {}, MetricNames::kOpenTelemetry);
  EXPECT_THAT(now, HasSubstr("kn_serving_invocation_duration_seconds_bucket{http_response_status_"
                             "code=\"200\",le=\"0.005\"} 1"));
  EXPECT_THAT(now, HasSubstr("kn_revision_name=\"hello-00001\""));
  EXPECT_THAT(now, Not(HasSubstr("revision_request_latencies")));
  EXPECT_THAT(now, Not(HasSubstr("\"502\"")));
  const std::string before = RequestMetricsText(kPod, counters, {}, MetricNames::kOpenCensus);
  EXPECT_THAT(before, HasSubstr("response_code_class=\"2xx\""));
  EXPECT_THAT(before, HasSubstr("revision_name=\"hello-00001\""));
  EXPECT_THAT(before, HasSubstr("revision_queue_depth{"));
  EXPECT_THAT(before, Not(HasSubstr("kn_")));
}

}  // namespace
}  // namespace reeve
