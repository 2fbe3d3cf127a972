// The vectors through the library behind hpa_vectors: ours, upstream's when they are there, and
// ones that must fail.
#include "tests/agents/hpa_vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/status.h"
#include "tests/agents/vectors_testing.h"

namespace reeve {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using Result = VectorResult;

Result RunFile(const std::string& path) {
  return RunVectors(RunHpaVectorFile, path);
}

Result RunText(const std::string& text) {
  return RunVectorsText(RunHpaVectorFile, text);
}

TEST(HpaVectors, OwnCases) {
  const Result result = RunFile(REEVE_SOURCE_DIR "/tests/agents/data/hpa_rates.json");
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.failed, 0) << result.out;
  EXPECT_EQ(result.passed, 22);
  EXPECT_THAT(result.notes, IsEmpty());
}

TEST(HpaVectors, UpstreamCases) {
  const std::string path = SharedVectors("k8s_hpa_behavior_rate.json");
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << path << " is not there; set REEVE_SHARED to the folder that holds vectors/";
  }
  const Result result = RunFile(path);
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.failed, 0) << result.out;
  EXPECT_GE(result.passed, 10);
  EXPECT_THAT(result.notes, IsEmpty());
}

TEST(HpaVectors, WrongValuesFail) {
  const auto run = [](const std::string& rest) {
    const Result result =
        RunText(R"({"rows": [{"name": "a", "current": 3, "desired": 50, "min": 1, "max": 100, )" +
                rest + "}]}");
    EXPECT_EQ(result.passed + result.failed, 1);
    return result.out;
  };
  EXPECT_EQ(run(R"("expect": 7, "reason": "ScaleUpLimit")"), "ok a\n");
  EXPECT_EQ(run(R"("reason": "ScaleUpLimit")"), "ok a\n");
  EXPECT_EQ(run(R"("expect": 8)"), "FAILED a: want 8 got 7\n");
  EXPECT_THAT(run(R"("expect": 7, "reason": "TooManyReplicas")"),
              HasSubstr("want reason TooManyReplicas got ScaleUpLimit"));
  EXPECT_THAT(run(R"("note": "")"), HasSubstr("nothing to check"));
  EXPECT_THAT(run(R"("expect": "seven")"), HasSubstr("malformed"));
  EXPECT_THAT(run(R"("expect": 7, "up_rules": {"select": "Mean"})"), HasSubstr("unknown select"));
}

TEST(HpaVectors, UnknownKeysAreNamed) {
  const Result result =
      RunText(R"([{"name": "a", "current": 3, "desired": 3, "expect": 3, "colour": 1}])");
  EXPECT_EQ(result.passed, 1);
  EXPECT_THAT(result.notes, HasSubstr("colour"));
}

TEST(HpaVectors, FilesWithoutCasesAreErrors) {
  EXPECT_THAT(MessageOf(RunFile("/nonexistent/x.json").status), HasSubstr("/nonexistent/x.json"));
  EXPECT_THAT(MessageOf(RunText("{]").status), HasSubstr("not JSON"));
  EXPECT_THAT(MessageOf(RunText(R"({"rows": []})").status), HasSubstr("no case"));
}

}  // namespace
}  // namespace reeve
