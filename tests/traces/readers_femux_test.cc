// Containers needed per minute, turned into requests. Expected numbers are worked out by hand.
#include "readers_testing.h"
#include "traces/readers/femux.h"

namespace reeve {
namespace {

using femux_internal::PlaceRequests;
using testing::ElementsAre;
using testing::HasSubstr;
using Counts = std::vector<std::pair<uint32_t, uint32_t>>;

std::vector<uint64_t> Place(const std::vector<uint32_t>& containers, uint64_t requests,
                            size_t from = 0, size_t to = 0) {
  return PlaceRequests(containers, requests, from, to);
}

TEST(FemuxPlaceRequests, FollowTheContainersNeeded) {
  EXPECT_THAT(Place({1, 0, 1, 1}, 3), ElementsAre(1, 0, 1, 1));
  EXPECT_THAT(Place({1, 2, 1}, 8), ElementsAre(2, 4, 2));
  // 5 of {1, 1, 1}: 5/3, 10/3 and 5 are due by then.
  EXPECT_THAT(Place({1, 1, 1}, 5), ElementsAre(1, 2, 2));
  EXPECT_THAT(Place({0, 0, 3}, 0), ElementsAre(0, 0, 0));
  EXPECT_THAT(Place({}, 7), ElementsAre());
}

TEST(FemuxPlaceRequests, AContainerHeldOverMinutesMayBeOneRequest) {
  EXPECT_THAT(Place({0, 1, 1, 1, 0, 1}, 2), ElementsAre(0, 1, 0, 0, 0, 1));
  EXPECT_THAT(Place({0, 1, 1, 1, 0, 1}, 3), ElementsAre(0, 1, 0, 1, 0, 1));
  // From one container to three: two requests begin there.
  EXPECT_THAT(Place({1, 3, 2}, 3), ElementsAre(1, 2, 0));
}

TEST(FemuxPlaceRequests, TheDayHasAsManyMoreAsItNeedsMoreContainers) {
  EXPECT_THAT(Place({1, 1, 1, 1}, 4, 1, 3), ElementsAre(2, 2, 2, 2));
  // Nothing was needed while requests were counted: they are all there are.
  EXPECT_THAT(Place({2, 0, 0, 2}, 4, 1, 3), ElementsAre(2, 0, 0, 2));
}

TEST(FemuxPlaceRequests, RowsThatLostTheirMinutesAreSpreadEvenly) {
  EXPECT_THAT(Place({1, 0, 0, 0, 0}, 200), ElementsAre(200, 0, 0, 0, 0));
  EXPECT_THAT(Place({1, 0, 0, 0, 0}, 205), ElementsAre(41, 41, 41, 41, 41));
  EXPECT_THAT(Place({0, 0}, 4), ElementsAre(2, 2));
}

const std::string kMinutes =
    "HashApp,NumEvents,NumInvocations,MaxContainerMinute,AverageMemUsageMb,c1,c2,c3\n"
    "0123456789ab,9,6,1,128,1,0,1\n"
    "fedcba9876,9,4,2,200,0,2,0\n"
    "aaaaaaaaaa,9,1,1,100,1,0,0\n";
const std::string kCounts =
    "APP_NAME,REQUEST_COUNT,COLD_START_COUNT\n"
    "application-01234567,10,2\napplication-fedcba98,2,1\n";
const std::string kUse =
    "APP_NAME,MEM_ALLOC,MEM_UTIL\napplication-01234567,1,640\napplication-fedcba98,1,0\n";

TEST(Femux, TakesWhatWasReplayed) {
  const auto [trace, report] = ReadOrFail({{"d/apps_minutes.csv", kMinutes},
                                           {"d/femux_per_app_cold_starts.csv", "APP_NAME\nx\n"},
                                           {"d/vanilla_per_app_alloc_util.csv", kUse},
                                           {"d/vanilla_per_app_cold_starts.csv", kCounts}});
  EXPECT_EQ(report.format, TraceFormat::kFemux);
  EXPECT_EQ(report.files, 3u);
  ASSERT_EQ(trace.functions().size(), 2u);  // the third was not replayed
  ASSERT_EQ(trace.minutes(), 3);
  EXPECT_EQ(CountsOf(trace, 0), (Counts{{0, 5}}));
  EXPECT_EQ(CountsOf(trace, 1), (Counts{{1, 2}}));
  EXPECT_EQ(CountsOf(trace, 2), (Counts{{0, 5}}));
  const FunctionProfile& first = trace.functions()[0];
  EXPECT_EQ(first.name, "0123456789ab");
  EXPECT_EQ(first.memory, Mebibytes(128));
  EXPECT_TRUE(first.duration_known);
  EXPECT_DOUBLE_EQ(first.duration_ms.Mean(), 500);  // 640 MB s / (128 MB * 10)
  EXPECT_FALSE(trace.functions()[1].duration_known);
  EXPECT_EQ(report.functions_without_durations, 1u);
}

TEST(Femux, AloneItHasTheInvocationsOfTheDay) {
  const auto [trace, report] = ReadOrFail({{"apps_minutes.csv", kMinutes}});
  EXPECT_EQ(trace.functions().size(), 3u);
  EXPECT_EQ(trace.total_invocations(), 11u);
  EXPECT_EQ(CountsOf(trace, 0), (Counts{{0, 3}, {2, 1}}));
  EXPECT_EQ(report.functions_without_durations, 3u);
}

TEST(Femux, SaysWhatIsBroken) {
  const std::string header = "HashApp,NumInvocations,AverageMemUsageMb,c1,c2\n";
  EXPECT_THAT(Refusal({{"a.csv", header + "x,1,1,0,-1\n"}}), HasSubstr("a.csv:2:c2: "));
  EXPECT_THAT(Refusal({{"a.csv", header + "x,1,1,0\n"}}), HasSubstr("a.csv:2"));
  EXPECT_THAT(Refusal({{"a.csv", header + ",1,1,0,1\n"}}), HasSubstr("the name is empty"));
  EXPECT_THAT(Refusal({{"a.csv", header + "x,1,1,1,1\nx,1,1,1,1\n"}}),
              HasSubstr("stands here twice"));
  EXPECT_THAT(Refusal({{"a.csv", header + "x,1e12,1,1,1\n"}}), HasSubstr("beyond all reason"));
  EXPECT_THAT(Refusal({{"a.csv", "HashApp,c1\nx,1\n"}}), HasSubstr("NumInvocations"));
  EXPECT_THAT(Refusal({{"a.csv", header + "x,1,1,1,1\n"},
                       {"vanilla_per_app_cold_starts.csv", "APP_NAME,REQUEST_COUNT\nx,1\n"}}),
              HasSubstr("application-XXXXXXXX"));
}

TEST(Femux, LenientKeepsTheRest) {
  const auto [trace, report] =
      ReadLenient({{"a.csv", "HashApp,NumInvocations,AverageMemUsageMb,c1\nx,1,1,?\ny,2,1,1\n"}});
  EXPECT_EQ(trace.total_invocations(), 2u);
  EXPECT_EQ(report.count(Problem::kBadNumber), 1u);
}

}  // namespace
}  // namespace reeve
