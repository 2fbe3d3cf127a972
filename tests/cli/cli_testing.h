// The built program, started as a user would.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/files.h"

namespace reeve {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int code;  // exit code; 128 + signal when one ended it
  std::string out, err;
};

class CliTest : public ::testing::Test {
 protected:
  CliTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~CliTest() override {
    for (const char* end : {"", ".out", ".err"}) std::filesystem::remove_all(folder_ + end);
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename().string());
    }
    return names;
  }

  // Starts the program with its output in files of the folder above.
  pid_t Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), REEVE_PROGRAM);
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    std::freopen((folder_ + ".out").c_str(), "w", stdout);
    std::freopen((folder_ + ".err").c_str(), "w", stderr);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execv(REEVE_PROGRAM, argv.data());
    ::_exit(127);
  }
  Outcome Finish(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            ReadFile(folder_ + ".out").value_or(""), ReadFile(folder_ + ".err").value_or("")};
  }
  Outcome Run(std::vector<std::string> arguments) { return Finish(Start(std::move(arguments))); }

  void ExpectUsageError(std::vector<std::string> arguments, const std::string& message) {
    const Outcome o = Run(std::move(arguments));
    EXPECT_EQ(o.code, 2) << message;
    EXPECT_THAT(o.err, StartsWith("reeve: "));
    EXPECT_THAT(o.err, HasSubstr(message));
    EXPECT_EQ(o.out, "");
  }

  // A trace of 40 functions and two hours.
  std::string Generated(const std::string& name = "a.rtrace") {
    const Outcome o = Run({"trace", "generate", "--set", "functions=40", "--set", "length=2h",
                           "--set", "max_rate_rps=2", "--quiet", "--out", Path(name)});
    EXPECT_EQ(o.code, 0) << o.err;
    EXPECT_EQ(o.out + o.err, "");
    return Path(name);
  }
  // Key and value of each statistic.
  std::map<std::string, double> Stats(const std::string& path) {
    const Outcome o = Run({"trace", "stats", path, "-o", "json"});
    EXPECT_EQ(o.code, 0) << o.err;
    std::map<std::string, double> values;
    for (const auto& row : nlohmann::json::parse(o.out)) {
      values[row.at("statistic").get<std::string>()] = row.at("value").get<double>();
    }
    return values;
  }

  static std::string FolderName() {
    std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(test.begin(), test.end(), '/', '_');  // of parametrised tests
    return fmt::format("{}cli_test_{}_{}", testing::TempDir(), ::getpid(), test);
  }
  const std::string folder_ = FolderName();
};

}  // namespace reeve
