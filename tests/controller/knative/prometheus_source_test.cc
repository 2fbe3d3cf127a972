#include "controller/knative/prometheus_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json Sample(const std::map<std::string, std::string>& labels, const std::string& value) {
  return {{"metric", labels}, {"value", json::array({1700000000, value})}};
}

ScriptedReply Vector(const std::vector<json>& samples) {
  return {.body =
              json{{"status", "success"}, {"data", {{"resultType", "vector"}, {"result", samples}}}}
                  .dump()};
}

// Answers by a word in the query.
ScriptedReply ByWord(const std::string& query,
                     const std::vector<std::pair<std::string, std::vector<json>>>& answers) {
  for (const auto& [word, samples] : answers) {
    if (query.find(word) != std::string::npos) return Vector(samples);
  }
  return Vector({});
}

std::vector<RevisionView> Revisions() {
  RevisionView view;
  view.ns = "ns";
  view.name = "a";
  PodView pod;
  pod.name = "a-pod";
  view.pods = {pod};
  RevisionView other = view;
  other.name = "b";
  other.pods[0].name = "b-pod";
  return {view, other};
}

const std::map<std::string, std::string> kA = {{"reeve_ns", "ns"}, {"reeve_rev", "a"}};
const std::map<std::string, std::string> kB = {{"reeve_ns", "ns"}, {"reeve_rev", "b"}};

std::map<std::string, std::string> Bucket(const std::string& le) {
  auto labels = kA;
  labels["le"] = le;
  return labels;
}

TEST(PrometheusSourceTest, OneQueryForEachFigureGivesThoseOfAllFunctions) {
  ScriptedServer server([](const ScriptedRequest& request) {
    EXPECT_EQ(request.path, "/prom/api/v1/query");
    EXPECT_EQ(request.headers.at("authorization"), "Bearer secret");
    return ByWord(
        request.query.at("query"),
        {{"count by", {Sample(kA, "2"), Sample(kB, "1")}},
         {"http_client_request_duration_seconds_bucket", {Sample(Bucket("+Inf"), "3")}},
         {"invocation_duration_seconds_bucket",
          {Sample(Bucket("0.1"), "3"), Sample(Bucket("+Inf"), "4")}},
         {"duration_seconds_sum", {Sample(kA, "0.5"), Sample(kB, "NaN")}},
         {"5..", {Sample(kA, "0.2")}},
         {"request_queued", {Sample(kA, "7")}},
         {"cpu_usage",
          {Sample({{"reeve_ns", "ns"}, {"reeve_pod", "a-pod"}}, "0.25"),
           Sample({{"reeve_ns", "ns"}, {"reeve_pod", "x"}}, "9")}},
         {"working_set", {Sample({{"reeve_ns", "ns"}, {"reeve_pod", "a-pod"}}, "104857600")}}});
  });
  const std::string token = ::testing::TempDir() + "/reeve_prometheus_token";
  ASSERT_TRUE(WriteFileAtomically(token, "secret\n").ok());
  PrometheusSource source({.url = server.url() + "/prom/", .token_file = token}, MetricNames::kAuto,
                          SimTime::Minutes(1));
  const FigureRound round =
      source.Collect(Revisions(), SimTime::Seconds(100), SimTime::Seconds(10));
  ASSERT_TRUE(round.status.ok()) << round.status;
  ASSERT_EQ(round.revisions.size(), 2u);
  const FunctionFigures& a = round.revisions.at("ns/a");
  EXPECT_DOUBLE_EQ(a.completions, 40);
  EXPECT_DOUBLE_EQ(a.failures, 2);
  EXPECT_DOUBLE_EQ(a.mean_in_flight, 0.5);
  EXPECT_EQ(a.queued, 7);
  EXPECT_DOUBLE_EQ(a.latency_seconds->CountAbove(0.1), 10);
  EXPECT_DOUBLE_EQ(a.execution_seconds->total(), 30);
  EXPECT_EQ(a.cpu_used_millicores, 250);
  EXPECT_EQ(a.memory_used_mebibytes, 100);
  // Scraped, and idle: sound zeros.
  EXPECT_EQ(round.revisions.at("ns/b").completions, 0);
  EXPECT_EQ(server.requests().size(), kFigures);
}

TEST(PrometheusSourceTest, FindsOutWhichNamesThereAre) {
  ScriptedServer server([](const ScriptedRequest& request) {
    return ByWord(request.query.at("query"),
                  {{"revision_queue_depth", {Sample(kA, "1")}},
                   {"revision_app_request_latencies_bucket", {}},
                   {"revision_request_latencies_bucket",
                    {Sample(Bucket("100"), "1"), Sample(Bucket("+Inf"), "2")}},
                   {"latencies_sum", {Sample(kA, "500")}}});
  });
  PrometheusSource source({.url = server.url()}, MetricNames::kAuto, SimTime::Minutes(1));
  for (int i = 0; i < 2; ++i) {
    const FigureRound round = source.Collect(Revisions(), SimTime(), SimTime::Seconds(10));
    ASSERT_TRUE(round.status.ok()) << round.status;
    const FunctionFigures& a = round.revisions.at("ns/a");
    EXPECT_DOUBLE_EQ(a.completions, 20);
    EXPECT_DOUBLE_EQ(a.latency_seconds->CountAbove(0.1), 10);  // bounds are milliseconds
    EXPECT_DOUBLE_EQ(a.mean_in_flight, 0.5);
    EXPECT_EQ(round.revisions.count("ns/b"), 0u);
  }
  // The second time nothing was tried with the other names: 8 and 7 queries, then 7.
  EXPECT_EQ(server.requests().size(), 22u);
}

TEST(PrometheusSourceTest, FailuresOfOneQueryAreFailuresOfTheRound) {
  std::atomic<int> calls{0};
  ScriptedServer server([&](const ScriptedRequest&) {
    if (++calls == 3) {
      return ScriptedReply{
          .status = 422,
          .body = R"({"status":"error","errorType":"execution","error":"many-to-many"})"};
    }
    return Vector({Sample(kA, "1")});
  });
  PrometheusSource source({.url = server.url()}, MetricNames::kOpenTelemetry, SimTime::Minutes(1));
  const FigureRound round = source.Collect(Revisions(), SimTime(), SimTime::Seconds(10));
  EXPECT_THAT(MessageOf(round.status), HasSubstr("many-to-many"));
  PrometheusSource nowhere({.url = "http://127.0.0.1:1"}, MetricNames::kAuto, SimTime::Minutes(1));
  EXPECT_FALSE(nowhere.Collect(Revisions(), SimTime(), SimTime::Seconds(10)).status.ok());
}

// A cache between us and Prometheus that repeats itself: what it says was measured when it was said
// first.
TEST(PrometheusSourceTest, AnAnswerThatWasGivenBeforeIsAsOldAsItWasThen) {
  std::atomic<int> time{1700000000};
  ScriptedServer server([&](const ScriptedRequest&) {
    return Vector({{{"metric", kA}, {"value", json::array({time.load(), "1"})}}});
  });
  ManualClock clock;
  PrometheusSource source({.url = server.url()}, MetricNames::kOpenTelemetry, SimTime::Minutes(1),
                          clock);
  const auto age = [&](int stamp) {
    time = stamp;
    clock.Advance(SimTime::Seconds(10));
    const SimTime now = clock.Now();
    const FigureRound round = source.Collect(Revisions(), now, SimTime::Seconds(10));
    EXPECT_TRUE(round.status.ok()) << round.status;
    return now - round.measured_at;
  };
  EXPECT_EQ(age(1700000000), SimTime());
  EXPECT_EQ(age(1700000010), SimTime());
  EXPECT_EQ(age(1700000010), SimTime::Seconds(10));
  EXPECT_EQ(age(1700000010), SimTime::Seconds(20));
  EXPECT_EQ(age(1700000040), SimTime());
  // Its clock was put back: one round more, no longer.
  EXPECT_EQ(age(1600000000), SimTime::Seconds(10));
  EXPECT_EQ(age(1600000010), SimTime());
}

TEST(PrometheusQueriesTest, TheRangeIsInEveryRate) {
  for (const MetricNames names : {MetricNames::kOpenTelemetry, MetricNames::kOpenCensus}) {
    for (const std::string& query : PrometheusQueries(names, SimTime::Seconds(90))) {
      if (query.find("rate(") != std::string::npos) {
        EXPECT_THAT(query, HasSubstr("[90s]"));
      }
    }
  }
}

}  // namespace
}  // namespace reeve
