// `reeve simulate` and `reeve report` as a user meets them.
#include <signal.h>

#include <chrono>
#include <thread>

#include "cli_testing.h"

namespace reeve {
namespace {

using SimulateCommandTest = CliTest;

nlohmann::json Summary(const std::string& run) {
  return nlohmann::json::parse(*ReadFile(run + "/summary.json"));
}

// Two requests of one second, half a second apart, each on its own container of a fixed pair: known
// in advance to the microsecond.
TEST_F(SimulateCommandTest, EventListByHand) {
  ASSERT_TRUE(WriteFileAtomically(Path("events.csv"),
                                  "function,start,duration\nf,1,1\nf,1.5,1\nf,100,0.5\n")
                  .ok());
  const Outcome o =
      Run({"simulate", "--events", Path("events.csv"), "--policy", "static", "--set",
           "policy.static.replicas=2", "--set", "cluster.containers.initial_replicas=2", "--out",
           Path("run"), "--dump-invocations", Path("rows.csv"), "--set",
           "cluster.containers.memory=1Gi"});
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(*ReadFile(Path("rows.csv")),
            "function,arrival_us,start_us,end_us,work_us,outcome,cold,container\n"
            "f,1000000,1000000,2000000,1000000,completed,0,0\n"
            "f,1500000,1500000,2500000,1000000,completed,0,1\n");
  const nlohmann::json s = Summary(Path("run"));
  EXPECT_EQ(s["arrivals"], 3);
  EXPECT_EQ(s["completions"], 2);
  EXPECT_EQ(s["unfinished"], 1);  // it comes with the last microsecond of the trace
  EXPECT_EQ(s["cold_starts"], 0);
  EXPECT_EQ(s["littles_law_error"], 0);
  // Two containers of one GiB for the 100.000001 s of the run.
  EXPECT_NEAR(s["container_seconds"].get<double>(), 200, 1e-4);
  EXPECT_NEAR(s["gb_seconds"].get<double>(), 200, 1e-4);
}

TEST_F(SimulateCommandTest, ARunIsReproducibleWhateverTheThreads) {
  const std::string trace = Generated();
  for (const std::string threads : {"1", "2"}) {
    const Outcome o =
        Run({"simulate", "--trace", trace, "--cluster", REEVE_SOURCE "/configs/clusters/demo.yaml",
             "--seed", "5", "--threads", threads, "--name", "run", "--out", Path("run" + threads)});
    ASSERT_EQ(o.code, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("report: "));
  }
  nlohmann::json a = Summary(Path("run1")), b = Summary(Path("run2"));
  EXPECT_GT(a["completions"], 1000);
  EXPECT_EQ(a["littles_law_error"], 0);
  a.erase("host");
  b.erase("host");
  EXPECT_EQ(a, b);
  for (const char* file : {"functions.csv", "windows.csv", "quantiles.csv", "config.yaml"}) {
    EXPECT_EQ(*ReadFile(Path("run1/") + file), *ReadFile(Path("run2/") + file)) << file;
  }
  // The configuration that a run leaves gives the same run.
  const Outcome again = Run(
      {"simulate", "--config", Path("run1/config.yaml"), "--name", "run", "--out", Path("run3")});
  ASSERT_EQ(again.code, 0) << again.err;
  nlohmann::json c = Summary(Path("run3"));
  c.erase("host");
  EXPECT_EQ(a, c);
  // And another seed another one.
  ASSERT_EQ(
      Run({"simulate", "--config", Path("run1/config.yaml"), "--seed", "6", "--out", Path("run4")})
          .code,
      0);
  EXPECT_NE(*ReadFile(Path("run1/functions.csv")), *ReadFile(Path("run4/functions.csv")));

  const Outcome report = Run({"report", Path("run1"), Path("run4"), "--out", Path("r.html")});
  EXPECT_EQ(report.code, 0) << report.err;
  EXPECT_THAT(report.out, HasSubstr("GB-seconds"));
  EXPECT_TRUE(std::filesystem::exists(Path("r.html")));
}

TEST_F(SimulateCommandTest, UsageErrorsSayWhatToDo) {
  const std::string trace = Generated();
  ExpectUsageError({"simulate"}, "--trace");
  ExpectUsageError({"simulate", "--trace", trace, "--policy", "kap"}, "did you mean 'kpa'");
  ExpectUsageError({"simulate", "--trace", trace, "--set", "cluster.containers.conccurency=2"},
                   "did you mean 'concurrency'");
  ExpectUsageError({"simulate", "--trace", trace, "--set", "cluster.control_period=fast"},
                   "is not a time");
  ExpectUsageError({"simulate", "--trace", trace, "--tread", "2"}, "--threads");
  ASSERT_TRUE(WriteFileAtomically(Path("c.yaml"), "nodes:\n  - {cpu: 4, memroy: 1Gi}\n").ok());
  ExpectUsageError({"simulate", "--trace", trace, "--cluster", Path("c.yaml")},
                   "c.yaml:2:14: unknown key 'memroy' (did you mean 'memory'?)");
}

TEST_F(SimulateCommandTest, RunFoldersAreNotOverwrittenUnasked) {
  ASSERT_TRUE(WriteFileAtomically(Path("e.csv"), "function,start,duration\nf,1,1\nf,9,1\n").ok());
  const std::vector<std::string> command = {"simulate", "--events", Path("e.csv"), "--policy",
                                            "static",   "--out",    Path("run")};
  ASSERT_EQ(Run(command).code, 0);
  const Outcome second = Run(command);
  EXPECT_EQ(second.code, 3);
  EXPECT_THAT(second.err, HasSubstr("--force"));
  std::vector<std::string> forced = command;
  forced.push_back("--force");
  EXPECT_EQ(Run(forced).code, 0);
  EXPECT_EQ(Run({"simulate", "--trace", Path("none.rtrace")}).code, 3);
}

TEST_F(SimulateCommandTest, AnInterruptLeavesTheRunSoFar) {
  // Far more than can be simulated before the signal comes.
  const Outcome made =
      Run({"trace", "generate", "--set", "functions=500", "--set", "length=24h", "--set",
           "total_invocations=40000000", "--quiet", "--out", Path("big.rtrace")});
  ASSERT_EQ(made.code, 0) << made.err;
  const pid_t pid = Start({"simulate", "--trace", Path("big.rtrace"), "--policy", "static", "--out",
                           Path("run"), "--dump-invocations", Path("rows.csv")});
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  ::kill(pid, SIGINT);
  const Outcome o = Finish(pid);
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("interrupted after"));
  EXPECT_EQ(Summary(Path("run"))["complete"], false);
  EXPECT_EQ(Run({"report", Path("run")}).code, 0);
}

TEST_F(SimulateCommandTest, PlaysEveryExampleOfPerturbations) {
  const std::string trace = Generated();
  const auto simulate = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command = {"simulate",  "--trace", trace,    "--out",
                                        Path("run"), "--force", "--quiet"};
    command.insert(command.end(), more.begin(), more.end());
    const Outcome o = Run(command);
    EXPECT_EQ(o.code, 0) << o.err;
    nlohmann::json summary = Summary(Path("run"));
    summary.erase("host");
    return summary;
  };
  const std::string demo = REEVE_SOURCE "/configs/clusters/demo.yaml";
  const nlohmann::json plain = simulate({"--cluster", demo});
  int played = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(REEVE_SOURCE "/configs/perturbations")) {
    std::vector<std::string> options = {"--config", file.path()};
    const bool whole = file.path().stem() == "node_loss";  // brings its cluster
    if (!whole) options.insert(options.end(), {"--cluster", demo});
    const nlohmann::json perturbed = simulate(options);
    EXPECT_NE(perturbed, plain) << file.path();
    ++played;
    if (!whole) continue;
    // But for the events it is the demo's cluster.
    options.insert(options.end(), {"--set", "cluster.events=[]"});
    EXPECT_EQ(simulate(options), plain);
  }
  EXPECT_EQ(played, 9);
}

}  // namespace
}  // namespace reeve
