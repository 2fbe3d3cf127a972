// The pages of runs under a changing load in a real browser: bands, curves and visits are the
// record's; names that are code stay text.
#include "runs/adaptation_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/files.h"
#include "runs/adaptation_timeline.h"
#include "tests/runs/page_test.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

constexpr const char* kCode = "<img src=x onerror=\"window.hacked=1\">";

// Two hours of two environments in turn, half an hour each; the fallback drives the first minutes.
AdaptationRecord Record() {
  AdaptationTimeline timeline(SimTime::Minutes(1), SimTime::Minutes(5));
  for (int64_t m = 0; m < 120; ++m) {
    const int64_t truth = m / 30 % 2;
    for (int64_t r = 1; r <= 20; ++r)
      timeline.AddRequest({r * (truth + 1) * 10'000, 350'000, false});
    timeline.EndPeriod({.start = SimTime::Minutes(m),
                        .end = SimTime::Minutes(m + 1),
                        .truth = truth,
                        .detected = m < 31 ? 0 : (m - 1) / 30 % 2,
                        .expert = (m - 1) / 30 % 2,
                        .exploring = m < 40 ? 1.0 : 0.0,
                        .engaged = m < 3 ? 1.0 : 0.0,
                        .reward = -1.0 - static_cast<double>(truth),
                        .cost = 0.5});
  }
  AdaptationRecord record = timeline.Finish(SimTime::Minutes(3));
  record.name = "two loads";
  record.driver = "learner";
  record.cost_unit = "GiB h";
  record.labels = {"calm", kCode};
  record.learner.experts_begun = 2;
  return record;
}

class AdaptationPageTest : public PageTest {
 protected:
  static void OpenPage(const std::string& name, const std::string& html) {
    ASSERT_TRUE(WriteFileAtomically(PathOf(name), html).ok());
    PageTest::Open(name);
  }
  static std::string Text(const std::string& selector) {
    return browser_->Evaluate("document.querySelector('" + selector + "').textContent");
  }
};

TEST_F(AdaptationPageTest, ShowsBandsCurvesAndVisits) {
  OpenPage("run.html", AdaptationPage(AdaptationToJson(Record(), true)));
  EXPECT_EQ(browser_->Evaluate("document.title"), "two loads - Reeve adaptation");
  EXPECT_THAT(Strings(kDrawnCharts),
              ElementsAre("Environments", "p99 latency", "p95 latency", "Cost", "Mean reward"));
  EXPECT_THAT(Text("#page-facts"), HasSubstr("2 h, 2,400 requests, 2 environments"));
  EXPECT_THAT(Text("#cards"), HasSubstr("3 of 3"));  // shifts detected
  EXPECT_THAT(Text("#timeline-legend"), HasSubstr(kCode));
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('#visits-table tbody tr').length"), 4);
  EXPECT_THAT(Text("#visits-table tbody tr:nth-child(3)"), HasSubstr("return"));
  // 20 requests of 10 to 200 ms a minute in the first environment.
  const double p99 = browser_->Evaluate(ChartOf("p99 latency") + ".data.datasets[0].data[5].y");
  EXPECT_NEAR(p99, 200, 2);
  EXPECT_EQ(browser_->Evaluate(ChartOf("Mean reward") + ".data.datasets[0].data.length"), 120);
  Photograph("adaptation", true);
}

TEST_F(AdaptationPageTest, WithNothingInItThePageStillStands) {
  OpenPage("empty.html", AdaptationPage(Json::object()));
  EXPECT_EQ(Text("#page-title"), "Adaptation");
}

TEST_F(AdaptationPageTest, AStudyHasATableAndABarForEachVariant) {
  const auto mean = [](double v) {
    return Json{{"value", v}, {"low", v * 0.9}, {"high", v * 1.1}};
  };
  Json rows = Json::array();
  for (const std::string problem : {"stragglers", "tenants"}) {
    for (const std::string variant : {"prescient", kCode}) {
      const double scale = variant == "prescient" ? 1 : 2;
      rows.push_back({{"problem", problem},
                      {"variant", variant},
                      {"cost_unit", "GiB h"},
                      {"parameters", {{"timeout", "300"}}},
                      {"means", {{"latency_p99_ms", mean(100 * scale)}, {"reward", nullptr}}},
                      {"p99_over_reference", mean(scale)}});
    }
  }
  const Json study = {{"name", "s"},
                      {"title", "A study"},
                      {"reference", "prescient"},
                      {"level", 0.95},
                      {"metrics",
                       {{{"key", "latency_p99_ms"}, {"title", "p99"}, {"unit", "ms"}},
                        {{"key", "reward"}, {"title", "reward"}, {"unit", ""}}}},
                      {"rows", rows}};
  OpenPage("study.html", AdaptationStudyPage(study));
  EXPECT_EQ(Text("#page-title"), "A study");
  EXPECT_THAT(Strings(kDrawnCharts), ElementsAre("p99 over prescient", "p99"));
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('#results-table tbody tr').length"), 2);
  EXPECT_THAT(Text("#results-table tbody tr:nth-child(2)"), HasSubstr("200 ms"));
  EXPECT_EQ(browser_->Evaluate(ChartOf("p99") + ".data.datasets[0].data[1].x"), 200);
  browser_->Evaluate(Choose("pick-problem", "tenants"));
  EXPECT_THAT(Strings(kDrawnCharts), ElementsAre("p99 over prescient", "p99"));
  Photograph("adaptation-study", true);
}

}  // namespace
}  // namespace reeve
