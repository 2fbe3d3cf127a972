// `reeve learner` as a program of its own, and runs that have it learn for them.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/cli/cli_testing.h"

namespace reeve {
namespace {

class LearnerCommandTest : public CliTest {
 protected:
  LearnerCommandTest() {
    Write("scenario.yaml", R"yaml(
straggler:
  hold: 2m
  workloads:
    - {name: few, gap_ms: "exponential(mean=50)"}
    - {name: many, gap_ms: "exponential(mean=5)"}
)yaml");
    Write("run.yaml", R"yaml(
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
    Write("learner.yaml", fmt::format("connect: ipc://{}\nanswer: 5s\n", Path("socket")));
  }
  ~LearnerCommandTest() override {
    if (learner_ > 0) Stop(SIGKILL);
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(Path(name), text).ok());
  }
  // Its output goes to files beside those of other programs.
  void StartLearner() {
    learner_ = ::fork();
    if (learner_ == 0) {
      std::freopen(Path("learner.out").c_str(), "w", stdout);
      std::freopen(Path("learner.err").c_str(), "w", stderr);
      const std::string bind = "ipc://" + Path("socket");
      ::execl(REEVE_PROGRAM, REEVE_PROGRAM, "learner", "--bind", bind.c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 600 && ReadFile(Path("learner.out")).value_or("").empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    EXPECT_EQ(*ReadFile(Path("learner.out")), "ipc://" + Path("socket") + "\n");
  }
  int Stop(int signal) {
    int status = 0;
    ::kill(learner_, signal);
    ::waitpid(learner_, &status, 0);
    learner_ = 0;
    return status;
  }
  nlohmann::json Adapt(const std::string& out, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"adapt", Path("run.yaml"), "--out", Path(out), "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome o = Run(arguments);
    EXPECT_EQ(o.code, 0) << o.err;
    err_ = o.err;
    return nlohmann::json::parse(*ReadFile(Path(out + "/summary.json")));
  }

  pid_t learner_ = 0;
  std::string err_;
};

TEST_F(LearnerCommandTest, WhatIsLearnedElsewhereIsTheSameToTheLastDigit) {
  StartLearner();
  const nlohmann::json here = Adapt("here", {});
  const nlohmann::json there = Adapt("there", {"--learner", Path("learner.yaml")});
  EXPECT_GT(here["learner"]["updates"], 10);
  EXPECT_EQ(here["learner"]["batches_lost"], 0);
  EXPECT_EQ(here, there);
  EXPECT_EQ(*ReadFile(Path("here/timeline.csv")), *ReadFile(Path("there/timeline.csv")));
  const int status = Stop(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_THAT(*ReadFile(Path("learner.err")),
              HasSubstr(fmt::format("learned={} failed=0", here["learner"]["updates"].get<int>())));
}

TEST_F(LearnerCommandTest, OneThatIsKilledAndStartedAnewMakesNoDifference) {
  const nlohmann::json here = Adapt("here", {"--set", "length=100m"});
  StartLearner();
  std::atomic<bool> over{false};
  std::atomic<int> kills{0};
  std::thread killer([&] {
    while (!over && kills < 4) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      Stop(SIGKILL);
      ++kills;
      StartLearner();
    }
  });
  const nlohmann::json there =
      Adapt("there", {"--set", "length=100m", "--learner", Path("learner.yaml")});
  EXPECT_GT(kills, 0);
  over = true;
  killer.join();
  EXPECT_EQ(here, there);
}

TEST_F(LearnerCommandTest, OneThatIsNotThereIsToldOf) {
  Write("learner.yaml", fmt::format("connect: ipc://{}\nanswer: 0.01s\n", Path("socket")));
  const nlohmann::json there = Adapt("there", {"--learner", Path("learner.yaml")});
  EXPECT_EQ(there["learner"]["updates"], 0);
  EXPECT_GT(there["learner"]["batches_lost"], 10);
  EXPECT_THAT(err_, HasSubstr("batches were not learned from"));
}

TEST_F(LearnerCommandTest, MistakesAreAnsweredWithTheirPlace) {
  ExpectUsageError({"learner", "--bind", "tcp://*:5592"}, "set key and allowed");
  ExpectUsageError({"learner", "--set", "limits.experts=0"}, "limits.experts");
  ExpectUsageError(
      {"adapt", Path("run.yaml"), "--out", Path("x"), "--learner", "tcp://elsewhere:5592"},
      "set key and server_key");
  ExpectUsageError({"adapt", Path("run.yaml"), "--out", Path("x"), "--learner", Path("none.yaml")},
                   "none.yaml");
  EXPECT_FALSE(std::filesystem::exists(Path("x")));
}

}  // namespace
}  // namespace reeve
