// `reeve train`, `reeve evaluate` and studies of learning as a user meets them.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <thread>

#include "cli_testing.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSmall = REEVE_SOURCE "/configs/training/small.yaml";

// Waits for something that happens within seconds, on a machine however busy.
bool Eventually(const std::function<bool()>& happened) {
  for (int i = 0; i < 6000; ++i) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class TrainCommandTest : public CliTest {
 protected:
  // The shipped small training: 200 steps an iteration, a checkpoint after each.
  std::vector<std::string> Train(const std::string& out, int steps,
                                 std::vector<std::string> more = {}) const {
    std::vector<std::string> command = {"train",
                                        kSmall,
                                        "--out",
                                        Path(out),
                                        "--quiet",
                                        "--threads",
                                        "1",
                                        "--set",
                                        "checkpoints.every=1",
                                        "--set",
                                        fmt::format("learner.total_steps={}", steps)};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  std::vector<std::string> Resume(const std::string& out) const {
    return {"train", "--resume", "--out", Path(out), "--quiet"};
  }
  bool HasCheckpoint(const std::string& out) const {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(Path(out + "/checkpoints"), error)) {
      const std::string name = entry.path().filename();
      if (name.starts_with("iteration-") && name.ends_with(".ckpt")) return true;
    }
    return false;
  }
  std::string Read(const std::string& name) const { return ReadFile(Path(name)).value_or(name); }
  nlohmann::json Json(const std::string& name) const {
    return nlohmann::json::parse(Read(name), nullptr, false);
  }
};

TEST_F(TrainCommandTest, WhatIsTrainedIsEvaluated) {
  const Outcome trained = Run(Train("t", 400, {"--seed", "3"}));
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(trained.err, "");
  EXPECT_THAT(trained.out, StartsWith("400 steps of 2 agents; return "));
  EXPECT_THAT(trained.out, HasSubstr("policy: " + Path("t/policy.rpolicy")));
  EXPECT_TRUE(fs::exists(Path("t/policy.rpolicy")));
  EXPECT_THAT(Read("t/config.yaml"), HasSubstr("seed: 3"));
  EXPECT_EQ(Json("t/summary.json")["finished"], true);

  // The same requests for the policy that was trained and for a rule.
  for (const std::string policy : {"learned", "kpa"}) {
    const Outcome o = Run({"evaluate", Path("t"), "--policy", policy, "--length", "20m", "--out",
                           Path(policy), "--quiet"});
    ASSERT_EQ(o.code, 0) << o.err;
    EXPECT_THAT(o.out, HasSubstr("report: " + Path(policy + "/report.html")));
    EXPECT_EQ(Json(policy + "/summary.json")["policy"], policy);
  }
  EXPECT_EQ(Json("learned/summary.json")["arrivals"], Json("kpa/summary.json")["arrivals"]);
  // 6 requests a second, and 1 and in bursts 6, a quarter of the time: 8.25 in all, within five
  // deviations of a Poisson count.
  EXPECT_NEAR(Json("learned/summary.json")["arrivals"].get<double>(), 1200 * 8.25,
              5 * std::sqrt(1200 * 8.25));
  const Outcome json = Run({"evaluate", Path("t"), "--length", "5m", "--quiet", "-o", "json"});
  ASSERT_EQ(json.code, 0) << json.err;
  EXPECT_TRUE(nlohmann::json::parse(json.out).is_array());

  // What the run folder says can be simulated again, on another workload of the same functions.
  const Outcome wrong = Run({"evaluate", Path("t"), "--length", "5m", "--quiet", "--set",
                             "cluster.control_period=10s", "--set", "report_interval=10s"});
  EXPECT_EQ(wrong.code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("trained to decide every 5 s and is shown windows of 10 s"));
  const Outcome unknown = Run({"simulate", "--trace", Generated(), "--policy", "learned", "--set",
                               "policy.learned.checkpoint=" + Path("t/policy.rpolicy"), "--set",
                               "cluster.control_period=5s", "--quiet"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_THAT(unknown.err, HasSubstr("was not trained for function"));
}

// The folder is of use from wherever it is looked at, though the training was named relatively.
TEST_F(TrainCommandTest, PathsDoNotDependOnWhereItIsStarted) {
  const fs::path before = fs::current_path();
  fs::current_path(REEVE_SOURCE);
  std::vector<std::string> command = Train("t", 200);
  command[1] = "configs/training/small.yaml";
  const Outcome trained = Run(command);
  fs::current_path("/");
  const Outcome evaluated = Run({"evaluate", Path("t"), "--length", "2m", "--quiet"});
  const Outcome resumed = Run(Resume("t"));
  fs::current_path(before);
  EXPECT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, StartsWith("200 steps of 2 agents; return "));
}

TEST_F(TrainCommandTest, KilledItGoesOnToTheSamePolicy) {
  constexpr int kSteps = 6000;
  const Outcome whole = Run(Train("whole", kSteps));
  ASSERT_EQ(whole.code, 0) << whole.err;
  const pid_t pid = Start(Train("parts", kSteps));
  EXPECT_TRUE(Eventually([&] { return HasCheckpoint("parts"); }));
  ::kill(pid, SIGKILL);
  ASSERT_EQ(Finish(pid).code, 128 + SIGKILL) << "it ended before it was killed";
  const Outcome resumed = Run(Resume("parts"));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(Read("parts/policy.rpolicy"), Read("whole/policy.rpolicy"));
  EXPECT_EQ(Json("parts/summary.json"), Json("whole/summary.json"));
}

TEST_F(TrainCommandTest, AnInterruptSavesAndSaysHowToGoOn) {
  const pid_t pid = Start(Train("t", 100'000'000));
  EXPECT_TRUE(Eventually([&] { return HasCheckpoint("t"); }));
  ::kill(pid, SIGINT);
  const Outcome o = Finish(pid);
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("interrupted after "));
  EXPECT_THAT(o.err, HasSubstr("go on with: reeve train --resume --out " + Path("t")));
  const nlohmann::json summary = Json("t/summary.json");
  EXPECT_EQ(summary["finished"], false);
  const int64_t steps = summary["steps"];
  EXPECT_GE(steps, 200);
  // What it says: here with a budget that is one iteration more.
  std::vector<std::string> resume = Resume("t");
  resume.insert(resume.end(), {"--set", fmt::format("learner.total_steps={}", steps + 200)});
  const Outcome resumed = Run(resume);
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(Json("t/summary.json")["steps"], steps + 200);
  EXPECT_EQ(Run({"evaluate", Path("t"), "--length", "2m", "--quiet"}).code, 0);
}

TEST_F(TrainCommandTest, UsageErrorsSayWhatToDo) {
  ExpectUsageError({"train"}, "--out");
  ExpectUsageError({"train", "--out", Path("t")}, "say what to learn");
  ExpectUsageError({"train", kSmall, "--out", Path("t"), "--tread", "2"}, "--threads");
  ExpectUsageError({"train", kSmall, "--out", Path("t"), "--threads", "0"}, "--threads");
  ExpectUsageError({"train", kSmall, "--out", Path("t"), "--set", "lerner.gamma=1"},
                   "did you mean 'learner'");
  ExpectUsageError({"train", kSmall, "--out", Path("t"), "--set", "learner.form=pair"}, "ma_ppo");
  ExpectUsageError({"train", Path("none.yaml"), "--out", Path("t")}, "none.yaml");
  ASSERT_TRUE(WriteFileAtomically(Path("t.yaml"), "scenario: s.yaml\nenvironments: no\n").ok());
  ExpectUsageError({"train", Path("t.yaml"), "--out", Path("t")}, "t.yaml:2:15: environments");
  EXPECT_FALSE(fs::exists(Path("t"))) << "a command that cannot begin leaves nothing behind";
  ExpectUsageError({"trian", kSmall}, "did you mean 'train'");
  ExpectUsageError({"evaluate"}, "training");
  ExpectUsageError({"evaluate", Path("t"), "--length", "soon"}, "--length");
}

TEST_F(TrainCommandTest, WhatCannotBeDoneIsSaid) {
  const auto fails = [&](const std::vector<std::string>& command, const std::string& message) {
    const Outcome o = Run(command);
    EXPECT_EQ(o.code, 3) << message;
    EXPECT_THAT(o.err, StartsWith("reeve: "));
    EXPECT_THAT(o.err, HasSubstr(message));
  };
  fails(Resume("t"), "holds no training to go on with");
  fails({"evaluate", Path("t")}, Path("t/config.yaml"));
  fs::create_directories(Path("foreign"));
  ASSERT_TRUE(WriteFileAtomically(Path("foreign/notes.txt"), "mine").ok());
  fails(Train("foreign", 200), "holds something that is not a training");
  ASSERT_EQ(Run(Train("t", 200)).code, 0);
  fails(Train("t", 200), "go on with it by --resume");
  std::vector<std::string> resume = Resume("t");
  resume.insert(resume.end(), {"--set", "learner.actor.width=7"});
  fails(resume, "cannot go on from this state");
  resume.back() = "learner.actr.width=7";
  ExpectUsageError(resume, "did you mean 'actor'");
  ExpectUsageError({"evaluate", Path("t"), "--policy", "kap"}, "did you mean 'kpa'");
  ASSERT_TRUE(fs::remove(Path("t/policy.rpolicy")));
  fails({"evaluate", Path("t"), "--quiet"}, Path("t/policy.rpolicy"));
}

TEST_F(TrainCommandTest, HelpListsEverything) {
  const std::string all = Run({"--help"}).out;
  for (const char* command : {"train", "evaluate", "experiment", "tune", "simulate"}) {
    EXPECT_THAT(all, HasSubstr(fmt::format("\n  {} ", command)));
  }
  const Outcome train = Run({"train", "--help"});
  EXPECT_EQ(train.code, 0);
  for (const char* word : {"--resume", "learner.gamma", "scenario.control_period",
                           "bootstrap.policy.name", "early_stop.enabled", "checkpoints.every",
                           "cpu_utilisation", "slo_preservation", "WORLD_SIZE"}) {
    EXPECT_THAT(train.out, HasSubstr(word));
  }
  EXPECT_THAT(Run({"evaluate", "--help"}).out, HasSubstr("--length"));
}

// Installed by halves: everything else goes on working.
TEST_F(TrainCommandTest, WithoutTheOtherProgramItSaysSo) {
  fs::copy_file(REEVE_PROGRAM, Path("reeve"));
  const auto run = [&](const std::string& arguments) {
    FILE* const pipe = ::popen(fmt::format("{} {} 2>&1", Path("reeve"), arguments).c_str(), "r");
    std::string text(4096, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), pipe));
    return std::pair(WEXITSTATUS(::pclose(pipe)), text);
  };
  const auto [code, text] = run("train x.yaml --out " + Path("t"));
  EXPECT_EQ(code, 3);
  EXPECT_THAT(text, HasSubstr("cannot start " + Path("reeve-train")));
  EXPECT_THAT(text, HasSubstr("it belongs beside the program reeve"));
  EXPECT_EQ(run("--version").first, 0);
}

// ---- studies

class StudyCommandTest : public TrainCommandTest {
 protected:
  StudyCommandTest() {
    WriteFileAtomically(Path("s.yaml"), fmt::format(R"(
kind: learning
name: tiny
training: {}
set: [learner.total_steps=400]
variants:
  - {{label: together, set: [learner.form=ma_ppo]}}
  - {{label: rule, rule: {{name: kpa}}}}
ratios: [{{name: R, of: together, to: rule}}]
evaluation: {{length: 5m}}
seeds: 2
)",
                                                    kSmall))
        .IgnoreError();
  }
  std::vector<std::string> Study(const std::string& out) const {
    return {"experiment", Path("s.yaml"), "--out", Path(out), "--quiet", "--threads", "1"};
  }
};

TEST_F(StudyCommandTest, KilledItGoesOnToTheSame) {
  const Outcome whole = Run(Study("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_THAT(whole.out, HasSubstr("together"));
  EXPECT_THAT(whole.out, HasSubstr("4 runs, 0 of them known already"));
  EXPECT_EQ(Json("whole/results.json")["format"], "reeve-learning-study");
  EXPECT_THAT(Read("whole/ratios.csv"), HasSubstr("api"));
  EXPECT_TRUE(fs::exists(Path("whole/report.html")));

  const pid_t pid = Start(Study("parts"));
  EXPECT_TRUE(Eventually([&] {
    std::error_code error;  // a file that is being written has another name
    for (const auto& entry : fs::directory_iterator(Path("parts/cells"), error)) {
      if (entry.path().extension() == ".json") return true;
    }
    return false;
  }));
  ::kill(pid, SIGKILL);
  Finish(pid);
  const Outcome resumed = Run(Study("parts"));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, Not(HasSubstr(" 0 of them known already")));
  for (const char* file : {"results.json", "results.csv", "ratios.csv", "report.html"}) {
    EXPECT_EQ(Read(std::string("parts/") + file), Read(std::string("whole/") + file)) << file;
  }
}

TEST_F(StudyCommandTest, AnInterruptSaysHowToGoOn) {
  std::vector<std::string> command = Study("o");
  command.insert(command.end(), {"--set", "set=[learner.total_steps=100000000]"});
  const pid_t pid = Start(command);
  EXPECT_TRUE(Eventually([&] { return fs::exists(Path("o/cells")); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::kill(pid, SIGINT);
  const Outcome o = Finish(pid);
  EXPECT_EQ(o.code, 3);
  EXPECT_THAT(o.err, HasSubstr("the same command goes on there"));
  EXPECT_FALSE(fs::exists(Path("o/results.json")));
}

TEST_F(StudyCommandTest, MistakesAreUsageErrors) {
  std::vector<std::string> command = Study("o");
  command.insert(command.end(), {"--set", "variants=[{labl: x}]"});
  ExpectUsageError(command, "did you mean 'label'");
  command.back() = "ratios=[{name: R, of: together, to: rul}]";
  ExpectUsageError(command, "did you mean 'rule'");
}

// ---- several processes

class RanksTest : public TrainCommandTest {
 protected:
  static int FreePort() {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size), 0);
    ::close(descriptor);
    return ntohs(address.sin_port);
  }
  // Ranks 0 and 1 of two, as torchrun would start them; what they say goes into rank0 and rank1.
  std::vector<pid_t> StartRanks(const std::vector<std::string>& arguments) const {
    const std::string port = std::to_string(FreePort());
    std::vector<pid_t> ranks;
    for (const std::string rank : {"0", "1"}) {
      std::vector<std::string> words = arguments;
      words.insert(words.begin(), REEVE_PROGRAM);
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::setenv("RANK", rank.c_str(), 1);
        ::setenv("WORLD_SIZE", "2", 1);
        ::setenv("MASTER_ADDR", "127.0.0.1", 1);
        ::setenv("MASTER_PORT", port.c_str(), 1);
        std::freopen(Path("rank" + rank).c_str(), "w", stdout);
        ::dup2(STDOUT_FILENO, STDERR_FILENO);
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        ::execv(REEVE_PROGRAM, argv.data());
        ::_exit(127);
      }
      ranks.push_back(pid);
    }
    return ranks;
  }
  static int CodeOf(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
};

TEST_F(RanksTest, TheFirstWritesAndBothEnd) {
  const std::vector<pid_t> ranks = StartRanks(Train("t", 800));
  for (const pid_t rank : ranks) EXPECT_EQ(CodeOf(rank), 0) << Read("rank0") << Read("rank1");
  EXPECT_THAT(Read("rank0"), StartsWith("800 steps of 2 agents; return "));
  EXPECT_EQ(Read("rank1"), "");
  // Of each of the two 4 environments and 50 steps an iteration.
  EXPECT_EQ(Json("t/summary.json")["iterations"], 2);
  EXPECT_EQ(Run({"evaluate", Path("t"), "--length", "2m", "--quiet"}).code, 0);
}

// One that waited for the other's numbers for ever would be no good end.
TEST_F(RanksTest, AnInterruptOfOneStopsBoth) {
  const std::vector<pid_t> ranks = StartRanks(Train("t", 100'000'000));
  EXPECT_TRUE(Eventually([&] { return HasCheckpoint("t"); }));
  ::kill(ranks[1], SIGINT);
  for (const pid_t rank : ranks) EXPECT_EQ(CodeOf(rank), 3) << Read("rank0") << Read("rank1");
  EXPECT_THAT(Read("rank0"), HasSubstr("interrupted after "));
  EXPECT_EQ(Json("t/summary.json")["finished"], false);
}

}  // namespace
}  // namespace reeve
