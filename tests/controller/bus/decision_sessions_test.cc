#include "controller/bus/decision_sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <random>

#include "agents/policy_factory.h"
#include "controller/live_policies.h"
#include "tests/controller/bus/bus_testing.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;
namespace wire = bus::v1;

constexpr SimTime kPeriod = SimTime::Seconds(2);

DecisionSessions::Options OptionsFor(const std::string& policy) {
  PolicySpec spec;
  spec.name = policy;
  auto maker = MakeLivePolicies(spec, kPeriod, 1);
  EXPECT_TRUE(maker.ok()) << maker.status();
  DecisionSessions::Options options;
  options.make_policy = *std::move(maker);
  options.policy_name = policy;
  options.period = kPeriod;
  return options;
}

class SessionsTest : public ::testing::Test {
 protected:
  explicit SessionsTest(DecisionSessions::Options options = OptionsFor("kpa"))
      : sessions_(std::move(options)) {}

  wire::Reply Ask(const wire::Request& request, const std::string& peer = "key") {
    return ParseReply(sessions_.Handle(peer, request.SerializeAsString(), now_));
  }
  wire::Reply Hello(const std::string& session, uint64_t id = 1, int functions = 2,
                    const std::string& peer = "key") {
    return ParseReply(sessions_.Handle(peer, HelloBytes(session, id, functions), now_));
  }
  wire::ErrorCode CodeOf(const wire::Request& request, const std::string& peer = "key") {
    return Ask(request, peer).error().code();
  }

  SimTime now_ = SimTime::Seconds(1000);
  DecisionSessions sessions_;
};

// Two sessions, interleaved, decide what two policies of the library decide by themselves.
TEST_F(SessionsTest, EachSessionHasAPolicyOfItsOwn) {
  const auto first = MakePolicy({}), second = MakePolicy({});
  ASSERT_TRUE(Hello("a", 1, 3).has_welcome());
  ASSERT_TRUE(Hello("b", 1, 2).has_welcome());
  for (int k = 1; k <= 40; ++k) {
    for (const auto& [session, policy, functions, phase] :
         {std::tuple("a", first->get(), size_t{3}, 0),
          std::tuple("b", second->get(), size_t{2}, 9)}) {
      Snapshot window = MakeWindow(k + phase, functions);
      std::vector<Decision> expected(functions);
      ASSERT_TRUE(policy->Decide(window, expected).ok());
      const wire::Reply reply = Ask(SnapshotRequest(session, static_cast<uint64_t>(k) + 1, window));
      ASSERT_EQ(reply.id(), static_cast<uint64_t>(k) + 1);
      ASSERT_EQ(reply.decisions().decisions_size(), static_cast<int>(functions));
      for (size_t f = 0; f < functions; ++f) {
        EXPECT_EQ(*ReadDecision(reply.decisions().decisions(static_cast<int>(f))), expected[f]);
      }
    }
  }
  EXPECT_EQ(sessions_.counts().decisions, 80u);
}

TEST_F(SessionsTest, WelcomeTellsThePolicyAndThePeriod) {
  const wire::Reply reply = Hello("a", 7);
  EXPECT_EQ(reply.id(), 7u);
  EXPECT_EQ(reply.session(), "a");
  EXPECT_EQ(reply.welcome().policy(), "kpa");
  EXPECT_EQ(reply.welcome().period_us(), 2'000'000);
  EXPECT_EQ(reply.welcome().session_timeout_us(), 600'000'000);
}

TEST_F(SessionsTest, ARequestThatComesAgainIsTakenOnce) {
  Hello("a");
  const wire::Request request = SnapshotRequest("a", 2, MakeWindow(1, 2));
  const std::string once = sessions_.Handle("key", request.SerializeAsString(), now_);
  const std::string again = sessions_.Handle("key", request.SerializeAsString(), now_);
  EXPECT_EQ(once, again);
  EXPECT_TRUE(ParseReply(once).has_decisions());
  EXPECT_EQ(sessions_.counts().decisions, 1u);
  EXPECT_EQ(sessions_.counts().repeated, 1u);
  // Under another number it is a window of the past.
  EXPECT_EQ(CodeOf(SnapshotRequest("a", 3, MakeWindow(1, 2))), wire::INVALID);
}

TEST_F(SessionsTest, HelloAgainBeginsAnew) {
  Hello("a", 1, 2);
  Ask(SnapshotRequest("a", 2, MakeWindow(9, 2)));
  ASSERT_TRUE(Hello("a", 3, 1).has_welcome());
  EXPECT_EQ(sessions_.size(), 1u);
  // Time may begin anew, and there is another number of functions.
  EXPECT_EQ(Ask(SnapshotRequest("a", 4, MakeWindow(1, 1))).decisions().decisions_size(), 1);
}

TEST_F(SessionsTest, SessionsOfAnotherKeyAreNotThere) {
  Hello("a", 1, 2, "alice");
  EXPECT_EQ(CodeOf(SnapshotRequest("a", 2, MakeWindow(1, 2)), "mallory"), wire::UNKNOWN_SESSION);
  wire::Request goodbye = MakeRequest("a", 2);
  goodbye.mutable_goodbye();
  EXPECT_EQ(CodeOf(goodbye, "mallory"), wire::UNKNOWN_SESSION);
  EXPECT_TRUE(Ask(SnapshotRequest("a", 2, MakeWindow(1, 2)), "alice").has_decisions());
}

TEST_F(SessionsTest, SilentSessionsExpireAndHeartbeatsKeepThem) {
  Hello("silent");
  Hello("alive");
  wire::Request heartbeat = MakeRequest("alive", 2);
  heartbeat.mutable_heartbeat();
  now_ += SimTime::Minutes(9);
  EXPECT_TRUE(Ask(heartbeat).has_heartbeat());
  now_ += SimTime::Minutes(2);
  sessions_.Expire(now_);
  EXPECT_EQ(sessions_.size(), 1u);
  EXPECT_EQ(sessions_.counts().expired, 1u);
  EXPECT_EQ(CodeOf(SnapshotRequest("silent", 2, MakeWindow(1, 2))), wire::UNKNOWN_SESSION);
  EXPECT_TRUE(Ask(SnapshotRequest("alive", 3, MakeWindow(1, 2))).has_decisions());
}

TEST_F(SessionsTest, GoodbyeEndsASession) {
  Hello("a");
  wire::Request goodbye = MakeRequest("a", 2);
  goodbye.mutable_goodbye();
  EXPECT_TRUE(Ask(goodbye).has_goodbye());
  EXPECT_EQ(sessions_.size(), 0u);
}

TEST_F(SessionsTest, AWakeIsAnsweredAtOnce) {
  Hello("a");
  wire::Request wake = MakeRequest("a", 3);
  wake.mutable_wake()->set_function(1);
  wake.mutable_wake()->set_time_us(2'500'000);
  EXPECT_EQ(CodeOf(wake), wire::INVALID);  // nothing is known yet
  const auto policy = MakePolicy({});
  uint64_t id = 3;
  Decision expected;
  std::vector<uint32_t> ready = {1, 1};
  for (int k = 1; k <= 100; ++k) {
    Snapshot idle;
    idle.window = kPeriod;
    idle.time = SimTime::Seconds(2 * k);
    idle.functions.Resize(2);
    idle.functions.containers_ready = idle.functions.replicas_asked = ready;
    std::vector<Decision> decisions(2);
    ASSERT_TRUE((*policy)->Decide(idle, decisions).ok());
    for (size_t f = 0; f < 2; ++f) {
      if (decisions[f].replicas) ready[f] = static_cast<uint32_t>(*decisions[f].replicas);
    }
    ASSERT_TRUE(Ask(SnapshotRequest("a", ++id, idle)).has_decisions());
  }
  // KPA has gone to zero by then, and brings one back when it is poked.
  ASSERT_EQ(ready[1], 0u);
  (*policy)->Wake(FunctionId(1), SimTime::Millis(200'500), expected);
  ASSERT_TRUE(expected.replicas);
  wake.set_id(++id);
  wake.mutable_wake()->set_time_us(200'500'000);
  const wire::Reply reply = Ask(wake);
  ASSERT_EQ(reply.decisions().decisions_size(), 1);
  EXPECT_EQ(*ReadDecision(reply.decisions().decisions(0)), expected);
  wake.set_id(++id);
  wake.mutable_wake()->set_function(2);
  EXPECT_EQ(CodeOf(wake), wire::INVALID);
  wake.set_id(++id);
  wake.mutable_wake()->set_function(0);
  wake.mutable_wake()->set_time_us(1);
  EXPECT_EQ(CodeOf(wake), wire::INVALID);
}

TEST_F(SessionsTest, BytesThatAreNoRequestGetAnError) {
  for (const std::string bytes : {"", "garbage", "\xff\xff\xff\xff\xff\xff", "\x0a"}) {
    const wire::Reply reply = ParseReply(sessions_.Handle("key", bytes, now_));
    EXPECT_TRUE(reply.has_error());
  }
  std::mt19937 random(7);
  const std::string sound = SnapshotRequest("a", 2, MakeWindow(1, 2)).SerializeAsString();
  Hello("a");
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = sound;
    for (int change = 0; change < 4; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    ParseReply(sessions_.Handle("key", bytes, now_));
  }
  EXPECT_LE(sessions_.size(), 8u);
}

TEST_F(SessionsTest, RequestsThatAreNotOfThisVersionAreToldSo) {
  wire::Request request = SnapshotRequest("a", 2, MakeWindow(1, 2));
  request.set_version(2);
  const wire::Reply reply = Ask(request);
  EXPECT_EQ(reply.error().code(), wire::VERSION);
  EXPECT_EQ(reply.id(), 2u);
  EXPECT_THAT(reply.error().message(), HasSubstr("version 2"));
  request.set_version(1);
  request.clear_snapshot();
  Hello("a");
  EXPECT_EQ(CodeOf(request), wire::MALFORMED);
  request.set_id(0);
  EXPECT_EQ(CodeOf(request), wire::MALFORMED);
  request.set_id(1);
  request.set_session(std::string(65, 's'));
  EXPECT_EQ(CodeOf(request), wire::MALFORMED);
}

TEST_F(SessionsTest, WhatCannotBeChangesNothing) {
  const auto policy = MakePolicy({});
  Hello("a", 1, 2);
  uint64_t id = 1;
  for (int k = 1; k <= 10; ++k) {
    const Snapshot sound = MakeWindow(k, 2);
    wire::Request bad = SnapshotRequest("a", ++id, sound);
    bad.mutable_snapshot()->mutable_functions()->set_mean_in_flight(
        0, std::numeric_limits<double>::quiet_NaN());
    EXPECT_EQ(CodeOf(bad), wire::INVALID);
    bad = SnapshotRequest("a", ++id, sound);
    bad.mutable_snapshot()->mutable_functions()->set_latency_p50_ms(1, 300);  // above p95
    EXPECT_EQ(CodeOf(bad), wire::INVALID);
    bad = SnapshotRequest("a", ++id, sound);
    bad.mutable_snapshot()->mutable_cluster()->set_memory_held_mebibytes(600'000);
    EXPECT_EQ(CodeOf(bad), wire::INVALID);
    std::vector<Decision> expected(2);
    ASSERT_TRUE((*policy)->Decide(sound, expected).ok());
    const wire::Reply reply = Ask(SnapshotRequest("a", ++id, sound));
    EXPECT_EQ(*ReadDecision(reply.decisions().decisions(0)), expected[0]);
    EXPECT_EQ(*ReadDecision(reply.decisions().decisions(1)), expected[1]);
  }
}

TEST_F(SessionsTest, FunctionsMustBeNamedAndDiffer) {
  wire::Request request = MakeRequest("a", 1);
  request.mutable_hello();
  EXPECT_EQ(CodeOf(request), wire::INVALID);
  request.mutable_hello()->add_functions("f");
  request.mutable_hello()->add_functions("f");
  EXPECT_EQ(CodeOf(request), wire::INVALID);
  request.mutable_hello()->set_functions(1, "g");
  request.mutable_hello()->add_tenants("t");
  EXPECT_EQ(CodeOf(request), wire::INVALID);
  request.mutable_hello()->add_tenants(std::string(257, 't'));
  EXPECT_EQ(CodeOf(request), wire::LIMIT);
  request.mutable_hello()->set_tenants(1, "t");
  EXPECT_TRUE(Ask(request).has_welcome());
}

class LimitedSessionsTest : public SessionsTest {
 protected:
  static DecisionSessions::Options Limited() {
    DecisionSessions::Options options = OptionsFor("kpa");
    options.limits.most = 3;
    options.limits.most_of_one = 2;
    options.limits.functions = 5;
    return options;
  }
  LimitedSessionsTest() : SessionsTest(Limited()) {}
};

TEST_F(LimitedSessionsTest, NoMoreThanIsAllowed) {
  EXPECT_TRUE(Hello("a", 1, 5, "alice").has_welcome());
  EXPECT_EQ(Hello("x", 1, 6, "alice").error().code(), wire::LIMIT);
  EXPECT_TRUE(Hello("b", 1, 1, "alice").has_welcome());
  EXPECT_EQ(Hello("c", 1, 1, "alice").error().code(), wire::LIMIT);
  EXPECT_TRUE(Hello("a", 2, 1, "alice").has_welcome());  // anew, in its place
  EXPECT_TRUE(Hello("a", 1, 1, "bob").has_welcome());
  EXPECT_EQ(Hello("a", 1, 1, "carol").error().code(), wire::LIMIT);
  EXPECT_EQ(sessions_.size(), 3u);
}

// Clients may send any numbers that pass the checks, at times that leap: no policy may take long
// over them, or fall.
TEST(Sessions, NoPolicyStumblesOverExtremeNumbers) {
  for (const std::string& policy : PolicyNames()) {
    if (policy == "learned" || policy == "oracle_prewarm") continue;  // need a file, or the trace
    SCOPED_TRACE(policy);
    DecisionSessions sessions(OptionsFor(policy));
    ParseReply(sessions.Handle("key", HelloBytes("a", 1, 2), {}));
    uint64_t id = 1;
    for (const int64_t time :
         {int64_t{2'000'000}, int64_t{4'000'000}, int64_t{60'000'000'000},
          int64_t{1'000'000'000'000'000}, int64_t{4'000'000'000'000'000'000}}) {
      wire::Request request = SnapshotRequest("a", ++id, MakeWindow(1, 2));
      wire::Windows& w = *request.mutable_snapshot()->mutable_functions();
      request.mutable_snapshot()->set_time_us(time);
      request.mutable_snapshot()->set_window_us(id % 2 == 0 ? 2'000'000 : 1);
      w.set_arrivals(0, 2'000'000'000);
      w.set_queued(0, 2'000'000'000);
      w.set_in_flight(0, 2'000'000'000);
      w.set_mean_in_flight(0, 2e9);
      w.set_containers_ready(0, 100'000);
      w.set_replicas_asked(0, 10'000'000);
      w.set_cpu_used_millicores(0, 1e12);
      w.set_memory_used_mebibytes(0, 1e12);
      w.set_latency_p99_ms(0, 1e12F);
      w.set_execution_p99_ms(0, 1e12F);
      w.set_cpu_limit_millicores(0, id % 2 == 0 ? 1 : 1'000'000'000'000);
      w.set_memory_limit_mebibytes(0, 1'000'000'000'000);
      w.set_slo_latency_us(0, 1);
      const auto begin = std::chrono::steady_clock::now();
      const wire::Reply reply = ParseReply(sessions.Handle("key", request.SerializeAsString(), {}));
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      EXPECT_TRUE(reply.has_decisions()) << reply.ShortDebugString();
      EXPECT_LT(took.count(), 5) << "at " << time;
      for (const wire::Decision& decision : reply.decisions().decisions()) {
        EXPECT_TRUE(!decision.has_replicas() || decision.replicas() >= 0) << decision.replicas();
      }
    }
  }
}

}  // namespace
}  // namespace reeve
