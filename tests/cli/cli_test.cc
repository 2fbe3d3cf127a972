// The program as a user meets it: what it prints, where, and its exit codes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "cli_testing.h"
#include "core/files.h"

namespace reeve {
namespace {

TEST_F(CliTest, HelpAndVersion) {
  EXPECT_THAT(Run({"--version"}).out, StartsWith("reeve "));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{},
                                             {"trace"},
                                             {"trace", "import"},
                                             {"trace", "stats"},
                                             {"trace", "slice"},
                                             {"trace", "scale"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    const Outcome o = Run(arguments);
    EXPECT_EQ(o.code, 0);
    EXPECT_THAT(o.out, HasSubstr("Usage:"));
    EXPECT_EQ(o.err, "");
  }
  // Generate lists the keys of its configuration, with their limits and defaults.
  const std::string help = Run({"trace", "generate", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("diurnal.share"));
  EXPECT_THAT(help, HasSubstr("lognormal(mu=-0.38, sigma=2.36)"));
}

TEST_F(CliTest, UsageErrors) {
  ExpectUsageError({}, "a command is needed");
  ExpectUsageError({"trace"}, "a command is needed: import, generate, stats, slice, scale");
  ExpectUsageError({"trase", "stats"}, "unknown command 'trase' (did you mean 'trace'?)");
  ExpectUsageError({"trace", "stat", "x"}, "unknown command 'stat' (did you mean 'stats'?)");
  ExpectUsageError({"trace", "scale", "x", "--uot", "y"},
                   "unknown option '--uot' (did you mean '--out'?)");
  ExpectUsageError({"trace", "stats", "x", "y"}, "nothing is expected where 'y' stands");
  ExpectUsageError({"trace", "stats"}, "required");
  ExpectUsageError({"trace", "generate"}, "--out is required");
  ExpectUsageError({"trace", "stats", "x", "-o", "xml"}, "xml");
  ExpectUsageError({"trace", "slice", "x", "--out", "y", "--from", "soon"}, "'soon' is not a time");
  ExpectUsageError({"trace", "slice", "x", "--out", "y", "--trigger", "htpt"},
                   "did you mean 'http'?");
  ExpectUsageError({"trace", "scale", "x", "--out", "y", "--rate", "2", "--total", "5"}, "--total");
  ExpectUsageError({"trace", "import", "x", "--out", "y", "--format", "azure"}, "azure2019");
}

TEST_F(CliTest, ConfigurationErrorsAreUsageErrorsWithTheirPlace) {
  ASSERT_TRUE(WriteFileAtomically(Path("c.yaml"), "functions: 10\nsed: 4\nlength: 7\n").ok());
  const Outcome o = Run({"trace", "generate", "--config", Path("c.yaml"), "--out", Path("t")});
  EXPECT_EQ(o.code, 2);
  EXPECT_THAT(o.err, HasSubstr("c.yaml:2:1: unknown key 'sed' (did you mean 'seed'?)"));
  EXPECT_THAT(o.err, HasSubstr("c.yaml:3:9: length: '7' is not a time"));
  ExpectUsageError({"trace", "generate", "--out", "t", "--set", "functions=none"}, "functions");
  ExpectUsageError({"trace", "generate", "--out", "t", "--set", "functions"}, "functions");
  ExpectUsageError({"trace", "generate", "--out", "t", "--config", Path("absent")}, "absent");
  EXPECT_THAT(Files(), testing::ElementsAre("c.yaml"));
}

TEST_F(CliTest, MissingAndBrokenFilesFailWhileRunning) {
  const Outcome missing = Run({"trace", "stats", Path("absent.rtrace")});
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.err, StartsWith("reeve: "));
  EXPECT_THAT(missing.err, HasSubstr("absent.rtrace"));

  const std::string content = *ReadFile(Generated());
  ASSERT_TRUE(WriteFileAtomically(Path("cut.rtrace"), content.substr(0, content.size() / 2)).ok());
  const Outcome cut = Run({"trace", "stats", Path("cut.rtrace")});
  EXPECT_EQ(cut.code, 3);
  EXPECT_THAT(cut.err, HasSubstr("cut.rtrace: the trace file is damaged"));
  EXPECT_EQ(cut.out, "");

  ASSERT_TRUE(WriteFileAtomically(Path("text.rtrace"), "hello\n").ok());
  EXPECT_THAT(Run({"trace", "stats", Path("text.rtrace")}).err, HasSubstr("not a trace file"));
  EXPECT_EQ(
      Run({"trace", "generate", "--set", "functions=5", "--out", Path("text.rtrace/where")}).code,
      3);
}

TEST_F(CliTest, FromGeneratingToScaling) {
  const std::string a = Generated();
  auto stats = Stats(a);
  EXPECT_EQ(stats["functions"], 40);
  EXPECT_EQ(stats["minutes"], 120);
  EXPECT_GT(stats["invocations"], 100);

  const Outcome slice = Run({"trace", "slice", "--random", "10", "--out", Path("b.rtrace"), a,
                             "--from", "30m", "--to", "1h"});
  EXPECT_EQ(slice.code, 0) << slice.err;
  EXPECT_THAT(slice.out, HasSubstr("b.rtrace: 10 functions"));
  auto sliced = Stats(Path("b.rtrace"));
  EXPECT_EQ(sliced["functions"], 10);
  EXPECT_EQ(sliced["minutes"], 30);

  EXPECT_EQ(Run({"trace", "scale", a, "--rate", "3", "--out", Path("c.rtrace")}).code, 0);
  EXPECT_EQ(Stats(Path("c.rtrace"))["invocations"], 3 * stats["invocations"]);
  EXPECT_EQ(Run({"trace", "scale", a, "--total", "1000000", "--out", Path("d.rtrace")}).code, 0);
  // Each of at most 40 * 120 counts is rounded with a standard deviation of at most a half.
  EXPECT_NEAR(Stats(Path("d.rtrace"))["invocations"], 1e6, 4 * 0.5 * 70);
  // A trace may be replaced by its own slice.
  EXPECT_EQ(Run({"trace", "slice", a, "--first", "3", "--out", a}).code, 0);
  EXPECT_EQ(Stats(a)["functions"], 3);
}

TEST_F(CliTest, TheSameSeedGivesTheSameFile) {
  const std::string a = Generated("a.rtrace"), b = Generated("b.rtrace");
  EXPECT_EQ(*ReadFile(a), *ReadFile(b));
  Run({"trace", "generate", "--set", "functions=40", "--seed", "2", "--set", "length=2h", "--set",
       "max_rate_rps=2", "--out", Path("c.rtrace")});
  EXPECT_NE(*ReadFile(a), *ReadFile(Path("c.rtrace")));
}

TEST_F(CliTest, ThePrintedConfigurationGivesTheSameTrace) {
  const std::string a = Generated();
  const Outcome printed = Run({"trace", "generate", "--set", "functions=40", "--set", "length=2h",
                               "--set", "max_rate_rps=2", "--print-config"});
  ASSERT_TRUE(WriteFileAtomically(Path("c.yaml"), printed.out).ok());
  const Outcome again = Run({"trace", "generate", "--config", Path("c.yaml"), "--out", Path("b")});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(*ReadFile(a), *ReadFile(Path("b")));
}

TEST_F(CliTest, StatsInEveryForm) {
  const std::string a = Generated();
  const std::string table = Run({"trace", "stats", a}).out;
  EXPECT_THAT(table, HasSubstr("Invocations per day of an application"));
  EXPECT_THAT(table, HasSubstr("910,042,048"));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));  // no colours into a file
  const std::string csv = Run({"trace", "stats", a, "--output", "csv"}).out;
  EXPECT_THAT(csv, StartsWith("statistic,value,published,relative_difference\n"));
  EXPECT_THAT(csv, HasSubstr("\nfunctions,40,,\n"));
}

TEST_F(CliTest, ImportsAndIsLenientWhenAsked) {
  ASSERT_TRUE(WriteFileAtomically(Path("rows.csv"),
                                  "function,time,duration\nf,0.5,0.1\ng,2,0.2\nf,oops,1\n")
                  .ok());
  const Outcome strict = Run({"trace", "import", Path("rows.csv"), "--out", Path("r.rtrace")});
  EXPECT_EQ(strict.code, 3);
  EXPECT_THAT(strict.err, HasSubstr("rows.csv:4"));
  EXPECT_FALSE(std::filesystem::exists(Path("r.rtrace")));
  const Outcome lenient =
      Run({"trace", "import", Path("rows.csv"), "--out", Path("r.rtrace"), "--lenient"});
  EXPECT_EQ(lenient.code, 0) << lenient.err;
  auto stats = Stats(Path("r.rtrace"));
  EXPECT_EQ(stats["functions"], 2);
  EXPECT_EQ(stats["invocations"], 2);
  // Other commands read production formats as they are.
  EXPECT_EQ(Run({"trace", "stats", Path("rows.csv"), "--lenient"}).code, 0);
}

// Whenever the signal comes: either nothing is there, or the whole file, and never a temporary one.
TEST_F(CliTest, AnInterruptLeavesNoPartialFile) {
  for (int delay_ms : {0, 5, 20, 60, 150, 400}) {
    const pid_t pid =
        Start({"trace", "generate", "--set", "functions=3000", "--out", Path("t.rtrace")});
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    ::kill(pid, SIGINT);
    const Outcome o = Finish(pid);
    EXPECT_TRUE(o.code == 128 + SIGINT || o.code == 0) << o.code;
    for (const std::string& name : Files()) EXPECT_EQ(name, "t.rtrace");
    if (std::filesystem::exists(Path("t.rtrace"))) {
      EXPECT_EQ(Run({"trace", "stats", Path("t.rtrace")}).code, 0);
      std::filesystem::remove(Path("t.rtrace"));
    }
  }
}

}  // namespace
}  // namespace reeve
