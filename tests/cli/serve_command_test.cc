#include <chrono>
#include <csignal>
#include <thread>

#include "tests/cli/cli_testing.h"

namespace reeve {
namespace {

class ServeCommandTest : public CliTest {
 protected:
  std::vector<std::string> Serve(std::vector<std::string> assignments) {
    std::vector<std::string> arguments = {"serve"};
    assignments.insert(assignments.begin(), {"sim.trace=" + Path("a.rtrace"), "http.listen=\"\"",
                                             "loop.mode=active", "store.path=" + Path("reeve.db")});
    for (const std::string& assignment : assignments) {
      arguments.push_back("--set");
      arguments.push_back(assignment);
    }
    return arguments;
  }
  nlohmann::json Log(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"log", Path("reeve.db"), "-o", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome o = Run(arguments);
    EXPECT_EQ(o.code, 0) << o.err;
    return nlohmann::json::parse(o.out);
  }
  // Until the log has something, which is when the first record is on disk.
  void WaitForStore() {
    for (int i = 0; i < 600; ++i) {
      const Outcome o = Run2({"log", Path("reeve.db"), "-o", "json"});
      if (o.code == 0 && o.out.size() > 10) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << "nothing was stored within half a minute";
  }
  // While another program's output goes to the usual files.
  Outcome Run2(const std::vector<std::string>& arguments) {
    std::string command = REEVE_PROGRAM;
    for (const std::string& argument : arguments) command += " '" + argument + "'";
    FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
    std::string out;
    std::array<char, 4096> buffer;
    for (size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
      out.append(buffer.data(), n);
    }
    return {WEXITSTATUS(::pclose(pipe)), out, ""};
  }
};

TEST_F(ServeCommandTest, ServesASimulationToItsEndAndLogsIt) {
  Generated();
  const Outcome o = Run(Serve({}));
  ASSERT_EQ(o.code, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("3,601"));  // ticks: two hours of 2 s, and the start
  EXPECT_THAT(o.err, HasSubstr("40 functions taken over"));
  EXPECT_THAT(o.err, HasSubstr("40 functions handed back at the end"));
  const nlohmann::json events = Log({"--kind", "events"});
  EXPECT_EQ(events.front().at("kind"), "start");
  EXPECT_EQ(events.back().at("kind"), "stop");
  EXPECT_EQ(Log({"--limit", "7"}).size(), 7u);
  const nlohmann::json all = Log({"--limit", "0"});
  const std::string name = all.front().at("function");
  for (const nlohmann::json& row : Log({"--function", name, "--limit", "0"})) {
    EXPECT_EQ(row.at("function"), name);
  }
  // The simulated two hours have just been.
  EXPECT_EQ(Log({"--since", "3h", "--limit", "0"}).size(), all.size());
  EXPECT_LT(Log({"--since", "1h", "--limit", "0"}).size(), all.size());
  const Outcome csv = Run({"log", Path("reeve.db"), "--kind", "windows", "-o", "csv"});
  EXPECT_EQ(csv.code, 0);
  EXPECT_THAT(csv.out, StartsWith("time,tenant,function,arrivals,"));
}

TEST_F(ServeCommandTest, EndsInOrderWhenAsked) {
  Generated();
  for (const int signal : {SIGTERM, SIGINT}) {
    std::filesystem::remove_all(Path("reeve.db"));
    const pid_t pid = Start(Serve({"sim.speed=1", "log.format=json"}));
    WaitForStore();
    ::kill(pid, signal);
    const Outcome o = Finish(pid);
    EXPECT_EQ(o.code, 0) << o.err;
    EXPECT_THAT(o.err, HasSubstr("40 functions handed back at the end"));
    // Every line is a JSON object.
    std::string::size_type begin = 0;
    int lines = 0;
    for (auto end = o.err.find('\n'); end != std::string::npos; end = o.err.find('\n', begin)) {
      const auto line = nlohmann::json::parse(o.err.substr(begin, end - begin), nullptr, false);
      EXPECT_TRUE(line.is_object() && line.contains("kind")) << o.err.substr(begin, end - begin);
      begin = end + 1;
      ++lines;
    }
    EXPECT_GE(lines, 4);
    EXPECT_EQ(Log({"--kind", "events"}).back().at("kind"), "stop");
  }
}

TEST_F(ServeCommandTest, AKilledOneLeavesAStoreThatCanBeReadAndWritten) {
  Generated();
  const pid_t pid = Start(Serve({"sim.speed=100"}));
  WaitForStore();
  ::kill(pid, SIGKILL);
  EXPECT_EQ(Finish(pid).code, 128 + SIGKILL);
  EXPECT_GE(Log({}).size(), 1u);
  EXPECT_EQ(Run(Serve({})).code, 0);
}

TEST_F(ServeCommandTest, MistakesAreNamed) {
  Generated();
  ExpectUsageError({"serve", "--set", "loop.mode=on"}, "unknown value 'on'");
  ExpectUsageError({"serve"}, "sim.trace");
  ExpectUsageError({"log", Path("reeve.db"), "--kind", "decision"}, "did you mean 'decisions'");
  ExpectUsageError({"log"}, "store");
  const Outcome none = Run({"log", Path("none.db")});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("there is no store"));
  const Outcome open =
      Run({"serve", "--set", "sim.trace=" + Path("a.rtrace"), "--set", "http.listen=0.0.0.0:0"});
  EXPECT_EQ(open.code, 3);
  EXPECT_THAT(open.err, HasSubstr("token_file"));
  const Outcome help = Run({"serve", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("loop.numbers.hold"));
}

}  // namespace
}  // namespace reeve
