#include "core/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace reeve {
namespace {

struct Harness {
  int64_t now_us = 0;
  std::string shown;

  Progress::Options Options(Progress::Mode mode, size_t columns = 200) {
    return {.mode = mode,
            .now_us = [this] { return now_us; },
            .write = [this](std::string_view text) { shown += text; },
            .columns = columns};
  }
};

TEST(Progress, OneLinePerIntervalElsewhere) {
  Harness harness;
  Progress progress({.what = "simulate", .total = 1000, .unit = "invocations"},
                    harness.Options(Progress::Mode::kLines));
  EXPECT_FALSE(progress.Due());
  harness.now_us = 9'999'999;
  EXPECT_FALSE(progress.Due());
  harness.now_us = 10'000'000;
  ASSERT_TRUE(progress.Due());
  progress.Report(250, {{"cold_starts", "1,204"}, {"policy", "my kpa"}});
  // 250 in 10 s is 25 a second; the other 750 take 30 s.
  EXPECT_EQ(harness.shown,
            "progress what=simulate done=250 total=1000 percent=25.0 unit=invocations "
            "elapsed_s=10.0 per_s=25 left_s=30.0 cold_starts=1,204 policy=\"my kpa\"\n");
  EXPECT_FALSE(progress.Due());
  harness.now_us = 20'000'000;
  EXPECT_TRUE(progress.Due());
  harness.shown.clear();
  progress.Finish(1000, {});
  EXPECT_EQ(harness.shown,
            "finished what=simulate done=1000 total=1000 percent=100.0 unit=invocations "
            "elapsed_s=20.0 per_s=50 left_s=0.0\n");
  EXPECT_FALSE(progress.Due());
  progress.Report(1000, {});
  EXPECT_EQ(harness.shown.find("progress "), std::string::npos);
}

TEST(Progress, BlockIsRedrawnInPlaceAndRemoved) {
  Harness harness;
  Progress progress({.what = "simulate", .total = 100, .unit = "s"},
                    harness.Options(Progress::Mode::kBlock));
  ASSERT_TRUE(progress.Due());
  harness.now_us = 2'000'000;
  progress.Report(50, {{"slo_violations", "3"}});
  const std::string half = "███████████████···············";
  EXPECT_EQ(harness.shown, "\r\x1b[Ksimulate  " + half +
                               "  50.0 %\n"
                               "\r\x1b[K50.0 s, 25.0/s, 2.0 s gone, 2.0 s left\n"
                               "\r\x1b[Kslo violations 3\n\x1b[J");
  EXPECT_FALSE(progress.Due());
  harness.now_us = 2'100'000;
  EXPECT_TRUE(progress.Due());
  harness.shown.clear();
  progress.Report(100, {});
  EXPECT_TRUE(harness.shown.starts_with("\x1b[3A\r")) << harness.shown;
  harness.shown.clear();
  progress.Finish(100, {});
  EXPECT_EQ(harness.shown, "\x1b[2A\r\x1b[J");  // the second block had no status line
}

TEST(Progress, BlockLinesNeverWrap) {
  Harness harness;
  Progress progress({.what = "simulate", .total = 100, .unit = "s"},
                    harness.Options(Progress::Mode::kBlock, 20));
  harness.now_us = 1'000'000;
  progress.Report(50, {{"name", std::string(100, 'x')}});
  EXPECT_NE(harness.shown.find("name xxxxxxxxxxxxx…\n"), std::string::npos) << harness.shown;
}

TEST(Progress, QuietIsSilentAndNeverDue) {
  Harness harness;
  Progress progress({.what = "x"}, harness.Options(Progress::Mode::kQuiet));
  harness.now_us = 1'000'000'000;
  EXPECT_FALSE(progress.Due());
  progress.Report(1, {});
  progress.Finish(1, {});
  EXPECT_EQ(harness.shown, "");
}

TEST(Progress, UnknownTotalHasNoBarAndNoTimeLeft) {
  Harness harness;
  Progress progress({.what = "import", .unit = "rows"}, harness.Options(Progress::Mode::kBlock));
  harness.now_us = 1'000'000;
  progress.Report(10, {});
  EXPECT_EQ(harness.shown, "\r\x1b[Kimport\n\r\x1b[K10.0 rows, 10.0/s, 1.0 s gone\n\x1b[J");
}

TEST(Progress, ReportsFromSeveralThreads) {
  std::string shown;
  {
    Progress progress({.what = "x", .total = 200},
                      {.mode = Progress::Mode::kLines,
                       .line_interval_s = 0,
                       .write = [&](std::string_view t) { shown += t; }});
    auto report = [&] {
      for (int i = 0; i < 100; ++i) progress.Report(i, {});
    };
    std::thread a(report), b(report);
    a.join();
    b.join();
  }
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 200);
}

}  // namespace
}  // namespace reeve
