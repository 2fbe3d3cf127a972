#include "readers_testing.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::StartsWith;

// Two days' last and first minutes; function 7 pauses, function 9 has a blank.
Files Private() {
  return {{"h/requests_minute/day_000.csv", "day,time,7,9\n0,86280,10.0,\n0,86340,0.0,4\n"},
          {"h/requests_minute/day_001.csv", "day,time,7,9\n1,86400,30,5\n"},
          {"h/function_delay_minute/day_000.csv", "day,time,7,9\n0,86280,100,\n0,86340,5,\n"},
          {"h/function_delay_minute/day_001.csv", "day,time,7,9\n1,86400,200,\n"},
          {"h/memory_limit_minute/day_000.csv", "day,time,7,9\n0,86280,512,\n0,86340,256,9\n"},
          {"h/instances_minute/day_000.csv", "day,time,7,9\n0,86280,2,\n0,86340,1,0\n"},
          {"h/cpu_usage_minute/day_000.csv", "anything"}};
}

TEST(Huawei, JoinsMetricsAndDays) {
  const auto [trace, report] = ReadOrFail(Private());
  EXPECT_EQ(report.format, TraceFormat::kHuawei);
  EXPECT_EQ(report.files, 6u);  // CPU usage is left alone
  EXPECT_EQ(trace.first_minute(), 1438);
  ASSERT_EQ(trace.minutes(), 3);
  EXPECT_THAT(CountsOf(trace, 0), ElementsAre(Pair(0, 10)));
  EXPECT_THAT(CountsOf(trace, 1), ElementsAre(Pair(1, 4)));
  EXPECT_THAT(CountsOf(trace, 2), ElementsAre(Pair(0, 30), Pair(1, 5)));
  // 10 requests took 100 ms and 30 took 200; the minute without requests says nothing.
  const FunctionProfile& seven = trace.functions()[0];
  EXPECT_EQ(seven.name, "7");
  EXPECT_NEAR(seven.duration_ms.Mean(), 175, 0.5);  // half a clock tick
  EXPECT_NEAR(seven.duration_ms.Sample(0.2), 100, 1e-9);
  EXPECT_NEAR(seven.duration_ms.Sample(0.6), 200, 1e-9);
  EXPECT_EQ(seven.memory, Mebibytes(256));  // (512 + 256) / (2 + 1)
  EXPECT_FALSE(trace.functions()[1].duration_known);
  EXPECT_EQ(trace.functions()[1].memory, Mebibytes(0));
  EXPECT_EQ(report.functions_without_durations, 1u);
  EXPECT_EQ(report.functions_without_memory, 1u);
  EXPECT_THAT(report.skipped, IsEmpty());
}

TEST(Huawei, RequestsAloneAreEnough) {
  const auto [trace, report] = ReadOrFail({{"day_00.csv", "day,time,0,1\n0,0,1,2\n0,60,0,3\n"}});
  EXPECT_EQ(trace.total_invocations(), 6u);
  EXPECT_EQ(report.functions_without_durations, 2u);
}

TEST(Huawei, LocatesAndSkipsBrokenCellsAndRows) {
  const std::string good = "day,time,7,9\n0,0,1,2\n";
  struct Case {
    const char* row;
    const char* message;
    uint64_t invocations;  // of a lenient reading; the good row has 3
  };
  for (const Case& c :
       std::vector<Case>{{"0,60,-4,5\n", ":3:7: '-4' is negative", 8},  // only the cell is lost
                         {"0,60,1.5,5\n", ":3:7: '1.5' is not a whole number", 8},
                         {"0,60,nan,5\n", ":3:7: 'nan' is not a whole number", 8},
                         {"0,61,4,5\n", ":3:time: not a whole number of minutes", 3},
                         {"0,0,4,5\n", ":3:time: there is a row of this minute already", 3},
                         {"0,1e15,4,5\n", ":3:time: more than ten years", 3},
                         {"0,60,4\n", ":3:9: the row has 3 cells for 4 columns", 3}}) {
    const Files files = {{"requests_minute/day_000.csv", good + c.row}};
    EXPECT_THAT(Refusal(files), StartsWith(std::string("requests_minute/day_000.csv") + c.message));
    const auto [trace, report] = ReadLenient(files);
    EXPECT_EQ(trace.total_invocations(), c.invocations) << c.row;
    EXPECT_EQ(report.skipped_total(), 1u) << c.row;
  }
  EXPECT_THAT(Refusal({{"day_000.csv", "day,time,7,7\n0,0,1,2\n"}}),
              StartsWith("day_000.csv:1:7: a function's column has no name or stands here twice"));
}

TEST(Huawei, AGapOfMinutesIsRefusedOrEmpty) {
  const Files files = {{"day_000.csv", "day,time,7\n0,0,1\n0,180,2\n"}};
  EXPECT_THAT(Refusal(files), HasSubstr("between second 0 and 180, 2 minutes have no row"));
  const auto [trace, report] = ReadLenient(files);
  EXPECT_EQ(trace.minutes(), 4);
  EXPECT_EQ(report.count(Problem::kGap), 1u);
}

}  // namespace
}  // namespace reeve
