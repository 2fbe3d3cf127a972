#include "controller/openwhisk/user_events.h"

#include <gtest/gtest.h>

#include "controller/prometheus/exposition.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

// The service's metrics as it writes them, of an action in a package and one without.
constexpr const char* kMetrics =
    R"(# HELP openwhisk_action_activations_total Activation Count
# TYPE openwhisk_action_activations_total counter
openwhisk_action_activations_total{namespace="guest",initiator="guest",action="tools/hello",kind="nodejs:20",memory="256",} 40.0
openwhisk_action_activations_total{namespace="guest",initiator="other",action="tools/hello",kind="nodejs:20",memory="256",} 10.0
openwhisk_action_activations_total{namespace="guest",initiator="guest",action="idle",kind="nodejs:20",memory="256",} 3.0
openwhisk_action_coldStarts_total{namespace="guest",initiator="guest",action="tools/hello",} 4.0
openwhisk_action_waitTime_seconds_bucket{namespace="guest",initiator="guest",action="tools/hello",le="0.1",} 40.0
openwhisk_action_waitTime_seconds_bucket{namespace="guest",initiator="guest",action="tools/hello",le="+Inf",} 50.0
openwhisk_action_waitTime_seconds_sum{namespace="guest",initiator="guest",action="tools/hello",} 6.0
openwhisk_action_initTime_seconds_sum{namespace="guest",initiator="guest",action="tools/hello",} 2.0
openwhisk_action_duration_seconds_bucket{namespace="guest",initiator="guest",action="tools/hello",le="0.2",} 25.0
openwhisk_action_duration_seconds_bucket{namespace="guest",initiator="guest",action="tools/hello",le="0.4",} 50.0
openwhisk_action_duration_seconds_bucket{namespace="guest",initiator="guest",action="tools/hello",le="+Inf",} 50.0
openwhisk_action_duration_seconds_sum{namespace="guest",initiator="guest",action="tools/hello",} 12.0
openwhisk_action_status{namespace="guest",initiator="guest",action="tools/hello",status="success",} 44.0
openwhisk_action_status{namespace="guest",initiator="guest",action="tools/hello",status="application_error",} 3.0
openwhisk_action_status{namespace="guest",initiator="guest",action="tools/hello",status="action_developer_error",} 2.0
openwhisk_action_status{namespace="guest",initiator="guest",action="tools/hello",status="whisk_internal_error",} 1.0
jvm_threads_current 31.0
)";

EventTable TableOf(std::string_view text) {
  EventTable table;
  const absl::Status read = ReadExposition(text, [&](const ExpositionSample& sample) {
    AddUserEvent(
        sample.name,
        [&](std::string_view name) -> std::string_view {
          const auto found = sample.labels.find(std::string(name));
          return found == sample.labels.end() ? std::string_view() : found->second;
        },
        sample.value, table);
  });
  EXPECT_TRUE(read.ok()) << read;
  return table;
}

TEST(UserEvents, SumsOverInitiators) {
  const EventTable table = TableOf(kMetrics);
  ASSERT_EQ(table.size(), 2u);
  const EventCounters& hello = table.at("guest/tools/hello");
  EXPECT_EQ(hello.activations, 50);
  EXPECT_EQ(hello.cold_starts, 4);
  EXPECT_EQ(hello.developer_errors, 2);
  EXPECT_EQ(hello.platform_errors, 1);
  EXPECT_EQ(hello.duration.total(), 50);
  EXPECT_EQ(table.at("guest/idle").activations, 3);
}

TEST(UserEvents, FiguresAreOfWhatCameSince) {
  EventDifferences differences(SimTime::Minutes(10));
  EventCounters counters = TableOf(kMetrics).at("guest/tools/hello");
  const SimTime window = SimTime::Seconds(10);
  // Of the first reading nobody knows when it was.
  EXPECT_EQ(differences.Take(counters, SimTime::Seconds(10), window, 1).arrivals, 0u);
  EventCounters then = counters;
  then.activations += 30;
  then.cold_starts += 2;
  then.developer_errors += 1;
  then.wait_sum += 5;
  then.init_sum += 3;
  then.duration_sum += 18;
  then.duration.Add(0.2, 15);
  then.duration.Add(0.4, 30);
  then.duration.Add(std::numeric_limits<double>::infinity(), 30);
  const ActionFigures figures = differences.Take(then, SimTime::Seconds(20), window, 1);
  EXPECT_EQ(figures.arrivals, 30u);
  EXPECT_EQ(figures.completions, 29u);
  EXPECT_EQ(figures.failures, 1u);
  EXPECT_EQ(figures.cold_starts, 2u);
  EXPECT_DOUBLE_EQ(figures.mean_in_flight, (18 - 3) / 10.0);
  EXPECT_DOUBLE_EQ(figures.mean_queued, (5 + 3) / 10.0);
  EXPECT_EQ(figures.containers, 2u);
  ASSERT_TRUE(figures.duration_seconds);
  EXPECT_DOUBLE_EQ(figures.duration_seconds->Quantile(0.5), 0.2);
  EXPECT_DOUBLE_EQ(differences.cold_start_ms(), 1500);
  EXPECT_DOUBLE_EQ(differences.execution_ms(), 500);
}

TEST(UserEvents, AServiceThatWasStartedAnewBeginsAtZero) {
  EventDifferences differences(SimTime::Minutes(10));
  EventCounters counters;
  counters.activations = 1000;
  differences.Take(counters, SimTime::Seconds(10), SimTime::Seconds(10), 1);
  counters.activations = 7;
  EXPECT_EQ(differences.Take(counters, SimTime::Seconds(20), SimTime::Seconds(10), 1).arrivals, 7u);
}

TEST(UserEvents, ContainersAreRememberedForKeepAlive) {
  EventDifferences differences(SimTime::Seconds(60));
  EventCounters counters;
  differences.Take(counters, SimTime::Seconds(10), SimTime::Seconds(10), 1);
  counters.activations = counters.cold_starts = 5;
  EXPECT_EQ(differences.Take(counters, SimTime::Seconds(20), SimTime::Seconds(10), 1).containers,
            5u);
  EXPECT_EQ(differences.Take(counters, SimTime::Seconds(80), SimTime::Seconds(60), 1).containers,
            5u);
  EXPECT_EQ(differences.Take(counters, SimTime::Seconds(81), SimTime::Seconds(1), 1).containers,
            0u);
  counters.cold_starts += 2;
  differences.Take(counters, SimTime::Seconds(82), SimTime::Seconds(1), 1);
  differences.Renew();
  EXPECT_EQ(differences.Take(counters, SimTime::Seconds(83), SimTime::Seconds(1), 1).containers,
            0u);
}

TEST(UserEvents, FromTheServiceOrFromAPrometheusThatScrapesIt) {
  ScriptedServer server([](const ScriptedRequest& request) -> ScriptedReply {
    if (request.path == "/metrics") return {.body = kMetrics, .content_type = "text/plain"};
    if (request.path != "/api/v1/query") return {.status = 404};
    EXPECT_NE(request.query.at("query").find("coldStarts_total"), std::string::npos);
    return {.body = R"({"status":"success","data":{"resultType":"vector","result":[
      {"metric":{"__name__":"openwhisk_action_activations_total","namespace":"guest","action":"tools/hello"},
       "value":[1700000000,"50"]},
      {"metric":{"__name__":"openwhisk_action_duration_seconds_bucket","namespace":"guest","action":"tools/hello","le":"+Inf"},
       "value":[1700000000,"50"]}]}})"};
  });
  for (const bool prometheus : {false, true}) {
    WhiskUserEventsSpec spec;
    (prometheus ? spec.prometheus : spec.exporter) =
        prometheus ? server.url() : server.url() + "/metrics";
    UserEventsSource source(spec, nullptr, NetClock::Real());
    const auto round = source.Collect(NetClock::Real().Now(), SimTime::Seconds(1));
    ASSERT_TRUE(round->status.ok()) << round->status;
    EXPECT_EQ(round->table.at("guest/tools/hello").activations, 50);
    EXPECT_EQ(round->table.at("guest/tools/hello").duration.total(), 50);
  }
}

TEST(UserEvents, AServiceThatDoesNotAnswerIsAnError) {
  ScriptedServer server([](const ScriptedRequest&) -> ScriptedReply { return {.status = 500}; });
  WhiskUserEventsSpec spec;
  spec.exporter = server.url() + "/metrics";
  UserEventsSource source(spec, nullptr, NetClock::Real());
  EXPECT_FALSE(source.Collect(NetClock::Real().Now(), SimTime::Seconds(1))->status.ok());
}

}  // namespace
}  // namespace reeve
