#include "controller/serve/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <thread>

#include "controller/serve/bearer_token.h"
#include "controller/serve/http_server.h"
#include "controller/serve/kept_state.h"
#include "controller/serve/loop_metrics.h"
#include "controller/store/expert_store.h"
#include "controller/store/store_reader.h"
#include "core/config.h"
#include "core/files.h"
#include "tests/agents/adapt/online_rig.h"
#include "tests/controller/fake_platform.h"
#include "traces/trace_file.h"

namespace reeve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// How the policy's learning stood last.
struct LearningSink : LoopSink {
  void OnTick(const TickRecord& tick) override {
    if (tick.adaptation != nullptr) last = *tick.adaptation;
  }
  void OnEvent(const EventRecord&) override {}
  std::optional<AdaptationNow> last;
};

class ServeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("reeve_serve_" + std::to_string(getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  // A workload of two tenants, ten minutes, and how it is served without HTTP.
  ServeConfig Config() {
    TraceBuilder builder;
    for (int f = 0; f < 4; ++f) {
      FunctionProfile profile;
      profile.name = "f" + std::to_string(f);
      profile.tenant = builder.Tenant("t" + std::to_string(f % 2));
      profile.app = builder.App("app");
      profile.memory = Mebibytes(128);
      profile.duration_ms = Distribution::Constant(200);
      const FunctionId id = builder.AddFunction(profile);
      for (int minute = 0; minute < 10; ++minute) builder.AddCount(minute, id, 60);
    }
    EXPECT_TRUE(TraceFile::Write(*builder.Build(), Path("a.rtrace")).ok());
    ServeConfig config;
    config.sim.trace = Path("a.rtrace");
    config.http.listen = "";
    config.log.level = LogLevel::kWarning;
    config.loop.mode = ControlMode::kActive;
    return config;
  }

  std::filesystem::path folder_;
};

TEST_F(ServeTest, ASimulatedPlatformIsServedToItsEnd) {
  ServeConfig config = Config();
  config.store.path = Path("kept/reeve.db");
  config.loop.tenants["t1"] = {ControlMode::kShadow, false};
  const absl::StatusOr<ServeSummary> summary = Serve(config, {});
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->ticks, 301u);
  EXPECT_EQ(summary->functions, 4u);
  EXPECT_EQ(summary->taken_over, 2u);
  EXPECT_GT(summary->writes, 0u);
  EXPECT_EQ(summary->dropped, 0u);
  LogQuery query;
  query.kind = LogKind::kWindows;
  query.limit = 0;
  query.tenant = "t0";
  const auto windows = ReadLog(config.store.path, query);
  ASSERT_TRUE(windows.ok()) << windows.status();
  EXPECT_GT(windows->rows().size(), 400u);
  query.kind = LogKind::kDecisions;
  query.tenant = "t1";
  const auto decisions = ReadLog(config.store.path, query);
  ASSERT_TRUE(decisions.ok());
  ASSERT_FALSE(decisions->rows().empty());
  for (const auto& row : decisions->rows()) {
    EXPECT_EQ(row[3].value, "shadow");
    EXPECT_EQ(row[7].kind, Cell::Kind::kMissing);  // applied
  }
  query.kind = LogKind::kEvents;
  query.tenant = "";
  const auto events = ReadLog(config.store.path, query);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->rows().front()[1].value, "start");
  EXPECT_EQ(events->rows().back()[1].value, "stop");
}

// A policy that learns while it drives; what it learned is kept, and gone on from.
class ServeAdaptTest : public ServeTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Experts, ServeAdaptTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "InTheStore" : "InAFolder"; });

TEST_P(ServeAdaptTest, APolicyLearnsOnTheWay) {
  ServeConfig config = Config();
  config.adapt.emplace();
  config.adapt->learner.online.learner.form = Form::kMeanField;
  config.adapt->learner.online.learner.sharing = Sharing::kShared;
  config.adapt->learner.online.stretch = 8;
  config.adapt->learner.online.stretches = 1;
  EXPECT_THAT(std::string(Serve(config, {}).status().message()), HasSubstr("adapt.experts: name"));
  (GetParam() ? config.store.path : config.adapt->experts) = Path("experts");
  EXPECT_EQ(Serve(config, {}).status().code(), absl::StatusCode::kFailedPrecondition);
  ServeHooks hooks;
  hooks.trainers = [](const OnlineSpec&) { return FakeTrainers(); };
  std::vector<AdaptationNow> seen;
  for (int run = 0; run < 2; ++run) {
    LearningSink sink;
    hooks.sink = &sink;
    const absl::StatusOr<ServeSummary> summary = Serve(config, hooks);
    ASSERT_TRUE(summary.ok()) << summary.status();
    EXPECT_EQ(summary->ticks, 301u);
    EXPECT_EQ(summary->taken_over, 4u);
    EXPECT_EQ(summary->dropped, 0u);
    ASSERT_TRUE(sink.last.has_value());
    seen.push_back(*sink.last);
  }
  EXPECT_GE(seen[0].updates, 10u);
  auto storage = ExpertsAt(Path("experts"))(ExpertStorage::Access::kRead);
  ASSERT_TRUE(storage.ok()) << storage.status();
  const auto library = ExpertLibrary::Open(*std::move(storage), config.adapt->library,
                                           config.adapt->learner.detector.spread_prior());
  ASSERT_TRUE(library.ok()) << library.status();
  int64_t updates = 0;
  for (const auto& [environment, expert] : library->experts()) updates += expert.state.iteration;
  // An update that came at the very end may be there beside those that came into force.
  EXPECT_GE(updates, static_cast<int64_t>(seen[0].updates + seen[1].updates));
  config.sim.speed = 1;
  EXPECT_THAT(std::string(Serve(config, hooks).status().message()), HasSubstr("swap_after"));
}

TEST_F(ServeTest, WhatIsWrongIsSaidBeforeAnythingStarts) {
  ServeConfig config = Config();
  config.http = {"0.0.0.0:0", ""};
  EXPECT_EQ(Serve(config, {}).status().code(), absl::StatusCode::kFailedPrecondition);
  config = Config();
  config.http.tls.certificate = "a.pem";
  EXPECT_THAT(std::string(Serve(config, {}).status().message()), HasSubstr("http.tls"));
  config = Config();
  config.policy.name = "oracle_prewarm";
  EXPECT_THAT(std::string(Serve(config, {}).status().message()), HasSubstr("policy.name"));
  config = Config();
  config.sim.trace = Path("nowhere.rtrace");
  EXPECT_FALSE(Serve(config, {}).ok());
  config = Config();
  ASSERT_TRUE(WriteFileAtomically(Path("noise.db"), std::string(5000, 'n')).ok());
  config.store.path = Path("noise.db");
  EXPECT_EQ(Serve(config, {}).status().code(), absl::StatusCode::kDataLoss);
}

// The metrics that are served are those that docs/serve.md lists.
TEST_F(ServeTest, EveryMetricIsDocumented) {
  LoopFixture f({"t", "u"}, ControlMode::kActive);
  LoopMetrics metrics("fake", "kpa", SimTime::Seconds(2), nullptr);
  f.options.sinks = {&metrics};
  f.modes.Set("u", {ControlMode::kShadow, false});
  const LivePolicyMaker make = f.options.make_policy;
  f.options.make_policy = [&make](const auto& functions, const auto& tenants) {
    absl::StatusOr<LivePolicy> policy = make(functions, tenants);
    policy->adaptation = [n = uint64_t{0}]() mutable {
      AdaptationNow now;
      now.environment = 3;
      now.updates = ++n % 4;  // as one that is made anew at its fourth tick
      return now;
    };
    return policy;
  };
  ASSERT_TRUE(f.Run(6, [&](int n) {
                 f.platform.status[0].metrics_age = n == 6 ? SimTime::Max() : SimTime();
               }).ok());
  std::set<std::string> served, documented;
  const std::string text = metrics.Text();
  const std::regex type("# TYPE ((?:reeve|process)_[a-z0-9_]+) ");
  for (auto at = std::sregex_iterator(text.begin(), text.end(), type); at != std::sregex_iterator();
       ++at) {
    served.insert((*at)[1]);
  }
  const std::string docs = *ReadFile(std::string(REEVE_SOURCE) + "/docs/serve.md");
  const std::regex row("\\| `((?:reeve|process)_[a-z0-9_]+)(\\{[a-z_,]*\\})?` \\|");
  for (auto at = std::sregex_iterator(docs.begin(), docs.end(), row); at != std::sregex_iterator();
       ++at) {
    documented.insert((*at)[1]);
  }
  EXPECT_EQ(served, documented);
  EXPECT_THAT(text, HasSubstr("reeve_ticks_total 6\n"));
  EXPECT_THAT(text, HasSubstr("reeve_functions{mode=\"active\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("reeve_decisions_total{decider=\"hold\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("reeve_recommended_replicas{tenant=\"u\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("reeve_functions_held_or_fallen_back{reason=\"missing\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("reeve_writes_withheld_total{reason=\"shadow\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("reeve_take_overs_total 1\n"));
  EXPECT_THAT(text, HasSubstr("reeve_environment 3\n"));
  EXPECT_THAT(text, HasSubstr("reeve_expert_updates_total 5\n"));
}

// ---- HTTP

// A loop that has ticked, and its server.
class HttpTest : public ServeTest {
 protected:
  absl::Status Start(const HttpSpec& spec) {
    f_.options.sinks = {&past_};
    EXPECT_TRUE(f_.Run(2).ok());
    HttpSources sources;
    sources.past = &past_;
    sources.page.policy = "fake";
    sources.loop = &*f_.loop;
    sources.clock = &f_.clock;
    sources.modes = &f_.modes;
    sources.period = SimTime::Seconds(2);
    sources.metrics = [] { return std::string("reeve_ticks_total 2\n"); };
    sources.switched = [&](const std::string& tenant, const TenantMode&) {
      switched_.push_back(tenant);
    };
    auto server = HttpServer::Start(spec, std::move(sources));
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    client_.emplace("127.0.0.1", server_->port());
    return absl::OkStatus();
  }
  std::string TokenFile(const std::string& token) {
    EXPECT_TRUE(WriteFileAtomically(Path("token"), token).ok());
    return Path("token");
  }
  int Get(const std::string& path, const httplib::Headers& headers = {}) {
    const auto answer = client_->Get(path.c_str(), headers);
    return answer ? answer->status : -1;
  }
  int Post(const std::string& body, const std::string& token) {
    const auto answer =
        client_->Post("/api/v1/tenants", {{"Authorization", token}}, body, "application/json");
    return answer ? answer->status : -1;
  }

  LoopFixture f_{{"t", "u"}, ControlMode::kShadow};
  RecentPast past_{1 << 20};
  std::vector<std::string> switched_;
  std::unique_ptr<HttpServer> server_;
  std::optional<httplib::Client> client_;
};

TEST_F(HttpTest, ReadingIsFreeOnLoopbackAndSwitchingIsNot) {
  ASSERT_TRUE(Start({"127.0.0.1:0", ""}).ok());
  EXPECT_EQ(Get("/metrics"), 200);
  EXPECT_EQ(Get("/healthz"), 200);
  EXPECT_EQ(Get("/readyz"), 200);
  EXPECT_EQ(Get("/nothing"), 404);
  EXPECT_EQ(client_->Delete("/metrics")->status, 403);
  const auto state = client_->Get("/api/v1/state?tenant=u");
  ASSERT_TRUE(state);
  const nlohmann::json json = nlohmann::json::parse(state->body);
  ASSERT_EQ(json["functions"].size(), 1u);
  EXPECT_EQ(json["functions"][0]["name"], "b");
  EXPECT_EQ(json["functions"][0]["wished"]["replicas"], 3);
  EXPECT_EQ(json["functions"][0]["why"], "shadow");
  EXPECT_EQ(Post(R"({"tenant": "t", "mode": "active"})", ""), 403);
  EXPECT_EQ(f_.modes.Of("t").mode, ControlMode::kShadow);
}

TEST_F(HttpTest, TheTokenSwitchesTenantsAndIsReadAgain) {
  ASSERT_TRUE(Start({"127.0.0.1:0", TokenFile("first\n")}).ok());
  const std::string body = R"({"tenant": "t", "mode": "active"})";
  EXPECT_EQ(Post(body, ""), 401);
  EXPECT_EQ(Post(body, "Bearer firs"), 401);
  EXPECT_EQ(Post(body, "Bearer firstfirst"), 401);
  EXPECT_EQ(Post(body, "first"), 401);
  EXPECT_EQ(Post(body, "Bearer first"), 200);
  EXPECT_EQ(f_.modes.Of("t"), (TenantMode{ControlMode::kActive, false}));
  EXPECT_EQ(Post(R"({"tenant": "t", "paused": true})", "Bearer first"), 200);
  EXPECT_EQ(f_.modes.Of("t"), (TenantMode{ControlMode::kActive, true}));
  EXPECT_THAT(switched_, ElementsAre("t", "t"));
  TokenFile("second");
  std::filesystem::last_write_time(
      Path("token"), std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(Post(body, "Bearer first"), 401);
  EXPECT_EQ(Post(body, "Bearer second"), 200);
  std::filesystem::remove(Path("token"));
  EXPECT_EQ(Post(body, "Bearer second"), 401);
}

TEST_F(HttpTest, BadRequestsChangeNothing) {
  ASSERT_TRUE(Start({"127.0.0.1:0", TokenFile("x")}).ok());
  for (const char* body :
       {"", "[]", "{", R"({"tenant": "t"})", R"({"mode": "active"})",
        R"({"tenant": "t", "mode": "on"})", R"({"tenant": "t", "mode": 1})",
        R"({"tenant": "t", "mode": "active", "more": 1})", R"({"tenant": "t", "paused": 1})"}) {
    EXPECT_EQ(Post(body, "Bearer x"), 400) << body;
  }
  EXPECT_EQ(Post(R"({"tenant": "nobody", "mode": "off"})", "Bearer x"), 404);
  EXPECT_EQ(Post(std::string(100'000, ' '), "Bearer x"), 413);
  EXPECT_THAT(switched_, IsEmpty());
}

TEST_F(HttpTest, OtherMachinesNeedTheTokenForAllButHealth) {
  EXPECT_EQ(Start({"0.0.0.0:0", ""}).code(), absl::StatusCode::kFailedPrecondition);
  f_.platform.observations = 0;
  ASSERT_TRUE(Start({"0.0.0.0:0", TokenFile("x")}).ok());
  EXPECT_EQ(Get("/metrics"), 401);
  EXPECT_EQ(Get("/api/v1/state"), 401);
  EXPECT_EQ(Get("/api/v1/live"), 401);
  EXPECT_EQ(Get("/api/v1/history"), 401);
  EXPECT_EQ(Get("/api/v1/events"), 401);
  EXPECT_EQ(Get("/api/v1/why?function=id/a"), 401);
  // The page has no data, and a browser cannot send a token before it has the page.
  EXPECT_EQ(Get("/"), 200);
  EXPECT_EQ(Get("/page.js"), 200);
  EXPECT_EQ(Get("/page.jsx"), 401);
  EXPECT_EQ(Get("/metrics", {{"Authorization", "Bearer x"}}), 200);
  EXPECT_EQ(Get("/healthz"), 200);
}

TEST_F(HttpTest, ThePageIsServedUnderAStrictPolicy) {
  ASSERT_TRUE(Start({"127.0.0.1:0", ""}).ok());
  const auto page = client_->Get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
  const std::string policy = page->get_header_value("Content-Security-Policy");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_EQ(policy.find("unsafe"), std::string::npos) << policy;
  EXPECT_EQ(page->get_header_value("X-Content-Type-Options"), "nosniff");
  // All that it loads is there, and comes from here.
  const std::regex loads("(?:src|href)=\"([^\"#]+)\"");
  std::set<std::string> files;
  for (auto at = std::sregex_iterator(page->body.begin(), page->body.end(), loads);
       at != std::sregex_iterator(); ++at) {
    if ((*at)[1] != "data:,") files.insert((*at)[1]);
  }
  EXPECT_THAT(files, UnorderedElementsAre("page.css", "page.js", "chart.js"));
  for (const std::string& file : files) {
    const auto answer = client_->Get(("/" + file).c_str());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_GT(answer->body.size(), 1000u);
    // A file whose name is wrong would be left out in silence.
    EXPECT_EQ(answer->body.find("\n\n\n"), std::string::npos) << file;
  }
}

TEST_F(HttpTest, ThePageIsToldOfTheLoop) {
  ASSERT_TRUE(Start({"127.0.0.1:0", TokenFile("x")}).ok());
  const auto ask = [&](const std::string& path, const httplib::Headers& headers = {}) {
    const auto answer = client_->Get(path.c_str(), headers);
    EXPECT_TRUE(answer && answer->status == 200) << path;
    return answer ? nlohmann::json::parse(answer->body) : nlohmann::json();
  };
  const nlohmann::json live = ask("/api/v1/live");
  EXPECT_EQ(live["functions"]["replicas_wished"], (nlohmann::json{3, 3}));
  EXPECT_EQ(live["policy"], "fake");
  EXPECT_EQ(live["access"]["may_switch"], false);
  EXPECT_EQ(live["access"]["needs_token"], true);
  const httplib::Headers token = {{"Authorization", "Bearer x"}};
  EXPECT_EQ(ask("/api/v1/live", token)["access"]["may_switch"], true);
  EXPECT_FALSE(ask("/api/v1/live?seen=1").contains("functions"));
  EXPECT_TRUE(ask("/api/v1/live?seen=-1").contains("functions"));
  EXPECT_EQ(ask("/api/v1/history?function=id%2Fa&since=1")["columns"]["seq"], nlohmann::json{1});
  EXPECT_EQ(ask("/api/v1/history")["columns"]["seq"], (nlohmann::json{0, 1}));
  EXPECT_GE(ask("/api/v1/events")["events"].size(), 2u);
  EXPECT_EQ(ask("/api/v1/why?function=id%2Fb")["function"]["why"], "shadow");
  EXPECT_EQ(Get("/api/v1/why?function=nobody"), 404);
  EXPECT_EQ(Get("/api/v1/why"), 404);
}

// A stranger's page whose name leads to this machine is no reader on it.
TEST_F(HttpTest, OnLoopbackReadersAskThisMachine) {
  ASSERT_TRUE(Start({"127.0.0.1:0", TokenFile("x")}).ok());
  for (const char* host : {"localhost", "localhost:9464", "127.0.0.1:80", "[::1]:80", "[::1]"}) {
    EXPECT_EQ(Get("/api/v1/state", {{"Host", host}}), 200) << host;
  }
  for (const char* host :
       {"evil.example", "evil.example:9464", "localhost.evil.example", "[", "1"}) {
    EXPECT_EQ(Get("/api/v1/state", {{"Host", host}}), 401) << host;
    EXPECT_EQ(Get("/", {{"Host", host}}), 401) << host;
    EXPECT_EQ(Get("/healthz", {{"Host", host}}), 200) << host;
    EXPECT_EQ(Get("/api/v1/state", {{"Host", host}, {"Authorization", "Bearer x"}}), 200) << host;
  }
}

TEST_F(HttpTest, HealthAndReadinessTellTheTruth) {
  ASSERT_TRUE(Start({"127.0.0.1:0", ""}).ok());
  f_.clock.Advance(SimTime::Seconds(59));
  EXPECT_EQ(Get("/healthz"), 200);
  f_.clock.Advance(SimTime::Seconds(2));
  EXPECT_EQ(Get("/healthz"), 503);
  EXPECT_EQ(Get("/readyz"), 503);
}

TEST_F(HttpTest, NotReadyWhileThePlatformDoesNotAnswer) {
  f_.platform.observe_status = absl::UnavailableError("down");
  ASSERT_TRUE(Start({"127.0.0.1:0", ""}).ok());
  EXPECT_EQ(Get("/healthz"), 200);
  EXPECT_EQ(Get("/readyz"), 503);
}

TEST_F(HttpTest, APortThatIsTakenIsSaid) {
  ASSERT_TRUE(Start({"127.0.0.1:0", ""}).ok());
  const int taken = server_->port();
  LoopFixture other({"t"}, ControlMode::kShadow);
  ASSERT_TRUE(other.Run(1).ok());
  HttpSources sources;
  sources.loop = &*other.loop;
  sources.clock = &other.clock;
  sources.modes = &other.modes;
  sources.metrics = [] { return std::string(); };
  const auto second = HttpServer::Start({"127.0.0.1:" + std::to_string(taken), ""}, sources);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ServeTest, TokensThatCannotBeAreRefused) {
  for (const char* text : {"", " \n", "two words", "tab\tbed", "\x80"}) {
    ASSERT_TRUE(WriteFileAtomically(Path("token"), text).ok());
    EXPECT_EQ(BearerToken(Path("token")).Check().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_EQ(BearerToken(Path("none")).Check().code(), absl::StatusCode::kNotFound);
}

// ---- restarts

TEST(KeptStateTest, SwitchesHoldUntilTheConfigurationSaysOtherwise) {
  LoopSpec spec;
  spec.mode = ControlMode::kShadow;
  spec.tenants["a"] = {ControlMode::kActive, false};
  const std::string kept = WriteModes({{"a", {ControlMode::kOff, false}},
                                       {"b", {ControlMode::kActive, true}},
                                       {"c", {ControlMode::kShadow, false}}},
                                      spec);
  const auto after = ModesAfterRestart(kept, spec);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->at("a"), (TenantMode{ControlMode::kOff, false}));
  EXPECT_EQ(after->at("b"), (TenantMode{ControlMode::kActive, true}));
  EXPECT_FALSE(after->contains("c"));
  spec.tenants["a"] = {ControlMode::kShadow, false};  // somebody means it
  EXPECT_EQ(ModesAfterRestart(kept, spec)->at("a"), (TenantMode{ControlMode::kShadow, false}));
  for (const char* broken : {"[", "[]", R"({"a": 1})", R"({"a": {"switched": {}}})"}) {
    EXPECT_EQ(ModesAfterRestart(broken, spec).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_THAT(*ReadIds(WriteIds({"x/y", "z"})), ElementsAre("x/y", "z"));
  EXPECT_FALSE(ReadIds("{}").ok());
}

// What was taken over by a run that ended badly is handed back by the next, when it is not wanted.
TEST(KeptStateTest, FunctionsLeftTakenAreHandedBack) {
  LoopFixture f({"t", "u"}, ControlMode::kShadow);
  f.modes.Set("u", {ControlMode::kActive, false});
  f.options.left_taken = {"id/a", "id/b", "id/gone"};
  ASSERT_TRUE(f.Run(2, [&](int n) {
                 if (n == 2) {
                   EXPECT_THAT(f.platform.handed_back, ElementsAre(0));
                   EXPECT_THAT(f.loop->Ours(), ElementsAre("id/b"));
                 }
               }).ok());
  EXPECT_THAT(f.platform.taken, IsEmpty());
}

}  // namespace
}  // namespace reeve
