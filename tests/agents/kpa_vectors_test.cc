// The vectors through the library behind kpa_vectors: ours, upstream's when they are there, and
// ones that must fail.
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
  return RunVectors(RunVectorFile, path);
}

Result RunText(const std::string& text) {
  return RunVectorsText(RunVectorFile, text);
}

TEST(KpaVectors, OwnCases) {
  const Result cases = RunFile(REEVE_SOURCE_DIR "/tests/agents/data/kpa_cases.json");
  EXPECT_TRUE(cases.status.ok()) << cases.status;
  EXPECT_EQ(cases.failed, 0) << cases.out;
  EXPECT_EQ(cases.passed, 7);
  EXPECT_THAT(cases.notes, IsEmpty());
  const Result windows = RunFile(REEVE_SOURCE_DIR "/tests/agents/data/kpa_windows.json");
  EXPECT_TRUE(windows.status.ok()) << windows.status;
  EXPECT_EQ(windows.failed, 0) << windows.out;
  EXPECT_EQ(windows.passed, 14);
  EXPECT_THAT(windows.notes, IsEmpty());
}

TEST(KpaVectors, UpstreamCases) {
  for (const char* file : {"knative_kpa.json", "knative_windows.json"}) {
    const std::string path = SharedVectors(file);
    if (!std::filesystem::exists(path)) {
      GTEST_SKIP() << path << " is not there; set REEVE_SHARED to the folder that holds vectors/";
    }
    const Result result = RunFile(path);
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.failed, 0) << result.out;
    EXPECT_GT(result.passed, 10);
    EXPECT_THAT(result.notes, IsEmpty());
  }
}

TEST(KpaVectors, WrongValuesFailWithTheirPlace) {
  const std::string head = R"({"cases": [{"name": "a", "spec": {"target": 10, "total": 10,
      "target_burst_capacity": 3}, "steps": [{"t": 0, "stable": 40, "panic": 40, "ready": 2, )";
  const auto failure = [&head](const std::string& checks) {
    const Result result = RunText(head + checks + "}]}]}");
    EXPECT_EQ(result.passed + result.failed, 1);
    return result.out;
  };
  EXPECT_EQ(failure(R"("want": 4, "want_ebc_pm1": -23, "panic_time": 0)"), "ok a\n");
  EXPECT_EQ(failure(R"("want": 5)"), "FAILED a: step 1: want 5 got 4\n");
  EXPECT_THAT(failure(R"("want_ebc_pm1": -25)"), HasSubstr("burst capacity -25 got -23"));
  EXPECT_THAT(failure(R"("want_valid": false)"), HasSubstr("want no valid scale"));
  EXPECT_THAT(failure(R"("panic_time": 1)"), HasSubstr("want panic time 1 got 0"));
  EXPECT_THAT(failure(R"("panic_time": null)"), HasSubstr("want no panic"));
  EXPECT_THAT(failure(R"("want_panic": false)"), HasSubstr("want panic false got true"));
  EXPECT_THAT(failure(R"("want_max_panic_pods": 5)"), HasSubstr("want max panic pods 5 got 4"));
  EXPECT_THAT(failure(R"("note": "")"), HasSubstr("nothing to check"));
  EXPECT_THAT(failure(R"("want": "four")"), HasSubstr("malformed"));
}

TEST(KpaVectors, WrongWindowValuesFail) {
  const Result result = RunText(
      R"({"linear_window_5s": [["record", 0, 1], ["avg", 0, 2]], "sample_size": {"5": 5},
          "weighted": {"nb_to_m": {"4": 0.8}, "window_4s": [["record", 0, 1], ["avg", 0, 0.91]]},
          "max_window_4s": [["record", 0, 1], ["max", 2]], "x_window_0s": [["avg", 0, 0]],
          "y_window_5s": [["average of", 0, 0]], "z_window_5s": [["record", 0, 1]]})");
  EXPECT_TRUE(result.status.ok());
  EXPECT_EQ(result.passed, 0) << result.out;
  EXPECT_EQ(result.failed, 8) << result.out;
  EXPECT_THAT(result.out, HasSubstr("FAILED linear_window_5s: step 2: avg: want 2 got 1"));
}

TEST(KpaVectors, UnknownKeysAreNamed) {
  const Result result = RunText(R"({"cases": [{"name": "a", "spec": {"colour": 1, "target": 1},
      "steps": [{"t": 0, "stable": 1, "panic": 1, "ready": 1, "want": 1, "shape": 2}]}]})");
  EXPECT_EQ(result.passed, 1);
  EXPECT_THAT(result.notes, HasSubstr("colour"));
  EXPECT_THAT(result.notes, HasSubstr("shape"));
}

TEST(KpaVectors, FilesWithoutCasesAreErrors) {
  EXPECT_THAT(MessageOf(RunFile("/nonexistent/x.json").status), HasSubstr("/nonexistent/x.json"));
  EXPECT_THAT(MessageOf(RunText("{]").status), HasSubstr("not JSON"));
  EXPECT_THAT(MessageOf(RunText("{}").status), HasSubstr("no case"));
  EXPECT_THAT(MessageOf(RunText("3").status), HasSubstr("no case"));
}

}  // namespace
}  // namespace reeve
