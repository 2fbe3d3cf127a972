#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "cli_testing.h"

namespace reeve {
namespace {

class ExperimentCommandTest : public CliTest {
 protected:
  ExperimentCommandTest() {
    WriteFileAtomically(Path("c.yaml"), "name: c\nnodes: [{count: 4, cpu: 8, memory: 32Gi}]\n")
        .IgnoreError();
    WriteFileAtomically(Path("e.yaml"), R"(
clusters: {c: c.yaml}
workloads:
  w:
    generate: {functions: 60, length: 4h, max_rate_rps: 2}
    split:
      train: {functions: [0, 0.5], to: 2h}
      test: {functions: [0.5, 1], from: 2h}
policies:
  - policy: {name: kpa}
    search: {kpa.stable_window: {values: [30s, 60s, 120s, 300s]}}
  - policy: {name: static}
seeds: 3
tuning: {seeds: 2, slo_violation_share: 0.9}
)")
        .IgnoreError();
  }
  std::string Results(const std::string& folder) {
    return ReadFile(Path(folder + "/results.json")).value_or("");
  }
  // Simulations whose results are kept.
  size_t Cells(const std::string& folder) {
    size_t count = 0;
    std::error_code absent;
    for (const auto& entry : std::filesystem::directory_iterator(Path(folder + "/cells"), absent)) {
      count += entry.is_regular_file(absent);
    }
    return count;
  }
  // Waits until `condition` holds or the process has ended; the latter is left to Finish.
  template <typename Condition>
  void WaitFor(pid_t pid, Condition condition) {
    siginfo_t ended = {};
    while (ended.si_pid == 0 && !condition()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ::waitid(P_PID, pid, &ended, WEXITED | WNOHANG | WNOWAIT);
    }
  }
};

// Killed again and again, at whatever point it has come to: the same files as in one go.
class KilledTest : public ExperimentCommandTest,
                   public ::testing::WithParamInterface<const char*> {};

TEST_P(KilledTest, GoesOnToTheSameResult) {
  const auto arguments = [&](const std::string& folder) {
    return std::vector<std::string>{GetParam(), Path("e.yaml"), "--out", Path(folder), "--quiet"};
  };
  const Outcome whole = Run(arguments("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  Outcome last{1, "", ""};
  int killed = 0;
  // Each time some results further than the time before, and some milliseconds into the next.
  for (int i = 0; i < 20 && last.code != 0; ++i) {
    const size_t known = Cells("parts");
    const pid_t pid = Start(arguments("parts"));
    WaitFor(pid, [&] { return Cells("parts") > known + 1 + i % 2; });
    std::this_thread::sleep_for(std::chrono::milliseconds(i % 3 * 4));
    ::kill(pid, SIGKILL);
    last = Finish(pid);
    killed += last.code != 0;
  }
  if (last.code != 0) last = Run(arguments("parts"));
  EXPECT_EQ(last.code, 0) << last.err;
  EXPECT_GE(killed, 2);
  std::vector<std::string> files = {"tuned/w-kpa.yaml", "tuned/w-kpa.csv"};
  if (std::string(GetParam()) == "experiment") {
    files.insert(files.end(), {"results.json", "results.csv", "report.html", "config.yaml"});
  }
  for (const std::string& file : files) {
    EXPECT_EQ(ReadFile(Path("parts/" + file)).value_or("absent"),
              ReadFile(Path("whole/" + file)).value_or("missing"))
        << file;
  }
}
INSTANTIATE_TEST_SUITE_P(Commands, KilledTest, ::testing::Values("experiment", "tune"));

TEST_F(ExperimentCommandTest, AnInterruptSaysHowToGoOn) {
  const pid_t pid =
      Start({"experiment", Path("e.yaml"), "--out", Path("o"), "--quiet", "--set",
             "workloads.w.generate.functions=400", "--set", "workloads.w.generate.length=24h"});
  WaitFor(pid, [&] { return std::filesystem::exists(Path("o/config.yaml")); });
  ::kill(pid, SIGINT);
  const Outcome o = Finish(pid);
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("the same command goes on there"));
  EXPECT_EQ(Results("o"), "");
}

// What tune writes is what simulate takes.
TEST_F(ExperimentCommandTest, TuneWritesAPolicyThatSimulateReads) {
  const Outcome tuned = Run({"tune", Path("e.yaml"), "--out", Path("t"), "--quiet"});
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_THAT(tuned.out, HasSubstr("chosen: "));
  const Outcome o =
      Run({"simulate", "--trace", Generated(), "--config", Path("t/tuned/w-kpa.yaml"), "--quiet"});
  EXPECT_EQ(o.code, 0) << o.err;
  const Outcome strict = Run({"tune", Path("e.yaml"), "--out", Path("t"), "--quiet", "--set",
                              "tuning.slo_violation_share=0"});
  EXPECT_EQ(strict.code, 1);
  EXPECT_THAT(strict.err, HasSubstr("nothing keeps SLO violations to 0.00 %"));
}

TEST_F(ExperimentCommandTest, MeasuresDetectorsOfShifts) {
  WriteFileAtomically(Path("s.yaml"), R"(
cluster: c.yaml
functions: [{name: web, load: 10, duration_ms: 50}]
length: 40m
control_period: 5s
)")
      .IgnoreError();
  WriteFileAtomically(Path("d.yaml"), R"(
kind: detection
workloads:
  shifting:
    scenario: s.yaml
    length: 40m
    schedule: {environments: [{label: usual}, {label: busy, rate: 4}], min_stay: 8m, max_stay: 9m}
  elsewhere: {scenario: absent.yaml, tuned_on: shifting}
detectors: [{label: truth, detector: {kind: oracle}}, {label: sums, detector: {kind: cusum}}]
seeds: 2
)")
      .IgnoreError();
  const std::vector<std::string> arguments = {"experiment", Path("d.yaml"), "--out",  Path("d"),
                                              "--workload", "shifting",     "--quiet"};
  const Outcome o = Run(arguments);
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("false alarms a day"));
  EXPECT_THAT(o.out, HasSubstr("busy"));
  EXPECT_THAT(Results("d"), HasSubstr("reeve-detection-study"));
  EXPECT_THAT(ReadFile(Path("d/results.csv")).value_or(""), HasSubstr("shifting,truth,1,1,1,5,"));
  const std::string first = Results("d");
  ASSERT_EQ(Run(arguments).code, 0);
  EXPECT_EQ(Results("d"), first);
  ExpectUsageError({"experiment", Path("d.yaml"), "--out", Path("d"), "--workload", "shiftin"},
                   "did you mean 'shifting'");
  const Outcome all = Run({"experiment", Path("d.yaml"), "--out", Path("d"), "--quiet"});
  EXPECT_EQ(all.code, 3);
  EXPECT_THAT(all.err, HasSubstr("workloads: elsewhere: "));
}

TEST_F(ExperimentCommandTest, UsageErrorsSayWhatToDo) {
  ExpectUsageError({"experiment", Path("e.yaml"), "--out", Path("o"), "--set", "seds=3"},
                   "did you mean 'seeds'");
  ExpectUsageError({"tune", Path("e.yaml"), "--out", Path("o"), "--policy", "kpb"},
                   "did you mean 'kpa'");
  ExpectUsageError({"tune", Path("e.yaml"), "--out", Path("o"), "--workload", "x"},
                   "no workload 'x'");
  ExpectUsageError({"experiment", Path("none.yaml"), "--out", Path("o")}, "none.yaml");
  EXPECT_EQ(Run({"experiment", Path("e.yaml"), "--out", Path("")}).code, 3);  // holds other things
  EXPECT_EQ(Run({"experiment", Path("e.yaml"), "--out", Path("o"), "--quiet", "--set",
                 "clusters.c=absent.yaml"})
                .code,
            3);
}

}  // namespace
}  // namespace reeve
