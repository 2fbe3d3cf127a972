// What comes from queue-proxies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/knative/direct_source.h"
#include "controller/knative/queue_stat.h"
#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

// Made by protoc --encode from Knative's metrics.proto:
//   pod_name: "p" average_concurrent_requests: 1.5 average_proxied_concurrent_requests: 0.5
//   request_count: 20 proxied_request_count: 2 process_uptime: 60 timestamp: 300
std::string StatBytes() {
  using namespace std::string_literals;
  return "\x0a\x01p"
         "\x11\0\0\0\0\0\0\xf8\x3f"
         "\x19\0\0\0\0\0\0\xe0\x3f"
         "\x21\0\0\0\0\0\0\x34\x40"
         "\x29\0\0\0\0\0\0\0\x40"
         "\x31\0\0\0\0\0\0\x4e\x40"
         "\x38\xac\x02"s;
}

TEST(QueueStatTest, ReadsEveryField) {
  const auto stat = ParseQueueStat(StatBytes());
  ASSERT_TRUE(stat.ok()) << stat.status();
  EXPECT_EQ(stat->pod, "p");
  EXPECT_EQ(stat->average_concurrency, 1.5);
  EXPECT_EQ(stat->average_proxied_concurrency, 0.5);
  EXPECT_EQ(stat->request_rate, 20);
  EXPECT_EQ(stat->proxied_request_rate, 2);
  EXPECT_EQ(stat->process_uptime_seconds, 60);
  EXPECT_EQ(stat->timestamp_ms, 300);
}

TEST(QueueStatTest, SkipsFieldsOfLaterReleases) {
  using namespace std::string_literals;
  // Fields 100 of each wire type in front.
  const std::string more = "\xa0\x06\x01\xa1\x06"s + std::string(8, '\x7f') + "\xa2\x06\x02hi" +
                           "\xa5\x06" + std::string(4, '\x7f');
  EXPECT_EQ(ParseQueueStat(more + StatBytes())->request_rate, 20);
}

TEST(QueueStatTest, RefusesWhatIsCutOrCannotBe) {
  using namespace std::string_literals;
  const std::string whole = StatBytes();
  // Cut anywhere but between fields it is broken.
  const std::set<size_t> between = {3, 12, 21, 30, 39, 48};
  for (size_t size = 0; size < whole.size(); ++size) {
    if (between.count(size) > 0) continue;
    EXPECT_FALSE(ParseQueueStat(std::string_view(whole).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseQueueStat("<html>").ok());
  EXPECT_FALSE(ParseQueueStat("\x11\0\0\0\0\0\0\xf8\xff"s).ok());  // NaN
  EXPECT_FALSE(ParseQueueStat("\x11\0\0\0\0\0\0\xf8\xbf"s).ok());  // -1.5
  EXPECT_FALSE(ParseQueueStat("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s).ok());
}

constexpr const char* kExposition = R"(# HELP kn_serving_invocation_duration_seconds Time.
# TYPE kn_serving_invocation_duration_seconds histogram
kn_serving_invocation_duration_seconds_bucket{http_response_status_code="200",otel_scope_name="x",le="0.005"} 3
kn_serving_invocation_duration_seconds_bucket{http_response_status_code="200",le="0.01"} 7
kn_serving_invocation_duration_seconds_bucket{http_response_status_code="200",le="+Inf"} 8
kn_serving_invocation_duration_seconds_sum{http_response_status_code="200"} 0.5
kn_serving_invocation_duration_seconds_count{http_response_status_code="200"} 8
kn_serving_invocation_duration_seconds_bucket{http_response_status_code="502",le="0.005"} 1
kn_serving_invocation_duration_seconds_bucket{http_response_status_code="502",le="0.01"} 2
kn_serving_invocation_duration_seconds_bucket{http_response_status_code="502",le="+Inf"} 2
kn_serving_invocation_duration_seconds_sum{http_response_status_code="502"} 0.25
kn_serving_invocation_duration_seconds_count{http_response_status_code="502"} 2
http_client_request_duration_seconds_bucket{le="0.005"} 9
http_client_request_duration_seconds_bucket{le="+Inf"} 10
other_total{a="quoted \"and\" \\ escaped \n"} 1e3 1700000000000
target_info{kn_revision_name="hello-00001"} 1
)";

TEST(RequestCountersTest, AddsTheSeriesOfAllStatusCodes) {
  const auto counters = ReadRequestCounters(kExposition);
  ASSERT_TRUE(counters.ok()) << counters.status();
  EXPECT_EQ(counters->latency_seconds.total(), 10);
  EXPECT_EQ(counters->latency_seconds.CountAbove(0.01), 1);
  EXPECT_EQ(counters->execution_seconds.total(), 10);
  EXPECT_EQ(counters->failures, 2);
  EXPECT_DOUBLE_EQ(counters->busy_seconds, 0.75);
}

TEST(RequestCountersTest, ReadsTheNamesOfOldReleasesInMilliseconds) {
  const auto counters = ReadRequestCounters(
      "revision_request_latencies_bucket{le=\"100\"} 4\n"
      "revision_request_latencies_bucket{le=\"+Inf\"} 5\n"
      "revision_request_latencies_sum 1500\n"
      "revision_request_count{response_code=\"500\"} 1\n"
      "revision_request_count{response_code=\"200\"} 4\n");
  ASSERT_TRUE(counters.ok()) << counters.status();
  EXPECT_DOUBLE_EQ(counters->latency_seconds.CountAbove(0.1), 1);
  EXPECT_EQ(counters->failures, 1);
  EXPECT_DOUBLE_EQ(counters->busy_seconds, 1.5);
}

TEST(RequestCountersTest, RefusesOtherTexts) {
  EXPECT_FALSE(ReadRequestCounters("").ok());
  EXPECT_FALSE(ReadRequestCounters("go_goroutines 5\n").ok());
  EXPECT_FALSE(ReadRequestCounters("<html>\n").ok());
  EXPECT_THAT(MessageOf(ReadRequestCounters("a 1\nb{x=\"1} 2\n").status()), HasSubstr("line 2"));
}

}  // namespace
}  // namespace reeve
