// The vectors through the library behind openwhisk_vectors: ours, upstream's when they are there,
// and ones that must fail.
#include "tests/agents/openwhisk_vectors.h"

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
  return RunVectors(RunOpenWhiskFile, path);
}

Result RunText(const std::string& text) {
  return RunVectorsText(RunOpenWhiskFile, text);
}

// A case that holds, unless a part of it is put in place of another.
std::string CaseText(const std::string& from = "", const std::string& to = "") {
  std::string text =
      R"json([{"name": "n", "config": "default", "snapshot": {"initialized": true,
      "incomingMsgCount": 0, "currentMsgCount": 1, "existingContainerCount": 0,
      "inProgressContainerCount": 0, "staleActivationNum": 0,
      "existingContainerCountInNamespace": 0, "inProgressContainerCountInNamespace": 0,
      "averageDuration": null, "namespaceLimit": 4, "actionLimit": 4, "maxActionConcurrency": 1,
      "stateName": "Running"}, "states": null, "expect": "DecisionResults(AddContainer, 1)"}])json";
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(OpenWhiskVectors, OwnCases) {
  const Result own = RunFile(REEVE_SOURCE_DIR "/tests/agents/data/openwhisk_decisions.json");
  EXPECT_TRUE(own.status.ok()) << own.status;
  EXPECT_EQ(own.failed, 0) << own.out;
  EXPECT_EQ(own.passed, 15);
  EXPECT_THAT(own.notes, IsEmpty());
}

TEST(OpenWhiskVectors, UpstreamCases) {
  const std::string path = SharedVectors("openwhisk_scheduling_decision.json");
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << path << " is not there; set REEVE_SHARED to the folder that holds vectors/";
  }
  const Result upstream = RunFile(path);
  EXPECT_TRUE(upstream.status.ok()) << upstream.status;
  EXPECT_EQ(upstream.failed, 0) << upstream.out;
  EXPECT_GE(upstream.passed, 20);
}

TEST(OpenWhiskVectors, ACaseCanFail) {
  EXPECT_EQ(RunText(CaseText()).failed, 0);
  const Result wrong = RunText(CaseText("AddContainer, 1", "AddContainer, 2"));
  EXPECT_EQ(wrong.failed, 1);
  EXPECT_THAT(wrong.out, HasSubstr("FAILED n: in state Running want DecisionResults(AddContainer, "
                                   "2) got DecisionResults(AddContainer, 1)"));
  EXPECT_EQ(RunText(CaseText("DecisionResults(AddContainer, 1)", "none")).failed, 1);
  // Holds in the first of the two states only.
  const Result states = RunText(CaseText("\"states\": null", "\"states\": \"Running, Idle\""));
  EXPECT_THAT(states.out, HasSubstr("in state Idle want"));
}

TEST(OpenWhiskVectors, MalformedCasesFail) {
  const auto says = [](const std::string& from, const std::string& to, const std::string& why) {
    const Result result = RunText(CaseText(from, to));
    EXPECT_EQ(result.failed, 1);
    EXPECT_THAT(result.out, HasSubstr(why));
  };
  says("\"Running\"", "\"Walking\"", "there is no queue state 'Walking'");
  says("\"default\"", "\"100.milliseconds, true\"", "does not have five parts");
  says("\"default\"", "\"100.years, 1.s, 1.s, true, 1\"", "'100.years' is not a duration");
  says("\"default\"", "\"1.s, 1.s, 1.s, perhaps, 1\"", "neither true nor false");
  says("\"currentMsgCount\": 1", "\"currentMsgCount\": 1.5", "1.5 is not a count");
  says("\"currentMsgCount\"", "\"messages\"", "currentMsgCount");
  EXPECT_THAT(RunText(CaseText("\"initialized\"", "\"colour\": 1, \"initialized\"")).notes,
              HasSubstr("n: ignored snapshot.colour"));
}

TEST(OpenWhiskVectors, ConfigIsRead) {
  // Durations of a second and more: 500 ms of 1 s give a throughput of 2; one message is stale.
  const Result result =
      RunText(CaseText("\"default\"", "\"1.seconds, 100.milliseconds, 10.seconds, false, 1.5\""));
  EXPECT_EQ(result.failed, 0) << result.out;
}

TEST(OpenWhiskVectors, BadFiles) {
  EXPECT_FALSE(RunFile("/nonexistent.json").status.ok());
  EXPECT_THAT(MessageOf(RunText("{").status), HasSubstr("this is not JSON"));
  EXPECT_THAT(MessageOf(RunText("[]").status), HasSubstr("found no case"));
  EXPECT_THAT(MessageOf(RunText("{\"a\": 1}").status), HasSubstr("found no case"));
  EXPECT_EQ(RunText("{\"cases\": " + CaseText() + "}").passed, 1);
}

}  // namespace
}  // namespace reeve
