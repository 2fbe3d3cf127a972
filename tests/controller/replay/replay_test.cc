#include "controller/replay/replay.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <stdexcept>

#include "core/files.h"
#include "core/status.h"
#include "runs/run_folder.h"
#include "runs/terminal_summary.h"
#include "tests/controller/replay/load_target.h"
#include "tests/controller/scripted_server.h"
#include "traces/arrival_stream.h"

namespace reeve {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Reply = LoadTarget::Reply;
using Request = LoadTarget::Request;

// `count` requests of one function of 1 ms, one every `gap_us`, the first after a gap.
Trace Evenly(int count, int64_t gap_us, int functions = 1) {
  TraceBuilder builder;
  for (int f = 0; f < functions; ++f) {
    FunctionProfile profile;
    profile.name = fmt::format("f{}", f);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App("a");
    profile.duration_ms = Distribution::Constant(1);
    builder.AddFunction(profile);
  }
  for (int i = 0; i < count; ++i) {
    builder.AddInvocation({.start_us = (i + 1) * gap_us,
                           .duration_us = 1000,
                           .function = static_cast<uint32_t>(i % functions),
                           .reserved = 0});
  }
  return *builder.Build();
}

LiveReplaySpec SpecFor(const std::string& url) {
  LiveReplaySpec spec;
  spec.trace = "test";
  spec.target.url = url + "/{function}";
  spec.request_timeout = SimTime::Seconds(20);
  // With the other ends, which are in this process too, within the 1,024 files that every process
  // may have.
  spec.max_in_flight = 400;
  return spec;
}

RunData Replayed(const Trace& trace, const LiveReplaySpec& spec, const ReplayHooks& hooks = {}) {
  auto data = RunReplay(trace, spec, hooks);
  if (!data.ok()) throw std::runtime_error(MessageOf(data.status()));  // ends the test
  return *std::move(data);
}

// A busy machine adds to latencies, and takes nothing away.
constexpr double kBusyMs = 400;

// Every request has ended in exactly one way.
void ExpectAllAccounted(const RunSummary& s) {
  EXPECT_EQ(s.arrivals, s.completions + s.failures + s.timeouts + s.rejections + s.unfinished);
  if (s.complete) {
    EXPECT_EQ(s.arrivals, s.replay->sent + s.replay->never_sent);
  }
}

double QuantileOf(const RunData& data, double q) {
  for (const QuantileRow& row : data.quantiles) {
    if (std::abs(row.quantile - q) < 1e-9) return row.latency_ms.value_or(-1);
  }
  ADD_FAILURE() << "no quantile " << q;
  return -1;
}

TEST(Replay, SendsEachRequestWhenItIsDue) {
  std::mutex mutex;
  std::map<std::string, std::vector<LoadTarget::Clock::time_point>> came;
  LoadTarget target([&](const Request& request) {
    const std::lock_guard lock(mutex);
    came[request.target].push_back(request.at);
    return Reply{};
  });
  const Trace trace = Evenly(600, 2000, 3);
  const RunData data = Replayed(trace, SpecFor(target.url()));
  const RunSummary& s = data.summary;
  EXPECT_TRUE(s.complete);
  EXPECT_EQ(s.arrivals, 600u);
  EXPECT_EQ(s.completions, 600u);
  ExpectAllAccounted(s);
  EXPECT_EQ(s.replay->sent, 600u);
  ASSERT_EQ(came.size(), 3u);
  for (const auto& [path, times] : came) {
    ASSERT_EQ(times.size(), 200u) << path;
    // A request every 6 ms: 199 gaps between the first and the last.
    const double span_ms =
        std::chrono::duration<double, std::milli>(times.back() - times.front()).count();
    EXPECT_NEAR(span_ms, 199 * 6, kBusyMs) << path;
  }
  // Half of the requests at least find a processor soon, even on a busy machine.
  EXPECT_LT(s.replay->timing_error_p50_ms, 10);
  EXPECT_GE(s.replay->timing_error_max_ms, s.replay->timing_error_p99_ms);
  EXPECT_GE(s.simulated_seconds, 1.2);
}

TEST(Replay, AStallShowsInThePercentilesAsItMust) {
  // 250 requests a second for 3 s; what comes within the second from 1.0 s on waits for its end.
  // Of N = 750 requests 250 wait, evenly from 1 s down to 0: a share q of all is at or below
  // 1 s - (1 - q) 3 s. A closed loop would have seen one slow request.
  Stall stall(milliseconds(1000), milliseconds(1000));
  LoadTarget target(
      [&](const Request& request) { return Reply{.not_before = stall.AnswerTime(request.at)}; });
  const RunData data = Replayed(Evenly(750, 4000), SpecFor(target.url()));
  EXPECT_EQ(data.summary.completions, 750u);
  for (const double q : {0.75, 0.80, 0.90, 0.99}) {
    const double expected_ms = 1000 - (1 - q) * 3000;
    EXPECT_GT(QuantileOf(data, q), expected_ms - 40) << q;
    EXPECT_LT(QuantileOf(data, q), expected_ms + kBusyMs) << q;
  }
  EXPECT_LT(QuantileOf(data, 0.50), kBusyMs);
  // All of them were under way together: nothing was held back.
  EXPECT_GT(data.summary.replay->most_in_flight, 237u);
  EXPECT_EQ(data.summary.replay->held_back, 0u);
  // The share above 250 ms, the least objective that there is: 750 ms of the stalled second.
  EXPECT_GT(data.summary.slo_violation_share, 0.23);
  EXPECT_LT(data.summary.slo_violation_share, 0.40);
}

TEST(Replay, AStallShowsEvenWhenConnectionsAreFew) {
  // The same with 10 connections: the 490 others wait here instead of there.
  Stall stall(milliseconds(1000), milliseconds(1000));
  LoadTarget target(
      [&](const Request& request) { return Reply{.not_before = stall.AnswerTime(request.at)}; });
  LiveReplaySpec spec = SpecFor(target.url());
  spec.max_in_flight = 10;
  const RunData data = Replayed(Evenly(1500, 2000), spec);
  EXPECT_EQ(data.summary.completions, 1500u);
  for (const double q : {0.80, 0.90, 0.99}) {
    const double expected_ms = 1000 - (1 - q) * 3000;
    EXPECT_GT(QuantileOf(data, q), expected_ms - 40) << q;
    EXPECT_LT(QuantileOf(data, q), expected_ms + kBusyMs) << q;
  }
  EXPECT_EQ(data.summary.replay->most_in_flight, 10u);
  EXPECT_GT(data.summary.replay->held_back, 450u);
  EXPECT_GE(data.summary.replay->late, data.summary.replay->held_back / 2);
  EXPECT_GT(data.summary.replay->timing_error_max_ms, 900);
}

TEST(Replay, ASlowTargetDoesNotSlowTheSending) {
  LoadTarget target(
      [](const Request& request) { return Reply{.not_before = request.at + milliseconds(300)}; });
  const RunData data = Replayed(Evenly(200, 5000), SpecFor(target.url()));
  // Little's law: 200 a second for 0.3 s each.
  EXPECT_GE(data.summary.replay->most_in_flight, 55u);
  EXPECT_GE(*data.summary.latency_p50_ms, 297);  // buckets are at most 0.8 % wide
  EXPECT_LT(*data.summary.latency_p50_ms, 300 + kBusyMs);
  ASSERT_FALSE(data.intervals.empty());
  // The mean over the run's 1.3 s: what latencies add up to.
  EXPECT_NEAR(data.intervals[0].mean_in_flight + data.intervals[0].mean_queued,
              200 * *data.summary.latency_mean_ms / 1000 / data.summary.simulated_seconds, 1);
}

TEST(Replay, WhatTheBoundHoldsBackKeepsItsIntendedStart) {
  // Ten at a time, 100 ms each: the last of 200 due at 5 ms each is answered after 2 s, 1 s after
  // it was due. In between the latency grows evenly from 0.1 s.
  LoadTarget target(
      [](const Request& request) { return Reply{.not_before = request.at + milliseconds(100)}; });
  LiveReplaySpec spec = SpecFor(target.url());
  spec.max_in_flight = 10;
  const RunData data = Replayed(Evenly(200, 5000), spec);
  EXPECT_EQ(data.summary.completions, 200u);
  EXPECT_GT(*data.summary.latency_p50_ms, 550 - 40);
  EXPECT_LT(*data.summary.latency_p50_ms, 600 + kBusyMs);
  EXPECT_GT(*data.summary.latency_p95_ms, 1000 - 40);
  EXPECT_LT(*data.summary.latency_p95_ms, 1050 + kBusyMs);
  EXPECT_EQ(data.summary.replay->most_in_flight, 10u);
  EXPECT_GT(data.summary.replay->held_back, 150u);
}

TEST(Replay, WhatIsNeverAnsweredTimesOutSentOrNot) {
  LoadTarget target([](const Request&) { return Reply{.never = true}; });
  // All due at once, one connection: one is sent.
  TraceBuilder builder;
  FunctionProfile profile;
  profile.name = "f";
  profile.tenant = builder.Tenant("t");
  profile.app = builder.App("a");
  builder.AddFunction(profile);
  for (int i = 0; i < 20; ++i) builder.AddInvocation({1000, 1000, 0, 0});
  LiveReplaySpec spec = SpecFor(target.url());
  spec.max_in_flight = 1;
  spec.request_timeout = SimTime::Millis(200);
  const RunData data = Replayed(*builder.Build(), spec);
  EXPECT_EQ(data.summary.timeouts, 20u);
  EXPECT_EQ(data.summary.completions, 0u);
  EXPECT_EQ(data.summary.replay->sent, 1u);
  EXPECT_EQ(data.summary.replay->never_sent, 19u);
  EXPECT_EQ(data.summary.slo_violations, 20u);
  EXPECT_LT(data.summary.simulated_seconds, 2);
  ExpectAllAccounted(data.summary);
}

TEST(Replay, ConnectionsThatAreRefusedAreFailures) {
  std::atomic<int> answered = 0;
  LoadTarget target(
      [&](const Request&) { return Reply{.close = true, .stop_listening = ++answered == 5}; });
  const RunData data = Replayed(Evenly(20, 20'000), SpecFor(target.url()));
  EXPECT_EQ(data.summary.completions, 5u);
  EXPECT_EQ(data.summary.failures, 15u);
  EXPECT_EQ(data.summary.replay->failed_connections, 15u);
  ExpectAllAccounted(data.summary);
}

TEST(Replay, AnswersThatAreCutAreFailures) {
  std::atomic<int> came = 0;
  LoadTarget target(
      [&](const Request&) { return Reply{.body = "0123456789", .cut = ++came % 3 == 0}; });
  const RunData data = Replayed(Evenly(30, 5000), SpecFor(target.url()));
  EXPECT_EQ(data.summary.completions, 20u);
  EXPECT_EQ(data.summary.failures, 10u);
  EXPECT_EQ(data.summary.replay->failed_answers, 10u);
}

TEST(Replay, NoHttpIsAFailure) {
  RawServer server("SSH-2.0-OpenSSH_9.2\r\n");
  const RunData data = Replayed(Evenly(5, 5000), SpecFor(server.url()));
  EXPECT_EQ(data.summary.failures, 5u);
  EXPECT_EQ(data.summary.completions, 0u);
  ExpectAllAccounted(data.summary);
}

TEST(Replay, StatusesAreOutcomes) {
  std::atomic<int> came = 0;
  constexpr unsigned kStatuses[] = {200, 429, 500, 504, 503};
  LoadTarget target([&](const Request&) { return Reply{.status = kStatuses[came++ % 5]}; });
  const RunData data = Replayed(Evenly(50, 5000), SpecFor(target.url()));
  EXPECT_EQ(data.summary.completions, 10u);
  EXPECT_EQ(data.summary.rejections, 20u);
  EXPECT_EQ(data.summary.failures, 10u);
  EXPECT_EQ(data.summary.timeouts, 10u);
  EXPECT_EQ(data.summary.replay->failed_statuses, 10u);
  // Connections are used again: none for each request.
  EXPECT_LT(data.summary.replay->connections, 50u);
}

TEST(Replay, NobodyThereIsSaidAtOnce) {
  int port = 0;
  {
    port = LoadTarget([](const Request&) { return Reply{}; }).port();
  }
  const auto data = RunReplay(Evenly(1, 1000), SpecFor("http://127.0.0.1:" + std::to_string(port)));
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(data.status().message()),
              HasSubstr(fmt::format("127.0.0.1:{}: cannot connect", port)));
}

TEST(Replay, AnInterruptionKeepsWhatWasMeasured) {
  LoadTarget target(
      [](const Request& request) { return Reply{.not_before = request.at + milliseconds(150)}; });
  ReplayHooks hooks;
  hooks.on_tick = [](const ReplayProgress& now) { return now.completions < 50; };
  const RunData data = Replayed(Evenly(10'000, 5000), SpecFor(target.url()), hooks);
  EXPECT_FALSE(data.summary.complete);
  EXPECT_GE(data.summary.completions, 50u);
  EXPECT_LT(data.summary.arrivals, 10'000u);
  EXPECT_GT(data.summary.unfinished, 0u);
  ExpectAllAccounted(data.summary);
  EXPECT_FALSE(data.intervals.empty());
}

TEST(Replay, TimeRunsFasterAndStopsWhenTold) {
  LoadTarget target([](const Request&) { return Reply{}; });
  LiveReplaySpec spec = SpecFor(target.url());
  spec.speed = 4;
  EXPECT_NEAR(Replayed(Evenly(100, 20'000), spec).summary.simulated_seconds, 0.5 + 0.2, 0.2);
  spec.speed = 1;
  spec.limit = 7;
  EXPECT_EQ(Replayed(Evenly(100, 1000), spec).summary.arrivals, 7u);
  spec.limit = 0;
  spec.duration = SimTime::Millis(100);
  // Due at 10, 20, …, 90 ms.
  EXPECT_EQ(Replayed(Evenly(100, 10'000), spec).summary.arrivals, 9u);
  spec.duration = SimTime::Max();
  spec.from = SimTime::Minutes(1);
  // 10 s apart: of those at 10, 20, …, 70 s the last two come within 10.1 s of the first minute's
  // end.
  spec.speed = 100;
  EXPECT_EQ(Replayed(Evenly(7, 10'000'000), spec).summary.arrivals, 2u);
  spec.from = SimTime::Minutes(10);
  EXPECT_FALSE(RunReplay(Evenly(7, 10'000'000), spec).ok());
}

TEST(Replay, ItsRequestsAreThoseOfASimulationWithTheSameSeed) {
  std::mutex mutex;
  std::vector<std::string> came;
  LoadTarget target([&](const Request& request) {
    const std::lock_guard lock(mutex);
    came.push_back(request.target + " " + request.body);
    return Reply{};
  });
  TraceBuilder builder;
  for (const char* name : {"a", "b"}) {
    FunctionProfile profile;
    profile.name = name;
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App("x");
    profile.duration_ms = Distribution::Exponential(80);
    builder.AddCount(0, builder.AddFunction(profile), 40);
  }
  const Trace trace = *builder.Build();
  LiveReplaySpec spec = SpecFor(target.url());
  spec.seed = 7;
  spec.speed = 100;
  Replayed(trace, spec);

  std::vector<std::string> expected;
  auto arrivals = MakeArrivalSource(trace, {7, spec.within_minute});
  for (ArrivalBatch batch; arrivals->Next(batch);) {
    for (const Arrival& arrival : batch.arrivals) {
      expected.push_back(fmt::format("/{} {{\"duration_ms\":{}.{:03}}}",
                                     trace.functions()[arrival.function].name,
                                     arrival.work_us / 1000, arrival.work_us % 1000));
    }
  }
  EXPECT_EQ(expected.size(), 80u);
  // Requests on different connections may overtake each other.
  std::ranges::sort(came);
  std::ranges::sort(expected);
  EXPECT_EQ(came, expected);
}

TEST(Replay, WhatTheTargetTellsIsRecorded) {
  std::atomic<int> came = 0;
  LoadTarget target([&](const Request& request) {
    const bool cold = came++ % 4 == 0;
    return Reply{
        .headers = {{"Server-Timing", cold ? "execution;dur=20, cold" : "execution;dur=20"}},
        .not_before = request.at + milliseconds(cold ? 60 : 30)};
  });
  const RunData data = Replayed(Evenly(40, 5000), SpecFor(target.url()));
  EXPECT_EQ(data.summary.cold_starts, 10u);
  EXPECT_EQ(data.summary.replay->told, 40u);
  // Buckets of a function are at most 6.25 % wide.
  EXPECT_NEAR(*data.functions[0].execution_p50_ms, 20, 1.3);
  EXPECT_GE(*data.functions[0].wait_p99_ms, 39 * 0.94);
  EXPECT_LT(*data.functions[0].wait_p99_ms, 40 + kBusyMs);
}

TEST(Replay, ItsRunIsAFolderThatComparesWithASimulation) {
  LoadTarget target([](const Request&) { return Reply{}; });
  RunData data = Replayed(Evenly(50, 2000), SpecFor(target.url()));
  data.summary.name = "live";
  const std::string path = testing::TempDir() + "replay_run_folder";
  std::filesystem::remove_all(path);
  auto folder = RunFolder::Create(path, data.config_yaml, false);
  ASSERT_TRUE(folder.ok()) << folder.status();
  ASSERT_TRUE(folder->Write(data).ok());
  const auto read = ReadRun(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->summary, data.summary);
  EXPECT_EQ(read->functions.size(), 1u);

  RunSummary simulated;
  simulated.name = "simulated";
  simulated.gb_seconds = 5;
  const RunSummary both[] = {read->summary, simulated};
  const std::string table = SummaryTable(both).ToCsv();
  // What a replay cannot see wins no comparison.
  EXPECT_THAT(table, HasSubstr("\ngb_seconds,,5,,\n"));
  EXPECT_THAT(table, HasSubstr("\ncold_starts,,0,,\n"));
  EXPECT_THAT(table, HasSubstr("\nreplay.timing_error_p99_ms,"));
}

TEST(Replay, TlsIsVerified) {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedReply{.body = "{}"}; },
                        ScriptedServer::Security::kTls);
  LiveReplaySpec spec = SpecFor(server.url());
  const std::string path = testing::TempDir() + "replay_ca.pem";
  ASSERT_TRUE(WriteFileAtomically(path, TestCertificates::Get().ca_pem).ok());
  spec.target.ca_file = path;
  const RunData data = Replayed(Evenly(10, 10'000), spec);
  EXPECT_EQ(data.summary.completions, 10u);
  ASSERT_TRUE(WriteFileAtomically(path, TestCertificates::Get().other_ca_pem).ok());
  const auto refused = RunReplay(Evenly(10, 10'000), spec);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable) << refused.status();
}

}  // namespace
}  // namespace reeve
