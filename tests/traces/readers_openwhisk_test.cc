#include <fmt/format.h>

#include "readers_testing.h"
#include "traces/readers/json_records.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kCold = R"({
  "activationId": "1", "namespace": "guest", "name": "hello",
  "start": 1700000000500, "end": 1700000001500, "duration": 1000,
  "annotations": [
    {"key": "path", "value": "guest/pkg/hello"},
    {"key": "limits", "value": {"memory": 256, "timeout": 60000}},
    {"key": "waitTime", "value": 500}, {"key": "initTime", "value": 400}]
})";
constexpr const char* kWarm = R"({"activationId": "2", "namespace": "guest", "name": "hello",)"
                              R"( "start": 1700000003000, "duration": 200, "annotations":)"
                              R"( [{"key": "path", "value": "guest/pkg/hello"}]})";
constexpr const char* kRunning =
    R"({"activationId": "3", "namespace": "guest", "name": "{\"odd\"}", "start": 1700000002000})";

void ExpectTheThree(const ReadResult& result) {
  const Trace& trace = result.trace;
  ASSERT_EQ(trace.functions().size(), 2u);
  const FunctionProfile& hello = trace.functions()[0];
  EXPECT_EQ(hello.name, "guest/pkg/hello");
  EXPECT_EQ(trace.tenants()[hello.tenant.index()], "guest");
  EXPECT_EQ(trace.apps()[hello.app.index()], "guest/pkg");
  EXPECT_EQ(hello.memory, Mebibytes(256));
  // Initialisation is not execution: 1000 - 400 and 200.
  EXPECT_NEAR(hello.duration_ms.Mean(), 400, 1e-9);
  EXPECT_EQ(hello.cold_start_ms, Distribution::Constant(400));
  EXPECT_EQ(trace.functions()[1].name, "guest/{\"odd\"}");
  EXPECT_FALSE(trace.functions()[1].duration_known);
  // The first asked at …000.0, half a second before a container started it.
  ASSERT_EQ(trace.invocations().size(), 3u);
  EXPECT_EQ(trace.invocations()[0].start_us, 0);
  EXPECT_EQ(trace.invocations()[0].duration_us, 600'000);
  EXPECT_EQ(trace.invocations()[1].start_us, 2'000'000);
  EXPECT_EQ(trace.invocations()[1].duration_us, TimedInvocation::kDrawDuration);
  EXPECT_EQ(trace.invocations()[2].start_us, 3'000'000);
  EXPECT_EQ(result.report.shift, SimTime::Seconds(-1'700'000'000));
  EXPECT_EQ(result.report.rows, 3u);
}

std::string Joined(const char* separator) {
  return fmt::format("{}{}{}{}{}", kCold, separator, kWarm, separator, kRunning);
}

TEST(OpenWhisk, ReadsAnArray) {
  ExpectTheThree(ReadOrFail({{"a.json", fmt::format("\n [{}]\n", Joined(",\n"))}}));
}
TEST(OpenWhisk, ReadsAnObjectWithActivations) {
  ExpectTheThree(ReadOrFail({{"a.json", fmt::format(R"({{"count": [3], "activations" : [{}], )"
                                                    R"("more": {{"x": []}}}})",
                                                    Joined(","))}}));
}
TEST(OpenWhisk, ReadsRecordsOneAfterAnother) {
  ExpectTheThree(ReadOrFail({{"a.jsonl", Joined("\n")}}));
}
TEST(OpenWhisk, ReadsSeveralPages) {
  ExpectTheThree(ReadOrFail({{"1.json", fmt::format("[{}]", kCold)},
                             {"2.json", fmt::format("[]\n[{},{}]", kWarm, kRunning)}}));
}

TEST(OpenWhisk, LocatesAndSkipsBrokenRecords) {
  struct Case {
    const char* record;
    const char* message;
    Problem problem;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"name": "f", "start": "soon"})", ":2:start: not a number", Problem::kBadNumber},
           {R"({"name": "f", "start": -5})", ":2:start: -5 is negative", Problem::kNegative},
           {R"({"name": "f", "start": 1e17})", ":2:start: beyond all reason", Problem::kTooLarge},
           {R"({"name": "f", "start": 5, "duration": -1})", ":2:duration: -1", Problem::kNegative},
           {R"({"name": "f"})", ":2:start: the record has no start", Problem::kMissingColumn},
           {R"({"start": 5})", ":2:name: the record has no name", Problem::kMissingColumn},
           {R"({"name": "f", "start": 5, })", ":2: the record is not JSON", Problem::kBadRecord},
           {R"({"name": "f", "start": 1e999})", ":2: the record is not JSON", Problem::kBadRecord},
           {"{\"name\": \"\xff\", \"start\": 1}", ":2: the record is not JSON",
            Problem::kBadRecord},
           {R"({"name": "f", "start": 5, "annotations": [{"key": "waitTime", "value": []}]})",
            ":2:waitTime: not a number", Problem::kBadNumber},
           {R"({"name": "f", "start": 5)", ":2: this is not a JSON object", Problem::kBadRecord},
           {R"(nonsense)", ":2: this is not a JSON object", Problem::kBadRecord},
           {R"({"activationId": "2", "name": "f", "start": 5})", ":2:activationId: activation '2'",
            Problem::kDuplicate}}) {
    const Files files = {{"a.jsonl", std::string(kWarm) + "\n" + c.record + "\n"}};
    EXPECT_THAT(Refusal(files), StartsWith(std::string("a.jsonl") + c.message)) << c.record;
    const auto [trace, report] = ReadLenient(files);
    EXPECT_EQ(trace.total_invocations(), 1u) << c.record;
    EXPECT_EQ(report.count(c.problem), 1u) << c.record;
  }
}

TEST(OpenWhisk, ACutOffArrayIsABrokenRecord) {
  const Files files = {{"a.json", fmt::format("[{},\n{}", kWarm, R"({"name": "f", "st)")}};
  EXPECT_THAT(Refusal(files), StartsWith("a.json:2: this is not a JSON object, or its braces"));
  EXPECT_EQ(ReadLenient(files).trace.total_invocations(), 1u);
  const Files open = {{"a.json", fmt::format("[{},\n", kWarm)}};
  EXPECT_THAT(Refusal(open), HasSubstr("is the file cut off?"));
}

TEST(OpenWhisk, GoesOnBehindARecordWithoutItsEnd) {
  const Files files = {
      {"a.jsonl", std::string("{\"name\": \"f\", \"start\n") + kWarm + "\n" + kRunning + "\n"}};
  EXPECT_EQ(ReadLenient(files).trace.total_invocations(), 2u);
}

std::vector<std::string> RecordsOf(std::string_view text) {
  std::vector<std::string> records;
  JsonRecords scanner(text, "activations");
  for (auto r = scanner.Next(); r != JsonRecords::Result::kEnd; r = scanner.Next()) {
    records.emplace_back(r == JsonRecords::Result::kRecord ? std::string(scanner.record()) : "!");
  }
  return records;
}

TEST(JsonRecords, CutsWithoutBeingFooledByStrings) {
  EXPECT_THAT(RecordsOf(R"([{"a":"}\"]"},{"b":{"c":[1]}}])"),
              ElementsAre(R"({"a":"}\"]"})", R"({"b":{"c":[1]}})"));
  EXPECT_THAT(RecordsOf(R"({"x":{"activations":[1]}} {"y":"activations"})"),
              ElementsAre(R"({"x":{"activations":[1]}})", R"({"y":"activations"})"));
  EXPECT_THAT(RecordsOf("  "), ElementsAre());
  EXPECT_THAT(RecordsOf("[1]"), ElementsAre("!", "!"));  // no record, and no end of the array
  EXPECT_THAT(RecordsOf(std::string(100, '{')), ElementsAre("!"));
  // The object around the array seems to end before the array does.
  EXPECT_THAT(RecordsOf("{\"activations\":[}}\n{}]"), ElementsAre("!", "{}"));
}

}  // namespace
}  // namespace reeve
