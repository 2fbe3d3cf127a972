#include "controller/serve/loop_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace reeve {
namespace {

using ::testing::HasSubstr;

// The lines that `say` brings to standard error while a log of this kind lives.
std::vector<std::string> Lines(const LogSpec& spec, void (*say)(LoopLog&)) {
  ::testing::internal::CaptureStderr();
  {
    LoopLog log(spec);
    say(log);
  }
  std::istringstream text(::testing::internal::GetCapturedStderr());
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

void SayByAllWays(LoopLog& log) {
  log.Info("from the program");
  log.Warning("of two\nlines, and \"quoted\"");
  spdlog::info("from a platform");
  spdlog::warn("from a client: {}", "\xff");
}

TEST(LoopLog, EveryLineIsJsonWhoeverSaysIt) {
  const auto lines = Lines({.format = LogFormat::kJson}, SayByAllWays);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"info", "from the program"},
      {"warning", "of two\nlines, and \"quoted\""},
      {"info", "from a platform"},
      {"warning", "from a client: \uFFFD"}};
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto json = nlohmann::json::parse(lines[i], nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(json.is_object()) << lines[i];
    EXPECT_EQ(json["level"], expected[i].first);
    EXPECT_EQ(json["message"], expected[i].second);
    EXPECT_EQ(json["kind"], "program");
    EXPECT_GT(json["time"], 1.7e9);
  }
}

TEST(LoopLog, LinesForPeopleAreOneEach) {
  const auto lines = Lines({.format = LogFormat::kText}, SayByAllWays);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[2], HasSubstr("info    program: from a platform"));
  EXPECT_THAT(lines[3], HasSubstr("warning program: from a client: "));
}

TEST(LoopLog, LevelsHoldForAll) {
  const auto lines = Lines({.format = LogFormat::kText, .level = LogLevel::kWarning}, SayByAllWays);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[1], HasSubstr("from a client"));
}

TEST(LoopLog, WhatIsSaidAfterItGoesWhereItWentBefore) {
  const auto before = spdlog::default_logger();
  Lines({}, SayByAllWays);
  EXPECT_EQ(spdlog::default_logger(), before);
}

}  // namespace
}  // namespace reeve
