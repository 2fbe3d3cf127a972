// `reeve replay` against a target; `reeve serve`, `record`, `simulate` and `twin` one after
// another.
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "tests/cli/cli_testing.h"
#include "tests/controller/replay/load_target.h"

namespace reeve {
namespace {

class ReplayCommandTest : public CliTest {
 protected:
  // Within the 1,024 files that every process may have.
  static constexpr const char* kFewFiles = "max_in_flight=100";

  // A hundred requests of two functions in a second.
  std::string Events() {
    std::string csv = "function,start,duration\n";
    for (int i = 0; i < 100; ++i) csv += fmt::format("f{},{},0.001\n", i % 2, 0.01 * (i + 1));
    EXPECT_TRUE(WriteFileAtomically(Path("events.csv"), csv).ok());
    return Path("events.csv");
  }
};

TEST_F(ReplayCommandTest, SendsATraceAndLeavesARun) {
  std::atomic<int> came = 0;
  LoadTarget target([&](const LoadTarget::Request&) {
    ++came;
    return LoadTarget::Reply{};
  });
  const std::string events = Events();
  const Outcome o =
      Run({"replay", "--trace", events, "--target", "http", "--url", target.url() + "/{function}",
           "--set", kFewFiles, "--out", Path("live"), "--quiet"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(came, 100);
  EXPECT_THAT(o.out, HasSubstr("timing error p99"));
  EXPECT_THAT(o.out, HasSubstr("100 requests in "));
  ASSERT_EQ(
      Run({"simulate", "--trace", events, "--policy", "kpa", "--out", Path("sim"), "--quiet"}).code,
      0);
  const Outcome both = Run({"report", Path("live"), Path("sim"), "--out", Path("both.html")});
  EXPECT_EQ(both.code, 0) << both.err;
  EXPECT_THAT(both.out, HasSubstr("GB-seconds"));
}

TEST_F(ReplayCommandTest, CtrlCKeepsWhatWasMeasured) {
  std::atomic<int> came = 0;
  LoadTarget target([&](const LoadTarget::Request&) {
    ++came;
    return LoadTarget::Reply{};
  });
  const pid_t pid = Start({"replay", "--trace", Events(), "--url", target.url(), "--speed", "0.01",
                           "--set", kFewFiles, "--out", Path("live"), "--quiet"});
  for (int i = 0; came < 3 && i < 4000; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::kill(pid, SIGINT);
  const Outcome o = Finish(pid);
  EXPECT_EQ(o.code, 3) << o.err;
  EXPECT_THAT(o.err, HasSubstr("interrupted after"));
  const auto summary = nlohmann::json::parse(ReadFile(Path("live/summary.json")).value());
  EXPECT_EQ(summary.at("complete"), false);
  EXPECT_GE(summary.at("completions").get<int>(), 2);
}

TEST_F(ReplayCommandTest, RefusesWhatCannotBe) {
  const std::string events = Events();
  ExpectUsageError({"replay", "--url", "http://h/"}, "say what to send");
  ExpectUsageError({"replay", "--trace", events}, "say where requests go");
  ExpectUsageError({"replay", "--trace", events, "--url", "http://h", "--target", "lambda"},
                   "allowed: http, knative, openwhisk");
  const Outcome o = Run(
      {"replay", "--trace", events, "--url", "http://127.0.0.1:1/", "--set", kFewFiles, "--quiet"});
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("127.0.0.1:1: cannot connect"));
}

TEST_F(ReplayCommandTest, FromALiveLoopToATwin) {
  Generated();
  Outcome o = Run({"serve", "--set", "sim.trace=" + Path("a.rtrace"), "--set", "http.listen=\"\"",
                   "--set", "loop.mode=active", "--set", "store.path=" + Path("reeve.db"), "--set",
                   "sim.cluster.cold_start.time_ms=lognormal(mean=1500, sd=300)"});
  ASSERT_EQ(o.code, 0) << o.err;
  o = Run({"record", Path("reeve.db"), "--out", Path("recorded")});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("recorded/trace.rtrace"));
  const auto stats = Stats(Path("recorded/trace.rtrace"));
  EXPECT_EQ(stats.at("invocations"), Stats(Path("a.rtrace")).at("invocations"));
  o = Run({"simulate", "--trace", Path("recorded/trace.rtrace"), "--policy", "kpa", "--quiet"});
  EXPECT_EQ(o.code, 0) << o.err;
  o = Run({"twin", "--observed", Path("recorded"), "--policy", "kpa", "--set", "fit.sweeps=1",
           "--set", "fit.interference=false", "--out", Path("twin"), "--quiet"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("cold_start_ms"));
  const auto twin = nlohmann::json::parse(ReadFile(Path("twin/twin.json")).value());
  EXPECT_LT(twin.at("fitted").at("after").at("error").get<double>(),
            twin.at("fitted").at("before").at("error").get<double>());
  o = Run({"simulate", "--trace", Path("twin/trace.rtrace"), "--cluster", Path("twin/cluster.yaml"),
           "--policy", "kpa", "--quiet"});
  EXPECT_EQ(o.code, 0) << o.err;
  o = Run({"twin", "--observed", Path("recorded"), "--out", Path("twin"), "--quiet"});
  EXPECT_THAT(o.err, HasSubstr("holds a twin"));
  ExpectUsageError({"twin"}, "say what was observed");
}

}  // namespace
}  // namespace reeve
