// Invocations, their records, and what keeps them from being too many.
#include <gmock/gmock.h>

#include "tests/controller/openwhisk_server/model_fixture.h"
#include "traces/trace.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ActivationsTest : public ModelTest {};

TEST_F(ActivationsTest, BlockingGivesTheRecordOrTheResult) {
  Create("f", R"(, "parameters": [{"key": "a", "value": 1}, {"key": "b", "value": 2}])");
  const Answer whole = Invoke("f", R"({"b": 3})");
  ASSERT_EQ(whole.code, 200) << whole.text;
  EXPECT_EQ(whole.activation, whole.body["activationId"]);
  EXPECT_EQ(whole.body["response"]["result"], json::parse(R"({"a": 1, "b": 3})"));
  EXPECT_EQ(whole.body["response"]["status"], "success");
  EXPECT_EQ(whole.body["response"]["success"], true);
  EXPECT_EQ(whole.body["response"]["size"], 13);  // {"a":1,"b":3}
  EXPECT_EQ(whole.body["end"].get<int64_t>() - whole.body["start"].get<int64_t>(),
            whole.body["duration"].get<int64_t>());
  EXPECT_EQ(whole.body["start"], 1'700'000'000'000 + 750);
  const Answer result = Invoke("f", "{}", "blocking=true&result=true");
  EXPECT_EQ(result.body, json::parse(R"({"a": 1, "b": 2})"));
  EXPECT_EQ(result.activation.size(), 32u);
}

TEST_F(ActivationsTest, ErrorsOfTheActionAreBadGateways) {
  Create("f");
  Answer a = Invoke("f", R"({"error": "no"})");
  EXPECT_EQ(a.code, 502);
  EXPECT_EQ(a.body["response"]["status"], "application error");
  EXPECT_EQ(a.body["statusCode"], 1);
  Create("slow", R"(, "limits": {"timeout": 100})");  // as long as it takes
  a = Invoke("slow");
  EXPECT_EQ(a.code, 502);
  EXPECT_EQ(a.body["response"]["status"], "action developer error");
  EXPECT_EQ(a.body["response"]["result"]["error"],
            "The action exceeded its time limits of 100 milliseconds.");
  EXPECT_EQ(Annotation(a.body, "timeout"), true);
}

TEST_F(ActivationsTest, WhoWaitsTooLongGetsTheId) {
  config_.behaviour.duration_ms = Distribution::Constant(90000);
  Create("f", R"(, "limits": {"timeout": 200000})");
  const auto slot = Send("POST", "/api/v1/namespaces/_/actions/f?blocking=true", "{}");
  const auto soon = Send("POST", "/api/v1/namespaces/_/actions/f?blocking=true&timeout=500", "{}");
  Pass(SimTime::Millis(499));
  EXPECT_FALSE(soon->has_value());
  Pass(SimTime::Millis(1));
  ASSERT_TRUE(soon->has_value());
  EXPECT_EQ((*soon)->code, 202);
  Pass(SimTime::Seconds(59));
  EXPECT_FALSE(slot->has_value());
  Pass(SimTime::Seconds(1));
  ASSERT_TRUE(slot->has_value());
  EXPECT_EQ((*slot)->code, 202);
  const std::string id = (*slot)->body["activationId"];
  EXPECT_EQ(Ask("GET", "activations/" + id).code, 404);  // it has not ended
  Pass(SimTime::Seconds(60));
  EXPECT_EQ(Ask("GET", "activations/" + id).code, 200);
  const Answer wrong = Ask("POST", "actions/f?timeout=60001");
  EXPECT_EQ(wrong.code, 400);
  EXPECT_THAT(wrong.error(), HasSubstr("Timeout must be number of milliseconds up to 60000."));
}

TEST_F(ActivationsTest, ListsAreNewestFirst) {
  Create("f");
  Create("g");
  std::vector<std::string> ids;
  std::vector<int64_t> starts;
  for (int i = 0; i < 6; ++i) {
    const Answer a = Invoke(i % 2 == 0 ? "f" : "g");
    ids.push_back(a.activation);
    starts.push_back(a.body["start"]);
    Pass(SimTime::Seconds(1));
  }
  const json all = Ask("GET", "activations").body;
  ASSERT_EQ(all.size(), 6u);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(all[i]["activationId"], ids[5 - i]);
  EXPECT_FALSE(all[0].contains("response"));
  EXPECT_EQ(all[0]["statusCode"], 0);
  const json docs = Ask("GET", "activations?docs=true&limit=1").body;
  ASSERT_EQ(docs.size(), 1u);
  EXPECT_EQ(docs[0]["response"]["result"], json::object());
  EXPECT_TRUE(docs[0].contains("logs"));
  EXPECT_EQ(Ask("GET", "activations?name=f").body.size(), 3u);
  EXPECT_EQ(Ask("GET", "activations?name=f&count=true").body, json({{"activations", 3}}));
  EXPECT_EQ(Ask("GET", "activations?skip=4").body.size(), 2u);
  const std::string since = std::to_string(starts[2]), upto = std::to_string(starts[4]);
  EXPECT_EQ(Ask("GET", "activations?since=" + since).body.size(), 4u);
  EXPECT_EQ(Ask("GET", "activations?upto=" + upto).body.size(), 5u);
  EXPECT_EQ(Ask("GET", "activations?since=" + since + "&upto=" + upto).body.size(), 3u);
  EXPECT_EQ(Ask("GET", "activations?count=true&docs=true").error(),
            "The parameter 'docs' is not permitted with 'count'.");
  EXPECT_THAT(Ask("GET", "activations?since=x").error(),
              HasSubstr("Parameter is not a valid value for epoch seconds: x"));
  EXPECT_EQ(Ask("GET", "activations/" + ids[0] + "/logs").body, json::parse(R"({"logs": []})"));
  EXPECT_EQ(Ask("GET", "activations/" + ids[0] + "/result").body["success"], true);
  EXPECT_EQ(Ask("GET", "activations/abc").error(), "Activation id length is 3 but must be 32.");
  EXPECT_EQ(Ask("GET", "activations", "", kOther).body, json::array());
  EXPECT_EQ(Ask("GET", "activations/" + ids[0], "", kOther).code, 404);
}

TEST_F(ActivationsTest, OldRecordsGo) {
  config_.kept_activations = 3;
  Create("f");
  std::string first;
  for (int i = 0; i < 5; ++i) {
    const Answer a = Invoke("f");
    if (i == 0) first = a.activation;
  }
  EXPECT_EQ(Ask("GET", "activations").body.size(), 3u);
  EXPECT_EQ(Ask("GET", "activations/" + first).code, 404);
}

TEST_F(ActivationsTest, ThrottlesSayHowMany) {
  config_.namespaces["guest"].invocations_per_minute = 5;
  config_.namespaces["guest"].concurrent_invocations = 2;
  Create("f");
  EXPECT_EQ(Ask("POST", "actions/f").code, 202);
  EXPECT_EQ(Ask("POST", "actions/f").code, 202);
  Answer a = Ask("POST", "actions/f");
  EXPECT_EQ(a.code, 429);
  EXPECT_EQ(a.error(), "Too many concurrent requests in flight (count: 2, allowed: 2).");
  Pass(SimTime::Seconds(5));
  EXPECT_EQ(Ask("POST", "actions/f").code, 202);
  EXPECT_EQ(Ask("POST", "actions/f").code, 202);
  a = Ask("POST", "actions/f");
  EXPECT_EQ(a.code, 429);
  EXPECT_EQ(a.error(), "Too many requests in the last minute (count: 6, allowed: 5).");
  Pass(SimTime::Minutes(1));
  EXPECT_EQ(Ask("POST", "actions/f").code, 202);
  const std::string metrics = (*Send("GET", "/metrics", "", ""))->text;
  EXPECT_THAT(metrics,
              HasSubstr(R"(openwhisk_action_limit_concurrent_total{namespace="guest"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(openwhisk_action_limit_timed_total{namespace="guest"} 1)"));
}

TEST_F(ActivationsTest, UserEventsCountThem) {
  Create("f");
  Invoke("f");
  Invoke("f");
  const Answer answer = **Send("GET", "/metrics", "", "");
  const std::string labels = R"(namespace="guest",initiator="guest",action="f")";
  for (const std::string& line : {
           "openwhisk_action_activations_total{" + labels + R"(,kind="nodejs:20",memory="256"} 2)",
           "openwhisk_action_coldStarts_total{" + labels + "} 1",
           "openwhisk_action_initTime_seconds_sum{" + labels + "} 0.25",
           "openwhisk_action_waitTime_seconds_sum{" + labels + "} 0.75",
           "openwhisk_action_duration_seconds_count{" + labels + "} 2",
           // 0.35 s cold, 0.1 s warm.
           "openwhisk_action_duration_seconds_bucket{" + labels + R"(,le="0.1"} 1)",
           "openwhisk_action_duration_seconds_bucket{" + labels + R"(,le="0.5"} 2)",
           "openwhisk_action_status{" + labels + R"(,status="success"} 2)",
           "openwhisk_action_memory{" + labels + "} 256",
       }) {
    EXPECT_THAT(answer.text, HasSubstr(line));
  }
}

TEST_F(ActivationsTest, SequencesRunOneAfterTheOther) {
  Create("a", R"(, "parameters": [{"key": "p", "value": 1}])");
  Create("b", R"(, "parameters": [{"key": "q", "value": 2}])");
  const Answer put =
      Ask("PUT", "actions/s", R"({"exec": {"kind": "sequence", "components": ["/_/a", "/_/b"]}})");
  ASSERT_EQ(put.code, 200) << put.text;
  EXPECT_EQ(put.body["exec"]["components"], json::parse(R"(["/guest/a", "/guest/b"])"));
  const Answer a = Invoke("s", R"({"x": 0})");
  ASSERT_EQ(a.code, 200) << a.text;
  EXPECT_EQ(a.body["response"]["result"], json::parse(R"({"p": 1, "q": 2, "x": 0})"));
  ASSERT_EQ(a.body["logs"].size(), 2u);
  const json first = Ask("GET", "activations/" + a.body["logs"][0].get<std::string>()).body;
  EXPECT_EQ(first["name"], "a");
  EXPECT_EQ(first["cause"], a.activation);
  EXPECT_EQ(Annotation(first, "causedBy"), "sequence");
  EXPECT_EQ(a.body["duration"], 700);  // both cold: 350 each
  EXPECT_EQ(Ask("PUT", "actions/s?overwrite=true",
                R"({"exec": {"kind": "sequence", "components": ["/_/s"]}})")
                .error(),
            "Sequence may not refer to itself.");
  EXPECT_EQ(
      Ask("PUT", "actions/t", R"({"exec": {"kind": "sequence", "components": ["/_/missing"]}})")
          .error(),
      "Sequence component does not exist.");
  const Answer failed = Invoke("s", R"({"error": 1})");
  EXPECT_EQ(failed.code, 502);
  EXPECT_EQ(failed.body["logs"].size(), 1u);
}

TEST_F(ActivationsTest, FaultsMeetWhomTheyShould) {
  Create("f");
  model_->SetFaults(
      {{.kind = FaultKind::kThrottleRate, .method = "PUT", .count = 1},
       {.kind = FaultKind::kError, .method = "GET", .path = "activations", .code = 502},
       {.kind = FaultKind::kCut, .method = "DELETE"},
       {.kind = FaultKind::kDelay, .path = "triggers", .delay = SimTime::Seconds(3)},
       {.kind = FaultKind::kDrop, .from = SimTime::Seconds(60), .path = "rules"}});
  EXPECT_EQ(Ask("PUT", "actions/f?overwrite=true", "{}").error(),
            "Too many requests in the last minute (count: 121, allowed: 120).");
  EXPECT_EQ(Ask("GET", "actions/f").body["version"], "0.0.1");
  EXPECT_EQ(Ask("PUT", "actions/f?overwrite=true", "{}").code, 200);
  EXPECT_EQ(Ask("GET", "activations").code, 502);
  const Answer cut = Ask("DELETE", "actions/f");
  EXPECT_EQ(cut.whole.cut, AnswerCut::kInBody);
  EXPECT_EQ(Ask("GET", "actions/f").code, 404);  // it was done
  const auto late = Send("GET", "/api/v1/namespaces/_/triggers");
  Pass(SimTime::Millis(2999));
  EXPECT_FALSE(late->has_value());
  Pass(SimTime::Millis(1));
  ASSERT_TRUE(late->has_value());
  EXPECT_EQ((*late)->code, 200);
  EXPECT_EQ(Ask("GET", "rules").whole.cut, AnswerCut::kNone);
  Pass(SimTime::Seconds(60));
  EXPECT_EQ(Ask("GET", "rules").whole.cut, AnswerCut::kBeforeHead);
}

TEST_F(ActivationsTest, TheLoadIsInvokedByTheServer) {
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "web:front";  // not a name that an action may have
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("a");
  profile.memory = Mebibytes(512);
  profile.duration_ms = Distribution::Constant(20);
  const FunctionId f = builder.AddFunction(profile);
  for (int i = 0; i < 10; ++i) {
    builder.AddInvocation(
        {.start_us = i * 2'000'000, .duration_us = 30'000, .function = f.index(), .reserved = 0});
  }
  builder.set_minimum_duration(SimTime::Seconds(20));
  config_.load.begin_after = SimTime::Seconds(10);
  config_.load.repeat = true;
  Make(std::make_unique<const Trace>(*builder.Build()));
  EXPECT_EQ(Ask("GET", "actions/web_front").body["limits"]["memory"], 512);
  Pass(SimTime::Seconds(9));
  EXPECT_EQ(Ask("GET", "activations?count=true").body["activations"], 0);
  Pass(SimTime::Seconds(20));  // the last of the round came at 28 s
  EXPECT_EQ(Ask("GET", "activations?count=true").body["activations"], 10);
  const json list = Ask("GET", "activations").body;
  EXPECT_EQ(list[0]["duration"], 30);
  EXPECT_EQ(list[0]["start"], 1'700'000'028'000);
  Pass(SimTime::Seconds(20));
  EXPECT_EQ(Ask("GET", "activations?count=true").body["activations"], 20);
}

}  // namespace
}  // namespace reeve::openwhisk_server
