// Azure 2021, timed rows, Iluvatar and Huawei's requests: formats with a time for each invocation.
#include "readers_testing.h"

namespace reeve {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Azure2021, StartsAreEndsMinusDurationsShiftedToZero) {
  const auto [trace, report] = ReadOrFail({{"a.csv",
                                            "app,func,end_timestamp,duration\n"
                                            "a1,f1,1.5,2.000\n"   // starts at -0.5
                                            "a1,f2,3.25,0.250\n"  // starts at 3
                                            "a2,f1,2.0,0.000\n"   // the same hash elsewhere
                                            "a1,f1,9.5,1.000\n"}});
  EXPECT_EQ(report.format, TraceFormat::kAzure2021);
  EXPECT_EQ(report.shift, SimTime::Millis(500));
  EXPECT_EQ(report.durations_raised, 1u);
  EXPECT_EQ(report.functions_without_memory, 3u);
  ASSERT_TRUE(trace.timed());
  ASSERT_EQ(trace.functions().size(), 3u);
  EXPECT_EQ(trace.functions()[0].name, "f1");
  EXPECT_EQ(trace.functions()[2].name, "a2/a2/f1");
  ASSERT_EQ(trace.invocations().size(), 4u);
  EXPECT_EQ(trace.invocations()[0].start_us, 0);
  EXPECT_EQ(trace.invocations()[0].duration_us, 2'000'000);
  EXPECT_EQ(trace.invocations()[1].start_us, 2'500'000);
  EXPECT_EQ(trace.invocations()[1].function, 2u);
  EXPECT_EQ(trace.invocations()[1].duration_us, 1000);  // 0 is one tick
  EXPECT_EQ(trace.invocations()[2].start_us, 3'500'000);
  EXPECT_EQ(trace.invocations()[3].start_us, 9'000'000);
  // f1 ran for 2 s and 1 s.
  EXPECT_NEAR(trace.functions()[0].duration_ms.Mean(), 1500, 1e-6);
  EXPECT_NEAR(trace.functions()[0].duration_ms.Sample(0.5), 1500, 1e-6);
}

TEST(Azure2021, LocatesAndSkipsBrokenRows) {
  const std::string good = "app,func,end_timestamp,duration\na1,f1,1.5,1\n";
  for (const auto& [row, message] :
       {std::pair{"a1,f1,2,-1\n", ":3:duration: '-1' is negative"},
        {"a1,f1,nan,1\n", ":3:end_timestamp: 'nan' is not a number"},
        {"a1,f1,1e300,1\n", ":3:end_timestamp: beyond all reason"},
        {"a1,,2,1\n", ":3:func: the name is empty"},
        {"a1,f1,2", ":3:duration: the row has 3 cells for 4 columns and the file ends in it"}}) {
    EXPECT_THAT(Refusal({{"a.csv", good + row}}), StartsWith(std::string("a.csv") + message));
    const auto [trace, report] = ReadLenient({{"a.csv", good + row}});
    EXPECT_EQ(trace.total_invocations(), 1u);
    EXPECT_EQ(report.skipped_total(), 1u);
  }
  EXPECT_THAT(Refusal({{"a.csv", "func,app,end_timestamp\n"}}),
              StartsWith("a.csv:1:duration: there is no such column"));
  EXPECT_THAT(Refusal({{"a.csv", "app,func,end_timestamp,duration\n"}}),
              HasSubstr("there is no invocation"));
  EXPECT_THAT(Refusal({{"a.csv", good + "a1,f1,999999999,1\n"}}), HasSubstr("more than ten years"));
}

TEST(Timed, ReadsTheNeutralEventList) {
  const auto [trace, report] = ReadOrFail(
      {{"e.csv", "function,start,duration\nresize,12.25,0.310\nsend,5,0\nresize,13,0.290\n"}});
  EXPECT_EQ(report.format, TraceFormat::kTimed);
  EXPECT_EQ(report.shift, SimTime());
  ASSERT_EQ(trace.invocations().size(), 3u);
  EXPECT_EQ(trace.invocations()[0].start_us, 5'000'000);  // as written, not shifted
  EXPECT_EQ(trace.invocations()[0].duration_us, 0);
  EXPECT_EQ(trace.invocations()[1].start_us, 12'250'000);
  EXPECT_EQ(trace.invocations()[1].duration_us, 310'000);
  EXPECT_NEAR(trace.functions()[0].duration_ms.Mean(), 300, 1e-9);
  EXPECT_EQ(trace.tenants()[0], "default");
  EXPECT_EQ(trace.apps()[0], "resize");
}

TEST(Timed, ReadsUnitsAndOptionalColumns) {
  const auto [trace, report] =
      ReadOrFail({{"e.csv",
                   "tenant,memory_mb,time_ms,app,function,duration_us,note\n"
                   "t1,100,1500,shop,pay,250,x\n"
                   "t1,,2500,shop,pay,,y\n"
                   "t1,201,500,shop,pay,750,\"a,b\"\n"
                   "t2,,0,shop,pay,,\n"}});
  ASSERT_EQ(trace.functions().size(), 2u);
  EXPECT_EQ(trace.functions()[0].name, "pay");
  EXPECT_EQ(trace.functions()[1].name, "t2/shop/pay");
  EXPECT_EQ(trace.functions()[0].memory, Mebibytes(151));  // the mean of 100 and 201, rounded
  EXPECT_EQ(trace.functions()[1].memory, Mebibytes(0));
  EXPECT_NEAR(trace.functions()[0].duration_ms.Mean(), 0.5, 1e-9);
  EXPECT_FALSE(trace.functions()[1].duration_known);
  EXPECT_EQ(report.functions_without_durations, 1u);
  ASSERT_EQ(trace.invocations().size(), 4u);
  EXPECT_EQ(trace.invocations()[0].function, 1u);
  EXPECT_EQ(trace.invocations()[1].start_us, 500'000);
  EXPECT_EQ(trace.invocations()[1].duration_us, 750);
  EXPECT_EQ(trace.invocations()[3].duration_us, TimedInvocation::kDrawDuration);
}

TEST(Timed, ShiftsWallClockTimes) {
  const auto [trace, report] =
      ReadOrFail({{"e.csv", "function,time_ms\nf,1700000000250\nf,1700000000000\n"}});
  EXPECT_EQ(trace.invocations()[1].start_us, 250'000);
  EXPECT_EQ(report.shift, SimTime::Seconds(-1'700'000'000));
  EXPECT_THAT(report.Summary(), HasSubstr("times are shifted by -1700000000.000000 s"));
}

TEST(Timed, LocatesBrokenRows) {
  const std::string good = "function,time,duration\nf,1,1\n";
  for (const auto& [row, message] :
       {std::pair{"f,-1,1\n", ":3:time: '-1' is negative"},
        {"f,1,x\n", ":3:duration: 'x' is not a number"},
        {",1,1\n", ":3:function: the name is empty"},
        {"f,1e11,1\n", ":3:time: beyond all reason; check the unit"}}) {
    EXPECT_THAT(Refusal({{"e.csv", good + row}}), StartsWith(std::string("e.csv") + message));
    EXPECT_EQ(ReadLenient({{"e.csv", good + row}}).trace.total_invocations(), 1u);
  }
  EXPECT_THAT(Refusal({{"e.csv", "function,when\nf,1\n"}}),
              StartsWith("e.csv:1:time: there is no such column"));
}

Files Iluvatar() {
  return {{"trace.csv", "func_name,invoke_time_ms\nf,20\ng,10.5\nf,0\n"},
          {"meta.csv",
           "func_name,cold_dur_ms,warm_dur_ms,mem_mb\nf,900,100,256\ng,10,20,64\nh,1,1,1\n"}};
}

TEST(Iluvatar, ReadsInvocationsAndFunctions) {
  const auto [trace, report] = ReadOrFail(Iluvatar());
  EXPECT_EQ(report.format, TraceFormat::kIluvatar);
  ASSERT_EQ(trace.functions().size(), 2u);
  EXPECT_EQ(trace.functions()[0].duration_ms, Distribution::Constant(100));
  EXPECT_EQ(trace.functions()[0].cold_start_ms, Distribution::Constant(800));
  EXPECT_EQ(trace.functions()[1].cold_start_ms, Distribution::Constant(0));
  EXPECT_EQ(trace.functions()[0].memory, Mebibytes(256));
  ASSERT_EQ(trace.invocations().size(), 3u);
  EXPECT_EQ(trace.invocations()[1].start_us, 10'500);
  EXPECT_EQ(trace.invocations()[1].duration_us, TimedInvocation::kDrawDuration);
}

TEST(Iluvatar, FunctionsWithoutARowAreRefusedOrCounted) {
  const Files files = {Iluvatar()[0]};
  EXPECT_THAT(Refusal(files), HasSubstr("2 functions without durations"));
  const auto [trace, report] = ReadLenient(files);
  EXPECT_EQ(report.functions_without_durations, 2u);
  EXPECT_FALSE(trace.functions()[0].duration_known);
}

TEST(HuaweiRequests, ReadsRequestsAndColdStarts) {
  const auto [trace, report] =
      ReadOrFail({{"requests.csv",
                   "time_worker,requestID,funcName,podID,userID,totalCost_worker\n"
                   "2600186.994,r1,296,pool22-300-128-0000618412,224,0.025\n"
                   "2600187.000,r2,296,pool22-300-128-0000618413,224,0.035\n"
                   "2600186.970,r3,7,pool24-600-512-1,9,0.001\n"},
                  {"cold.csv",
                   "day,time,funcName,userID,podID,totalCost_cold_start\n"
                   "30,1,296,224,pool22-300-128-0000618412,2.5\n"}});
  EXPECT_EQ(report.format, TraceFormat::kHuaweiRequests);
  ASSERT_EQ(trace.functions().size(), 2u);
  EXPECT_EQ(trace.functions()[0].name, "296---224---pool22-300-128");
  EXPECT_EQ(trace.tenants()[0], "224");
  EXPECT_EQ(trace.functions()[0].memory, Mebibytes(128));
  EXPECT_EQ(trace.functions()[1].memory, Mebibytes(512));
  EXPECT_NEAR(trace.functions()[0].duration_ms.Mean(), 30, 1e-9);
  EXPECT_EQ(trace.functions()[0].cold_start_ms, Distribution::Constant(2500));
  EXPECT_FALSE(trace.functions()[1].cold_start_ms.has_value());
  // Starts: .969 both for r1 and r3 (r2 .965 is the earliest).
  ASSERT_EQ(trace.invocations().size(), 3u);
  EXPECT_EQ(trace.invocations()[0].duration_us, 35'000);
  EXPECT_EQ(trace.invocations()[0].start_us, 0);
  EXPECT_EQ(trace.invocations()[1].start_us, 4'000);
  EXPECT_EQ(trace.invocations()[2].start_us, 4'000);
  EXPECT_EQ(trace.invocations()[2].function, 1u);
}

}  // namespace
}  // namespace reeve
