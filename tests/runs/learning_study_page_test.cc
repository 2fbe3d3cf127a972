// The page of a study of learning in a real browser: numbers over seeds, ratios with whiskers and
// their line, curves with bands, one legend for all panels; names that are code stay text.
#include "runs/learning_study_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/runs/page_test.h"
#include "tests/runs/synthetic_learning.h"
#include "tests/runs/synthetic_run.h"

namespace reeve {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using Json = nlohmann::json;

constexpr const char* kNames =
    "[...document.querySelectorAll('#results-table tbody .name')].map((n) => n.textContent)";

Json Function(const char* name, const Json& p99) {
  return {{"name", name}, {"latency_p99_ms", p99}, {"slo_violation_share", 0.5}};
}

// Variants "a" (two seeds) and "b" (one, of which little is known), functions "f" and "g".
Json SmallStudy() {
  const Json a1 = {{"seed", 1},           {"latency_p99_ms", 30},
                   {"final_return", -2},  {"functions", {Function("f", 10), Function("g", 100)}},
                   {"steps", {100, 200}}, {"returns", {{-8, -2}, {nullptr, -3}}}};
  const Json a2 = {
      {"seed", 2},           {"latency_p99_ms", 50},
      {"final_return", -4},  {"functions", {Function("f", 30), Function("g", nullptr)}},
      {"steps", {100, 200}}, {"returns", {{-6, -4}, {-9, -5}}}};
  const Json b1 = {{"seed", 1},           {"latency_p99_ms", nullptr},
                   {"final_return", -1},  {"functions", {Function("f", 20), Function("g", 40)}},
                   {"steps", {100, 150}}, {"returns", {{-7, -1}, {-7, -1}}}};
  const auto ratio = [](const char* name, const char* function, double value, int reference) {
    return Json{{"scenario", ""},        {"ratio", name},       {"function", function},
                {"value", value},        {"low", value - 0.25}, {"high", value + 0.5},
                {"reference", reference}};
  };
  Json unknown = ratio("D", "g", 0, 1);
  unknown["value"] = unknown["low"] = unknown["high"] = nullptr;
  return {
      {"format", "reeve-learning-study"},
      {"version", 1},
      {"name", "small"},
      {"level", 0.9},
      {"rows",
       {{{"scenario", ""}, {"variant", "a"}, {"runs", {a1, a2}}},
        {{"scenario", ""}, {"variant", "b"}, {"runs", {b1}}}}},
      {"ratios", {ratio("D", "f", 2, 1), unknown, ratio("D", "", 3, 1), ratio("E", "", 0.5, 0)}}};
}

class LearningStudyPageTest : public PageTest {
 protected:
  static void Open(const std::string& name, const Json& results) {
    ASSERT_TRUE(WriteLearningStudyPage(results, PathOf(name)).ok());
    PageTest::Open(name);
  }
  static Json Series(const std::string& title, const std::string& label, const std::string& what) {
    return browser_->Evaluate(ChartOf(title) + ".data.datasets.find((d) => d.label === " +
                              Json(label).dump() + ")" + what);
  }
  static Json Cell(const std::string& variant, const std::string& metric, const std::string& part) {
    return browser_->Evaluate(
        "[...document.querySelectorAll('#results-table tbody tr')].find((r) => "
        "r.querySelector('.name').textContent === " +
        Json(variant).dump() + ").querySelector('td[data-metric=" + metric + "] ." + part +
        "').textContent");
  }
};

TEST_F(LearningStudyPageTest, DrawsRatiosCurvesAndFunctionsOfAScenario) {
  Open("study.html", SyntheticStudy());
  EXPECT_EQ(browser_->Evaluate("document.title"), "five_tenants - Reeve study");
  const std::vector<std::string> drawn = Strings(kDrawnCharts);
  EXPECT_THAT(drawn, ElementsAre("S-RL / S-RL alone", "MA-PPO over S-RL alone", "Mean over agents",
                                 "checkout", "thumbnails", "search-index", "mailer", "export",
                                 "p99 latency by function"));
  EXPECT_THAT(Strings(kNames), ElementsAre("MA-PPO", "S-RL", "S-RL alone", "kpa"));
  Photograph("study-wide", true);
  // The other scenario: other numbers in the same charts.
  const Json before = Series("checkout", "MA-PPO", ".data[50].y");
  browser_->Evaluate(Choose("pick-scenario", "1"));
  EXPECT_EQ(Strings(kDrawnCharts), drawn);
  EXPECT_NE(Series("checkout", "MA-PPO", ".data[50].y"), before);
}

TEST_F(LearningStudyPageTest, NumbersAreThoseOfTheSeeds) {
  Open("small.html", SmallStudy());
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#pickers').hidden"), true);
  EXPECT_EQ(Cell("a", "latency_p99_ms", "mean"), "40.0 ms");
  EXPECT_EQ(Cell("a", "latency_p99_ms", "range"), "30.0 ms to 50.0 ms");
  EXPECT_EQ(Cell("b", "final_return", "mean"), "-1.00");
  EXPECT_EQ(Cell("b", "final_return", "range"), "");
  EXPECT_EQ(Cell("b", "latency_p99_ms", "mean"), "–");
  // Curves: at each step the mean over the seeds that know it, from the least to the most.
  EXPECT_EQ(Series("f", "a", ".data.map((p) => [p.x, p.y, p.low, p.high])"),
            (Json{{100, -7, -8, -6}, {200, -3, -4, -2}}));
  EXPECT_EQ(Series("g", "a", ".data.map((p) => [p.x, p.y, p.low, p.high])"),
            (Json{{100, -9, -9, -9}, {200, -4, -5, -3}}));
  // Over agents first, then over seeds: (-8 + (-6 - 9) / 2) / 2.
  EXPECT_EQ(Series("Mean over agents", "a", ".data[0].y"), -7.75);
  EXPECT_EQ(Series("Mean over agents", "b", ".data.map((p) => p.x)"), (Json{100, 150}));
  // Bars by function, with a ring for each of several seeds.
  const std::string bars = "p99 latency by function";
  EXPECT_EQ(Series(bars, "a", ".data.map((p) => [p.x, p.y])"), (Json{{0, 20}, {1, 100}}));
  EXPECT_EQ(Series(bars, "a", ".data.map((p) => p.seeds)"), (Json{{10, 30}, Json::array()}));
  EXPECT_EQ(Series(bars, "b", ".data.map((p) => [p.x, p.y])"), (Json{{0, 20}, {1, 40}}));
  browser_->Evaluate(Choose("pick-metric", "1"));
  EXPECT_EQ(Series("SLO violations by function", "b", ".data.map((p) => p.y)"), (Json{0.5, 0.5}));
}

TEST_F(LearningStudyPageTest, RatiosHaveWhiskersAndALineWhereNothingDiffers) {
  Open("small.html", SmallStudy());
  // Over all functions first; what is not known is left out.
  EXPECT_EQ(browser_->Evaluate(ChartOf("D") + ".options.scales.y.labels"),
            (Json{"all (geometric mean)", "f"}));
  EXPECT_EQ(Series("D", "over all", ".data.map((p) => [p.x, p.y, p.xRange])"),
            (Json::array({{3, 0, {2.75, 3.5}}})));
  EXPECT_EQ(Series("D", "by function", ".data.map((p) => [p.x, p.y, p.xRange])"),
            (Json::array({{2, 1, {1.75, 2.5}}})));
  EXPECT_EQ(Series("D", "no difference (1)", ".at"), 1);
  EXPECT_EQ(Series("E", "no difference (0)", ".at"), 0);
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#ratios-facts').textContent"),
            "Whiskers are 90 % confidence intervals over seeds, paired.");
}

TEST_F(LearningStudyPageTest, OneLegendIsForAllPanels) {
  Open("small.html", SmallStudy());
  browser_->Click("#curve-legend button:nth-child(1)");
  for (const char* title : {"Mean over agents", "f", "g"}) {
    // A line and the two edges of its band, then those of the other variant.
    EXPECT_EQ(
        browser_->Evaluate("[0, 1, 2, 3].map((i) => " + ChartOf(title) + ".isDatasetVisible(i))"),
        (Json{false, false, false, true}));
  }
  browser_->Press("Enter");  // the button keeps the focus
  EXPECT_EQ(browser_->Evaluate(ChartOf("g") + ".isDatasetVisible(2)"), true);
}

TEST_F(LearningStudyPageTest, ThePointerReadsAllVariantsAtTheNearestStep) {
  Open("small.html", SmallStudy());
  // The middle of the panel is next to step 100 of 0 to 200, which both variants have.
  browser_->Click("[data-chart=f] canvas");
  EXPECT_EQ(browser_->EvaluateUntil(ChartOf("f") + ".tooltip.body?.flatMap((b) => b.lines) ?? []",
                                    Json{" a: -7.00 (-8.00 to -6.00)", " b: -7.00"}),
            (Json{" a: -7.00 (-8.00 to -6.00)", " b: -7.00"}));
  EXPECT_EQ(browser_->Evaluate(ChartOf("f") + ".tooltip.title"), (Json{"100 steps"}));
  Photograph("study-tooltip", false);
}

TEST_F(LearningStudyPageTest, SortsAndOpensAVariant) {
  Open("study.html", SyntheticStudy());
  browser_->Click("#results-table button[data-key='latency_p99_ms']");
  EXPECT_THAT(Strings(kNames), ElementsAre("MA-PPO", "S-RL alone", "kpa", "S-RL"));
  browser_->Click("#results-table button[data-key='final_return']");  // from the best; rules last
  EXPECT_THAT(Strings(kNames), ElementsAre("MA-PPO", "S-RL alone", "S-RL", "kpa"));
  browser_->Evaluate("document.querySelector('#results-table .name').focus()");
  browser_->Press("Enter");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail-title').textContent"), "MA-PPO");
  EXPECT_EQ(browser_->Evaluate(
                "[...document.querySelectorAll('#detail-body tbody')].map((t) => t.rows.length)"),
            (Json{4, 5}));
  Photograph("study-detail", false);
  browser_->Press("Escape");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail').open"), false);
}

TEST_F(LearningStudyPageTest, ManyFunctionsComeInPagesAndLongCurvesAreThinned) {
  Json study = SmallStudy();
  Json& run = study["rows"][0]["runs"][0];
  study["rows"][0]["runs"].erase(1);
  run["functions"] = run["returns"] = run["steps"] = Json::array();
  for (int i = 1; i <= 700; ++i) run["steps"].push_back(i);
  for (int n = 0; n < 14; ++n) {
    run["functions"].push_back(Function(("f" + std::to_string(n)).c_str(), n + 1));
    run["returns"].push_back(run["steps"]);
  }
  study["rows"].erase(1);
  Open("many.html", study);
  EXPECT_EQ(Series("f0", "a", ".data.length"), 234);  // 700 in threes
  EXPECT_EQ(Series("f0", "a", ".data.slice(0, 2).map((p) => [p.x, p.y])"), (Json{{3, 2}, {6, 5}}));
  EXPECT_THAT(Strings(kDrawnCharts), Contains("f11"));
  EXPECT_THAT(Strings(kDrawnCharts), Not(Contains("f12")));
  browser_->Evaluate(Choose("pick-functions", "12"));
  EXPECT_THAT(Strings(kDrawnCharts), Contains("f13"));
  EXPECT_THAT(Strings(kDrawnCharts), Not(Contains("f11")));
  EXPECT_EQ(Series("p99 latency by function", "a", ".data.map((p) => p.y)"), (Json{13, 14}));
}

TEST_F(LearningStudyPageTest, HostileNamesStayText) {
  Json study = SyntheticStudy();
  study["name"] = study["title"] = kHostileNames[0];
  for (Json& row : study["rows"]) row["scenario"] = kHostileNames[1];
  for (size_t i = 0; i < 4; ++i) study["rows"][i]["variant"] = kHostileNames[i];
  for (Json& row : study["rows"]) {
    for (Json& run : row["runs"]) {
      for (size_t f = 0; f < 5; ++f) run["functions"][f]["name"] = kHostileNames[f];
    }
  }
  for (Json& ratio : study["ratios"]) {
    ratio["scenario"] = kHostileNames[1];
    ratio["ratio"] = ratio["function"] = kHostileNames[0];
  }
  Open("hostile.html", study);
  for (size_t i = 0; i < 4; ++i) EXPECT_THAT(Strings(kNames), Contains(kHostileNames[i]));
  EXPECT_THAT(Strings(kDrawnCharts), Contains(kHostileNames[3]));
  browser_->Click("#results-table tbody tr:nth-child(1) .name");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail-title').textContent"),
            kHostileNames[0]);
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('img').length"), 0);
  EXPECT_EQ(browser_->Evaluate("document.scripts.length"), 3);
}

TEST_F(LearningStudyPageTest, FitsNarrowScreensInTheDark) {
  browser_->Resize(390, 844, 2);
  browser_->PreferDark(true);
  Open("study.html", SyntheticStudy());
  EXPECT_EQ(browser_->Evaluate("document.documentElement.scrollWidth"), 390);
  Photograph("study-narrow-dark", true);
  browser_->Resize(1280, 900);
  PageTest::Open("study.html");
  Photograph("study-wide-dark", true);
}

TEST_F(LearningStudyPageTest, NothingIsStillAPage) {
  Open("nothing.html", Json::object());
  EXPECT_EQ(browser_->Evaluate("document.querySelector('td.empty').textContent"),
            "The study holds no results.");
  EXPECT_THAT(Strings(kDrawnCharts), IsEmpty());
  // Rules alone, no ratios, and what is of no use.
  Open("unset.html", Json{{"rows", {{{"variant", "x"}, {"runs", {{{"seed", 1}}, nullptr}}}, 7}},
                          {"ratios", nullptr}});
  EXPECT_THAT(Strings(kNames), ElementsAre("x"));
  EXPECT_EQ(browser_->Evaluate("['ratios', 'curves', 'by-function'].map((id) => "
                               "document.getElementById(id).hidden)"),
            (Json{true, true, true}));
}

}  // namespace
}  // namespace reeve
