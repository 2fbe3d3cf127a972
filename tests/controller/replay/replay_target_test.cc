#include "controller/replay/replay_target.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Function "resize" of tenant "acme" and application "shop", and "a b" of tenant "t2".
Trace TwoFunctions() {
  TraceBuilder builder;
  for (const auto& [name, tenant, app] :
       {std::tuple("resize", "acme", "shop"), std::tuple("a b", "t2", "x/y")}) {
    FunctionProfile profile;
    profile.name = name;
    profile.tenant = builder.Tenant(tenant);
    profile.app = builder.App(app);
    builder.AddFunction(profile);
  }
  builder.set_minimum_duration(SimTime::Minutes(1));
  return *builder.Build();
}

std::string Written(const ReplayTargetSpec& spec, uint32_t function, int64_t work_us = 12'345) {
  const Trace trace = TwoFunctions();
  const auto requests = TargetRequests::Make(spec, trace);
  EXPECT_TRUE(requests.ok()) << requests.status();
  if (!requests.ok()) return "";
  std::string out = "what was there before";
  requests->Write(function, work_us, out);
  return out;
}

std::string ErrorOf(const ReplayTargetSpec& spec) {
  const auto requests = TargetRequests::Make(spec, TwoFunctions());
  EXPECT_FALSE(requests.ok());
  return std::string(requests.status().message());
}

std::string SecretFile(const std::string& text) {
  const std::string path = testing::TempDir() + "replay_secret_" + std::to_string(text.size());
  EXPECT_TRUE(WriteFileAtomically(path, text).ok());
  return path;
}

ReplayTargetSpec Http(const std::string& url) {
  ReplayTargetSpec spec;
  spec.url = url;
  return spec;
}

TEST(TargetRequests, PutsTheFunctionIntoTheUrlAndTheWorkIntoTheBody) {
  EXPECT_EQ(Written(Http("http://10.0.0.7:8080/run/{function}?tenant={tenant}"), 0),
            "POST /run/resize?tenant=acme HTTP/1.1\r\n"
            "Host: 10.0.0.7:8080\r\n"
            "User-Agent: reeve-replay\r\nAccept: */*\r\n"
            "Content-Type: application/json\r\nContent-Length: 22\r\n\r\n"
            "{\"duration_ms\":12.345}");
}

TEST(TargetRequests, EncodesNames) {
  EXPECT_THAT(Written(Http("http://h/{app}/{function}/{index}"), 1),
              StartsWith("POST /x%2Fy/a%20b/1 HTTP/1.1\r\nHost: h\r\n"));
}

TEST(TargetRequests, WithoutBodyIsAGet) {
  ReplayTargetSpec spec = Http("http://h");
  spec.body = ReplayBody::kNone;
  spec.headers = {"X-Load: yes"};
  EXPECT_EQ(Written(spec, 0),
            "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: reeve-replay\r\nAccept: */*\r\n"
            "X-Load: yes\r\n\r\n");
}

TEST(TargetRequests, KnativeTellsServicesApartByHost) {
  ReplayTargetSpec spec = Http("http://192.0.2.1:31080/");
  spec.kind = ReplayTargetKind::kKnative;
  spec.names["a b"] = "a-b";
  EXPECT_THAT(Written(spec, 0),
              StartsWith("POST / HTTP/1.1\r\nHost: resize.default.example.com\r\n"));
  EXPECT_THAT(Written(spec, 1), HasSubstr("Host: a-b.default.example.com\r\n"));
  spec.host = "fn-{index}.{tenant}.svc.example.org:80";
  EXPECT_THAT(Written(spec, 1), HasSubstr("Host: fn-1.t2.svc.example.org:80\r\n"));
  spec.host = "";
  spec.names.clear();
  EXPECT_THAT(ErrorOf(spec), HasSubstr("'a b.default.example.com' of function 'a b' is no host "));
}

TEST(TargetRequests, OpenWhiskInvokesBlockingWithTheKeyOfTheNamespace) {
  ReplayTargetSpec spec = Http("https://whisk.example.com/api/v1/");
  spec.kind = ReplayTargetKind::kOpenWhisk;
  spec.space = "{tenant}";
  spec.key_file = SecretFile("Aladdin:open sesame\n");  // the example of RFC 7617
  spec.names["resize"] = "images/resize it";
  EXPECT_THAT(Written(spec, 0),
              StartsWith("POST /api/v1/namespaces/acme/actions/images/resize%20it?blocking=true "
                         "HTTP/1.1\r\nHost: whisk.example.com\r\n"
                         "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
  spec.key_files["t2"] = SecretFile("user:pass");
  EXPECT_THAT(Written(spec, 1), HasSubstr("Authorization: Basic dXNlcjpwYXNz\r\n"));
  spec.key_file.clear();
  EXPECT_THAT(ErrorOf(spec), HasSubstr("there is none for namespace 'acme'"));
  spec.key_file = SecretFile("nocolon");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("there is no colon"));
}

TEST(TargetRequests, CarriesABearerToken) {
  ReplayTargetSpec spec = Http("http://h/");
  spec.token_file = SecretFile("  t0ken \n");
  EXPECT_THAT(Written(spec, 0), HasSubstr("\r\nAuthorization: Bearer t0ken\r\n"));
  spec.token_file = SecretFile("two\nlines");
  EXPECT_THAT(ErrorOf(spec), HasSubstr("one line of text"));
}

TEST(TargetRequests, RefusesWhatCannotBe) {
  EXPECT_THAT(ErrorOf(Http("")), HasSubstr("say where requests go"));
  EXPECT_THAT(ErrorOf(Http("10.0.0.7/x")), HasSubstr("http:// or https:// is missing"));
  EXPECT_THAT(ErrorOf(Http("ftp://h/")), HasSubstr("neither http nor https"));
  EXPECT_THAT(ErrorOf(Http("http://u:p@h/")), HasSubstr("has a user in it"));
  EXPECT_THAT(ErrorOf(Http("http://{function}.h/")), HasSubstr("put it into `host`"));
  EXPECT_THAT(ErrorOf(Http("http://h/{name}")), HasSubstr("unknown placeholder 'name'"));
  EXPECT_THAT(ErrorOf(Http("http://h/{function")), HasSubstr("unknown placeholder"));
  EXPECT_THAT(ErrorOf(Http("http://h/a b")), HasSubstr("has blanks"));
  EXPECT_THAT(ErrorOf(Http("http://h/#x")), HasSubstr("fragment"));
  ReplayTargetSpec spec = Http("http://h/");
  spec.headers = {"X-A: 1\r\nX-B: 2"};
  EXPECT_THAT(ErrorOf(spec), HasSubstr("is not \"Name: value\""));
  spec.headers.clear();
  spec.names["other"] = "x";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("no function 'other'"));
  spec.names.clear();
  spec.key_file = "/nonexistent";
  EXPECT_THAT(ErrorOf(spec), HasSubstr("for openwhisk only"));
}

TEST(SplitTargetUrl, FindsAddressAndPath) {
  const auto split = [](const std::string& url) {
    const auto parts = SplitTargetUrl(url);
    EXPECT_TRUE(parts.ok()) << parts.status();
    return fmt::format("{} {} {} {}", parts->address.host, parts->address.port,
                       parts->address.tls ? "tls" : "plain", parts->path);
  };
  EXPECT_EQ(split("http://h"), "h 80 plain /");
  EXPECT_EQ(split("https://h?x=1"), "h 443 tls /?x=1");
  EXPECT_EQ(split("http://[::1]:81/a"), "::1 81 plain /a");
}

AnswerFacts Http200(std::string_view server_timing) {
  return JudgeAnswer(ReplayTargetKind::kHttp, 200, server_timing, "");
}

TEST(JudgeAnswer, ReadsServerTiming) {
  EXPECT_EQ(Http200("execution;dur=12.5").execution_us, 12'500);
  EXPECT_FALSE(Http200("execution;dur=12.5").cold);
  const AnswerFacts both = Http200("cache;desc=\"x\", cold;dur=900 , execution; desc=y; dur=3");
  EXPECT_EQ(both.execution_us, 3000);
  EXPECT_TRUE(both.cold);
  for (const char* nothing : {"", ",", ";", "execution", "execution;dur=", "execution;dur=-1",
                              "execution;dur=nan", "execution;dur=1x", "executions;dur=1"}) {
    EXPECT_FALSE(Http200(nothing).execution_us.has_value()) << nothing;
  }
}

TEST(JudgeAnswer, ReadsActivations) {
  const auto judge = [](int status, std::string_view body) {
    return JudgeAnswer(ReplayTargetKind::kOpenWhisk, status, "", body);
  };
  const AnswerFacts cold = judge(
      200, R"({"activationId":"1","duration":350,"annotations":[{"key":"waitTime","value":40},)"
           R"({"key":"initTime","value":300}],"response":{"status":"success"}})");
  EXPECT_EQ(cold.execution_us, 50'000);
  EXPECT_TRUE(cold.cold);
  const AnswerFacts warm = judge(200, R"({"duration":7,"annotations":[{"key":"waitTime"}]})");
  EXPECT_EQ(warm.execution_us, 7000);
  EXPECT_FALSE(warm.cold);
  for (const char* nothing : {"", "[]", "{", "{}", R"({"duration":"x"})",
                              R"({"annotations":[{"key":"initTime","value":1}]})"}) {
    EXPECT_FALSE(judge(200, nothing).execution_us.has_value()) << nothing;
    EXPECT_FALSE(judge(200, nothing).cold) << nothing;
  }
  EXPECT_EQ(judge(202, R"({"activationId":"1"})").outcome, ReplayOutcome::kTimedOut);
  EXPECT_EQ(judge(502, R"({"duration":7})").outcome, ReplayOutcome::kFailed);
}

TEST(JudgeAnswer, TellsOutcomesByStatus) {
  const auto outcome = [](int status) {
    return JudgeAnswer(ReplayTargetKind::kHttp, status, "", "").outcome;
  };
  EXPECT_EQ(outcome(200), ReplayOutcome::kCompleted);
  EXPECT_EQ(outcome(202), ReplayOutcome::kCompleted);
  EXPECT_EQ(outcome(304), ReplayOutcome::kCompleted);
  EXPECT_EQ(outcome(429), ReplayOutcome::kRejected);
  EXPECT_EQ(outcome(503), ReplayOutcome::kRejected);
  EXPECT_EQ(outcome(504), ReplayOutcome::kTimedOut);
  EXPECT_EQ(outcome(404), ReplayOutcome::kFailed);
  EXPECT_EQ(outcome(500), ReplayOutcome::kFailed);
}

}  // namespace
}  // namespace reeve
