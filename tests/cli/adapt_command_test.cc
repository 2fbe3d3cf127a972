#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/cli/cli_testing.h"

namespace reeve {
namespace {

class AdaptCommandTest : public CliTest {
 protected:
  AdaptCommandTest() {
    Write("scenario.yaml", R"yaml(
straggler:
  hold: 2m
  workloads:
    - {name: few, gap_ms: "exponential(mean=50)"}
    - {name: many, gap_ms: "exponential(mean=5)", size_ms: "bounded_pareto(low=3, high=50, alpha=1)"}
)yaml");
    Write("run.yaml", R"yaml(
name: two loads
scenario: scenario.yaml
length: 10m
context: {time: 5s}
detector: {confirm: 10s, min_dwell: 20s, learn: 30s, floor_sd: 1}
online:
  learner: {form: s_rl, actor: {width: 4, layers: 1}, critic: {width: 4, layers: 1}}
  stretch: 20
  stretches: 2
safeguard: {queue: {engage: 10, release: 3}, metrics: false}
)yaml");
  }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(Path(name), text).ok());
  }
};

TEST_F(AdaptCommandTest, WritesTimelineVisitsAndPage) {
  const Outcome o = Run(
      {"adapt", Path("run.yaml"), "--out", Path("run"), "--experts", Path("experts"), "--quiet"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("few"));
  EXPECT_THAT(o.out, HasSubstr("report: "));
  for (const char* file : {"config.yaml", "timeline.csv", "visits.csv", "summary.json"}) {
    EXPECT_TRUE(std::filesystem::exists(Path("run/" + std::string(file)))) << file;
  }
  EXPECT_THAT(ReadFile(Path("run/report.html")).value_or(""), HasSubstr("two loads"));
  const auto summary = nlohmann::json::parse(*ReadFile(Path("run/summary.json")));
  EXPECT_EQ(summary["visits"].size(), 5u);
  EXPECT_EQ(summary["complete"], true);

  // A run that is there stays, unless it is to go; experts that are there are gone on with.
  const Outcome again = Run({"adapt", Path("run.yaml"), "--out", Path("run"), "--quiet"});
  EXPECT_EQ(again.code, 3);
  EXPECT_THAT(again.err, HasSubstr("--force"));
  const Outcome replaced = Run({"adapt", Path("run.yaml"), "--out", Path("run"), "--experts",
                                Path("experts"), "--quiet", "--force"});
  ASSERT_EQ(replaced.code, 0) << replaced.err;
  EXPECT_EQ(nlohmann::json::parse(*ReadFile(Path("run/summary.json")))["learner"]["experts_begun"],
            0);
}

TEST_F(AdaptCommandTest, MistakesAreAnsweredWithTheirPlace) {
  ExpectUsageError({"adapt"}, "file is required");
  ExpectUsageError({"adapt", Path("none.yaml"), "--out", Path("x")}, "none.yaml");
  ExpectUsageError({"adapt", Path("run.yaml"), "--out", Path("x"), "--set", "online.methud=single"},
                   "method");
  ExpectUsageError({"adapt", Path("run.yaml"), "--out", Path("x"), "--set", "length=0s"}, "length");
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
  const Outcome o = Run({"adapt", Path("run.yaml"), "--out", Path("x"), "--quiet", "--set",
                         "scenario=elsewhere.yaml"});
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("elsewhere.yaml"));
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
}

TEST_F(AdaptCommandTest, AnInterruptLeavesTheRunSoFar) {
  const pid_t pid =
      Start({"adapt", Path("run.yaml"), "--out", Path("run"), "--quiet", "--set", "length=2000h"});
  while (!std::filesystem::exists(Path("run/config.yaml"))) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::kill(pid, SIGINT);
  const Outcome o = Finish(pid);
  EXPECT_EQ(o.code, 3) << o.err;
  EXPECT_THAT(o.err, HasSubstr("the run so far is in"));
  const auto summary = nlohmann::json::parse(*ReadFile(Path("run/summary.json")));
  EXPECT_EQ(summary["complete"], false);
}

}  // namespace
}  // namespace reeve
