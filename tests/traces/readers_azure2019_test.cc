#include "traces/readers/azure2019.h"

#include <fmt/format.h>

#include <random>

#include "readers_testing.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::StartsWith;

constexpr const char* kDurationHeader =
    "HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,"
    "percentile_Average_1,percentile_Average_25,percentile_Average_50,percentile_Average_75,"
    "percentile_Average_99,percentile_Average_100\n";
constexpr const char* kMemoryHeader =
    "HashOwner,HashApp,HashFunction,SampleCount,AverageAllocatedMb\n";

// Two functions, three minutes from 480 on.
Files Small() {
  return {{"t/invocations.csv",
           "HashOwner,HashApp,HashFunction,Trigger,480,481,482\n"
           "o1,a1,f1,http,1,0,5\n"
           "o1,a2,f2,timer,0,0,7\n"},
          {"t/durations.csv", std::string(kDurationHeader) +
                                  "o1,a1,f1,50,10,0.0,100.0,0,1,25,50,75,99,100\n"
                                  "o1,a2,f2,10,5,10.0,10.0,10,10,10,10,10,10,10\n"},
          {"t/memory.csv", std::string(kMemoryHeader) + "o1,a1,f1,100,128.4\no1,a2,f2,50,0.2\n"}};
}

Files With(Files files, size_t index, const std::string& content) {
  files[index].second = content;
  return files;
}

TEST(Azure2019, ReadsTheThreeFileForm) {
  const auto [trace, report] = ReadOrFail(Small());
  ASSERT_EQ(trace.functions().size(), 2u);
  const FunctionProfile& f1 = trace.functions()[0];
  EXPECT_EQ(f1.name, "f1");
  EXPECT_EQ(trace.tenants()[f1.tenant.index()], "o1");
  EXPECT_EQ(trace.apps()[f1.app.index()], "a1");
  EXPECT_EQ(f1.trigger, Trigger::kHttp);
  EXPECT_EQ(f1.memory, Mebibytes(128));
  EXPECT_TRUE(f1.duration_known);
  EXPECT_NEAR(f1.duration_ms.Mean(), 50, 1e-9);
  EXPECT_NEAR(f1.duration_ms.Sample(0.25), 25, 1e-9);
  EXPECT_EQ(trace.functions()[1].trigger, Trigger::kTimer);
  EXPECT_EQ(trace.functions()[1].duration_ms, Distribution::Constant(10));
  EXPECT_EQ(trace.functions()[1].memory, Mebibytes(1));  // at least 1

  EXPECT_FALSE(trace.timed());
  EXPECT_EQ(trace.first_minute(), 480);
  EXPECT_EQ(trace.minutes(), 3);
  EXPECT_EQ(trace.total_invocations(), 13u);
  EXPECT_THAT(CountsOf(trace, 0), ElementsAre(Pair(0, 1)));
  EXPECT_THAT(CountsOf(trace, 1), IsEmpty());
  EXPECT_THAT(CountsOf(trace, 2), ElementsAre(Pair(0, 5), Pair(1, 7)));

  EXPECT_EQ(report.format, TraceFormat::kAzure2019);
  EXPECT_EQ(report.files, 3u);
  EXPECT_EQ(report.rows, 6u);
  EXPECT_EQ(report.durations_raised, 1u);  // f1's minimum of 0
  EXPECT_THAT(report.skipped, IsEmpty());
  EXPECT_THAT(report.Summary(), StartsWith("azure2019: 2 functions, 13 invocations from 6 rows"));
}

TEST(Azure2019, TakesColumnsInAnyOrderQuotesAndCrlf) {
  const Files files = With(Small(), 0,
                           "\xEF\xBB\xBF"
                           "481,Trigger,\"HashFunction\",480,482,HashOwner,HashApp\r\n"
                           "0,http,f1,1,5,\"o1\",a1\r\n"
                           "0, timer ,f2,0,7,o1,\"a2\"\r\n");
  const auto [trace, report] = ReadOrFail(files);
  EXPECT_EQ(trace.total_invocations(), 13u);
  EXPECT_THAT(CountsOf(trace, 0), ElementsAre(Pair(0, 1)));
  EXPECT_THAT(CountsOf(trace, 2), ElementsAre(Pair(0, 5), Pair(1, 7)));
  EXPECT_EQ(trace.functions()[1].trigger, Trigger::kTimer);
}

std::string Minutes(int n) {
  std::string header;
  for (int m = 1; m <= n; ++m) header += fmt::format(",{}", m);
  return header;
}

// A day of 1440 minutes in which `count` falls into minute `at` (from 0).
std::string Day(int at, int count) {
  std::string row;
  for (int m = 0; m < 1440; ++m) row += m == at ? fmt::format(",{}", count) : ",0";
  return row;
}

Files Days() {
  const std::string header = "HashOwner,HashApp,HashFunction,Trigger" + Minutes(1440) + "\n";
  const std::string app_memory = "HashOwner,HashApp,SampleCount,AverageAllocatedMb\n";
  return {
      {"r/invocations_per_function_md.anon.d01.csv",
       header + "o,a,f,http" + Day(0, 3) + "\no,a,g,queue" + Day(1439, 4) + "\n"},
      // f is absent, h is new, g goes on.
      {"r/invocations_per_function_md.anon.d02.csv",
       header + "o,a,g,queue" + Day(0, 5) + "\no,b,h,event" + Day(7, 6) + "\n"},
      {"r/function_durations_percentiles.anon.d01.csv",
       std::string(kDurationHeader) + "o,a,f,10,1,10,10,10,10,10,10,10,10,10\n"
                                      "o,a,g,10,3,10,10,10,10,10,10,10,10,10\n"},
      {"r/function_durations_percentiles.anon.d02.csv",
       std::string(kDurationHeader) + "o,a,g,20,1,20,20,20,20,20,20,20,20,20\n"
                                      "o,b,h,30,1,30,30,30,30,30,30,30,30,30\n"
                                      "o,b,elsewhere,30,1,30,30,30,30,30,30,30,30,30\n"},
      {"r/app_memory_percentiles.anon.d01.csv", app_memory + "o,a,30,100\n"},
      {"r/app_memory_percentiles.anon.d02.csv", app_memory + "o,a,10,300\no,b,1,50\n"},
  };
}

TEST(Azure2019, JoinsDays) {
  const auto [trace, report] = ReadOrFail(Days());
  EXPECT_EQ(trace.first_minute(), 0);
  ASSERT_EQ(trace.minutes(), 2880);
  ASSERT_EQ(trace.functions().size(), 3u);
  EXPECT_EQ(trace.total_invocations(), 18u);
  EXPECT_THAT(CountsOf(trace, 0), ElementsAre(Pair(0, 3)));
  EXPECT_THAT(CountsOf(trace, 1439), ElementsAre(Pair(1, 4)));
  EXPECT_THAT(CountsOf(trace, 1440), ElementsAre(Pair(1, 5)));
  EXPECT_THAT(CountsOf(trace, 1447), ElementsAre(Pair(2, 6)));
  // g: three executions of 10 ms and one of 20.
  const Distribution& g = trace.functions()[1].duration_ms;
  EXPECT_NEAR(g.Mean(), 12.5, 0.5);
  EXPECT_NEAR(g.Sample(0.7), 10, 1e-9);
  EXPECT_NEAR(g.Sample(0.995), 20, 1e-9);
  // a: (30 * 100 + 10 * 300) / 40 = 150 MB, over its two functions; b has one.
  EXPECT_EQ(trace.functions()[0].memory, Mebibytes(75));
  EXPECT_EQ(trace.functions()[1].memory, Mebibytes(75));
  EXPECT_EQ(trace.functions()[2].memory, Mebibytes(50));
}

TEST(Azure2019, ADayAloneStartsWhereItLiesInTheRelease) {
  Files files = Days();
  const Files second = {files[1], files[3], files[5]};
  const auto [trace, report] = ReadOrFail(second);
  EXPECT_EQ(trace.first_minute(), 1440);
  EXPECT_EQ(trace.minutes(), 1440);
}

TEST(Azure2019, SameHashInTwoAppsGetsALongerName) {
  Files files = Small();
  for (auto& [name, content] : files) {
    for (size_t at; (at = content.find("f2")) != content.npos;) content.replace(at, 2, "f1");
  }
  const auto [trace, report] = ReadOrFail(files);
  EXPECT_EQ(trace.functions()[0].name, "f1");
  EXPECT_EQ(trace.functions()[1].name, "o1/a2/f1");
}

// Quoted rows take the slow way, cell by cell; plain ones the fast one.
TEST(Azure2019, BothWaysOfParsingARowAgree) {
  std::mt19937 random(7);
  std::string plain = "Trigger,HashApp" + Minutes(300) + ",HashOwner,HashFunction\n";
  std::string quoted = plain;
  for (int f = 0; f < 200; ++f) {
    std::string row;
    for (int m = 0; m < 300; ++m) {
      // Mostly zeros, in runs; now and then up to nine digits.
      const uint32_t value = random() % 4 != 0 ? 0 : random() % 3 == 0 ? random() % 1000000000 : 1;
      row += fmt::format(
          "{},", random() % 50 == 0 ? fmt::format("0{}", value / 10) : std::to_string(value));
    }
    plain += fmt::format("http,a,{}o,f{}\n", row, f);
    quoted += fmt::format("\"http\",a,{}o,f{}\n", row, f);
  }
  const auto fast = ReadLenient({{"invocations.csv", plain}});
  const auto slow = ReadLenient({{"invocations.csv", quoted}});
  EXPECT_EQ(fast.report.rows, 200u);
  EXPECT_EQ(fast.report.skipped_total(), 0u);
  ASSERT_GT(fast.trace.total_invocations(), 1'000'000u);
  ASSERT_EQ(fast.trace.minutes(), 300);
  for (int m = 0; m < 300; ++m) EXPECT_EQ(CountsOf(fast.trace, m), CountsOf(slow.trace, m));
}

struct BrokenRow {
  const char* row;
  const char* message;  // a strict reading's, behind the file's name
  Problem problem;
};

TEST(Azure2019, LocatesAndSkipsBrokenRows) {
  const std::string good = Small()[0].second;
  for (const BrokenRow& broken : std::vector<BrokenRow>{
           {"o1,a3,f3,http,1,-2,3\n", ":4:481: '-2' is negative", Problem::kNegative},
           {"o1,a3,f3,http,1,x,3\n", ":4:481: 'x' is not a whole number", Problem::kBadNumber},
           {"o1,a3,f3,http,1,,3\n", ":4:481: '' is not a whole number", Problem::kBadNumber},
           {"o1,a3,f3,http,1,NaN,3\n", ":4:481: 'NaN' is not", Problem::kBadNumber},
           {"o1,a3,f3,http,1,2,4294967296\n", ":4:482: '4294967296' is too", Problem::kTooLarge},
           {"o1,a3,f3,http,1,2\n", ":4:482: the row has 6 cells for 7", Problem::kShortRow},
           {"o1,a3,f3,http,1", ":4:481: the row has 5 cells for 7 columns and the file ends in it",
            Problem::kShortRow},
           {"o1,a3,f3,http,1,2,3,4\n", ":4: the row has 8 cells for 7", Problem::kLongRow},
           {"o1,a3,f3,http,1,2,3,\n", ":4: the row has 8 cells for 7", Problem::kLongRow},
           {"o1,a3,,http,1,2,3\n", ":4:HashFunction: the name is empty", Problem::kBadText},
           {"o1,a3,\"f3,http,1,2,3\n", ":4:HashFunction: the quotes do not", Problem::kBadText},
           {"o1,a1,f1,http,1,2,3\n", ":4:HashFunction: function 'f1' stands in this file twice",
            Problem::kDuplicate},
       }) {
    const Files files = With(Small(), 0, good + broken.row);
    EXPECT_THAT(Refusal(files), StartsWith(std::string("t/invocations.csv") + broken.message))
        << broken.row;
    const auto [trace, report] = ReadLenient(files);
    EXPECT_EQ(trace.total_invocations(), 13u) << broken.row;
    EXPECT_EQ(report.count(broken.problem), 1u) << broken.row;
    EXPECT_EQ(report.skipped_total(), 1u) << broken.row;
    EXPECT_THAT(report.Summary(), HasSubstr("skipped 1 ")) << broken.row;
  }
  const Files nul = With(Small(), 0, good + std::string("o1,a3,f\0,http,1,2,3\n", 21));
  EXPECT_THAT(Refusal(nul), StartsWith("t/invocations.csv:4: the row holds NUL bytes"));
  EXPECT_EQ(ReadLenient(nul).trace.total_invocations(), 13u);
}

TEST(Azure2019, AnUnknownTriggerIsOthers) {
  const Files files = With(Small(), 0,
                           "HashOwner,HashApp,HashFunction,Trigger,480\n"
                           "o1,a1,f1,carrier pigeon,1\no1,a2,f2,timer,1\n");
  EXPECT_THAT(Refusal(files), StartsWith("t/invocations.csv:2:Trigger: 'carrier pigeon' is not"));
  const auto [trace, report] = ReadLenient(files);
  EXPECT_EQ(trace.functions()[0].trigger, Trigger::kOthers);
  EXPECT_EQ(report.count(Problem::kBadTrigger), 1u);
}

TEST(Azure2019, RefusesAHeaderItCannotUse) {
  EXPECT_THAT(Refusal(With(Small(), 0, "HashOwner,HashFunction,Trigger,1\no,f,http,1\n")),
              StartsWith("t/invocations.csv:1:HashApp: there is no such column"));
  EXPECT_THAT(Refusal(With(Small(), 0, "HashOwner,HashApp,HashFunction,Trigger\no,a,f,http\n")),
              HasSubstr("there is no column of a minute"));
  EXPECT_THAT(Refusal(With(Small(), 0, "")), StartsWith("t/invocations.csv: the file is empty"));
  // Nothing is left to read, whatever the mode.
  EXPECT_FALSE(ReadFiles(With(Small(), 0, "x,y\n"), {.lenient = true}).ok());
  EXPECT_THAT(Refusal(With(Small(), 0,
                           "HashOwner,HashApp,HashFunction,Trigger,480,481,481\n"
                           "o1,a1,f1,http,1,1,1\no1,a2,f2,http,1,1,1\n")),
              StartsWith("t/invocations.csv:1:481: the minute stands here twice"));
}

TEST(Azure2019, AGapOfMinutesIsRefusedOrEmpty) {
  const Files files = With(Small(), 0,
                           "HashOwner,HashApp,HashFunction,Trigger,480,483\n"
                           "o1,a1,f1,http,1,2\no1,a2,f2,http,3,4\n");
  EXPECT_THAT(Refusal(files), HasSubstr("2 of the minutes 480 to 483 have no column"));
  const auto [trace, report] = ReadLenient(files);
  EXPECT_EQ(trace.minutes(), 4);
  EXPECT_THAT(CountsOf(trace, 3), ElementsAre(Pair(0, 2), Pair(1, 4)));
  EXPECT_EQ(report.count(Problem::kGap), 1u);
}

TEST(Azure2019, AGapOfDaysIsRefusedOrEmpty) {
  Files files = Days();
  files[1].first = "r/invocations_per_function_md.anon.d03.csv";
  EXPECT_THAT(Refusal(files), StartsWith("r/invocations_per_function_md.anon.d03.csv:1: 1440 "
                                         "minutes are missing between r/invocations"));
  const auto [trace, report] = ReadLenient(files);
  EXPECT_EQ(trace.minutes(), 3 * 1440);
  EXPECT_THAT(CountsOf(trace, 2880), ElementsAre(Pair(1, 5)));
}

TEST(Azure2019, TwoFilesOfOneDayAreADuplicate) {
  Files files = Days();
  files[1].first = "r/invocations_per_function_md.anon.d1.csv";
  EXPECT_THAT(Refusal(files), HasSubstr("is of the same day"));
}

TEST(Azure2019, FunctionsWithoutDurationsOrMemory) {
  const Files files = {Small()[0]};
  EXPECT_THAT(Refusal(files),
              StartsWith("t/invocations.csv:2:HashFunction: this function and 1 more have no "
                         "durations on any day"));
  EXPECT_THAT(Refusal(files), HasSubstr("4 in all: 2 functions without durations, 2 functions "
                                        "without memory; --lenient"));
  const auto [trace, report] = ReadLenient(files);
  EXPECT_EQ(report.functions_without_durations, 2u);
  EXPECT_EQ(report.functions_without_memory, 2u);
  EXPECT_FALSE(trace.functions()[0].duration_known);
  EXPECT_NEAR(trace.functions()[0].duration_ms.Mean(), 683.861, 1e-9);
  EXPECT_EQ(trace.functions()[0].memory, Mebibytes(0));
  EXPECT_THAT(report.skipped, IsEmpty());
}

TEST(Azure2019, LocatesBrokenDurations) {
  const auto durations = [](const char* row) {
    return With(Small(), 1,
                std::string(kDurationHeader) + "o1,a2,f2,10,5,10,10,10,10,10,10,10,10,10\n" + row);
  };
  // A percentile may lie below the one before it by a tick: rounding.
  EXPECT_NEAR(ReadOrFail(durations("o1,a1,f1,10,5,10.4,20,10,10,10,10,20,20,20\n"))
                  .trace.functions()[0]
                  .duration_ms.Sample(0.2),
              10.4, 1e-9);
  for (const auto& [row, message] :
       {std::pair{"o1,a1,f1,10,5,10,20,10,10,10,8,20,20,20\n",
                  ":3:percentile_Average_50: 8 is below the 10"},
        {"o1,a1,f1,30,5,10,20,10,10,10,10,20,20,20\n", ":3:Average: the average 30 is not between"},
        {"o1,a1,f1,-1,5,10,20,10,10,10,10,20,20,20\n", ":3:Average: '-1' is negative"},
        {"o1,a1,f1,10,0,10,20,10,10,10,10,20,20,20\n", ":3:Count: there is no execution"},
        {"o1,a1,f1,10,5,10,nan,10,10,10,10,20,20,20\n", ":3:Maximum: 'nan' is not a number"},
        {"o1,a1,f1,10,5,10,1e300,10,10,10,10,20,20,20\n", ":3:Maximum: beyond all reason"},
        {"o1,a2,f2,10,5,10,10,10,10,10,10,10,10,10\n", ":3:HashFunction: function 'f2' stands"}}) {
    EXPECT_THAT(Refusal(durations(row)), StartsWith(std::string("t/durations.csv") + message));
    const auto [trace, report] = ReadLenient(durations(row));
    EXPECT_EQ(report.skipped_total(), 1u) << row;
    EXPECT_EQ(report.functions_without_durations, 1u) << row;
  }
  EXPECT_THAT(Refusal(With(Small(), 1, "HashOwner,HashApp,HashFunction,Average\n")),
              StartsWith("t/durations.csv:1:Count: there is no such column"));
}

TEST(Azure2019, LocatesBrokenMemory) {
  const auto memory = [](const char* row) {
    return With(Small(), 2, std::string(kMemoryHeader) + "o1,a2,f2,50,64\n" + row);
  };
  for (const auto& [row, message] :
       {std::pair{"o1,a1,f1,0,64\n", ":3:SampleCount: there is no sample"},
        {"o1,a1,f1,5,-64\n", ":3:AverageAllocatedMb: '-64' is negative"},
        {"o1,a1,f1,5,1e12\n", ":3:AverageAllocatedMb: beyond all reason"},
        {"o1,a2,f2,5,64\n", ":3:HashFunction: 'f2' stands in this file twice"}}) {
    EXPECT_THAT(Refusal(memory(row)), StartsWith(std::string("t/memory.csv") + message));
    EXPECT_EQ(ReadLenient(memory(row)).report.functions_without_memory, 1u) << row;
  }
}

TEST(Azure2019, CountsEveryProblemAndShowsTheFirstOnes) {
  std::string rows = Small()[0].second;
  for (int i = 0; i < 1000; ++i) rows += "o1,a3,f3,http,1,-2,3\n";
  const std::string refusal = Refusal(With(Small(), 0, rows));
  EXPECT_THAT(refusal, HasSubstr("1000 in all: 1000 negative numbers; --lenient"));
  EXPECT_EQ(std::count(refusal.begin(), refusal.end(), '\n'), 5);
}

TEST(ReadTraceFiles, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(Refusal({{"x.csv", "a,b\n1,2\n"}}), HasSubstr("none of the known formats"));
  EXPECT_THAT(Refusal({{"x.csv.gz", "\x1f\x8b\x08"}}), HasSubstr("compressed, unpack it first"));
  EXPECT_FALSE(ReadFiles({}).ok());
}

TEST(AzureDayOfName, FindsTheDay) {
  EXPECT_EQ(AzureDayOfName("x.d09/invocations_per_function_md.anon.d14.csv"), 14);
  EXPECT_EQ(AzureDayOfName("invocations.csv"), 1);
}

}  // namespace
}  // namespace reeve
