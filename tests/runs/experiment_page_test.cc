// experiment.html in a real browser: plots and bars drawn with their numbers, the table sorted and
// filtered by mouse and keys, names that are code stay text, nothing asked of the network.
//
// With REEVE_SCREENSHOTS set to a folder, the pages are photographed into it.
#include "runs/experiment_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/runs/page_test.h"
#include "tests/runs/synthetic_experiment.h"
#include "tests/runs/synthetic_run.h"

namespace reeve {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Json = nlohmann::json;

// The policies' names in the table, top to bottom.
constexpr const char* kNames =
    "[...document.querySelectorAll('#results-table tbody .name')].map((n) => n.textContent)";

// The text of a metric's cells in the row of that label and workload "azure".
std::string Cell(const std::string& label, const std::string& metric, const std::string& part) {
  return "[...document.querySelectorAll('#results-table tbody tr')].find((r) => "
         "r.querySelector('.name').textContent === " +
         Json(label).dump() + ").querySelector('td[data-metric=" + metric + "] ." + part +
         "').textContent";
}

class ExperimentPageTest : public PageTest {
 protected:
  static void Open(const std::string& name, const Json& results) {
    ASSERT_TRUE(WriteExperimentPage(results, PathOf(name)).ok());
    PageTest::Open(name);
  }
};

TEST_F(ExperimentPageTest, DrawsTheTradeOffAndTheBarsOfEveryWorkload) {
  Open("experiment.html", SyntheticExperiment());
  EXPECT_EQ(browser_->Evaluate("document.title"), "rules_azure - Reeve experiment");
  EXPECT_THAT(Strings(kDrawnCharts),
              ElementsAre("azure: p99 slowdown against GB-seconds",
                          "generated: p99 slowdown against GB-seconds", "azure: Cold starts",
                          "azure: Replica changes per hour", "azure: SLO violations",
                          "azure: GB-seconds over the bound", "generated: Cold starts",
                          "generated: Replica changes per hour", "generated: SLO violations",
                          "generated: GB-seconds over the bound"));
  Photograph("experiment-wide", true);
}

// Four rows by hand: a (1, 9), b (2, 4), b tuned (3, 1), and c (3, 5), which b beats.
Json FourRows() {
  const auto row = [](const char* policy, bool tuned, double gb, double slowdown) {
    return Json{{"workload", "w"},
                {"policy", policy},
                {"tuned", tuned},
                {"label", std::string(policy) + (tuned ? " tuned" : "")},
                {"cluster", "knative"},
                {"parameters", tuned ? Json{{"b.window", "30s"}} : Json::object()},
                {"runs", Json::array()},
                {"stats",
                 {{"gb_seconds", {{"mean", gb}, {"low", gb - 0.5}, {"high", gb + 0.25}}},
                  {"slowdown_p99", {{"mean", slowdown}, {"low", nullptr}, {"high", nullptr}}}}}};
  };
  return Json{
      {"format", "reeve-experiment"},
      {"version", 1},
      {"name", "four"},
      {"baseline", "a"},
      {"level", 0.95},
      {"seeds", {1}},
      {"metrics",
       {{{"key", "gb_seconds"}, {"title", "GB-seconds"}, {"unit", "GB s"}, {"better", "lower"}},
        {{"key", "cold_starts"}, {"title", "Cold starts"}, {"unit", ""}, {"better", "lower"}},
        {{"key", "slowdown_p99"}, {"title", "p99 slowdown"}, {"unit", "x"}, {"better", "lower"}}}},
      {"rows",
       {row("a", false, 1, 9), row("c", false, 3, 5), row("b", true, 3, 1), row("b", false, 2, 4)}},
      {"bounds",
       {{{"workload", "w"},
         {"cluster", "knative"},
         {"label", "bound"},
         {"warm_gb_seconds", 0.75},
         {"needed_gb_seconds", 0.5},
         {"points", {{8, 0.5}, {2, 0.75}}}}}}};
}

TEST_F(ExperimentPageTest, FrontVariantsIntervalsAndBoundAreThoseOfTheNumbers) {
  Open("four.html", FourRows());
  const std::string chart = ChartOf("w: p99 slowdown against GB-seconds");
  const auto series = [&](const std::string& label, const std::string& what) {
    return browser_->Evaluate(chart + ".data.datasets.find((d) => d.label === '" + label + "')" +
                              what);
  };
  EXPECT_EQ(series("Pareto front", ".data.map((p) => [p.x, p.y])"), (Json{{1, 9}, {2, 4}, {3, 1}}));
  EXPECT_EQ(series("default to tuned", ".from.map((p) => [p.x, p.y])"), (Json::array({{2, 4}})));
  EXPECT_EQ(series("default to tuned", ".to.map((p) => [p.x, p.y])"), (Json::array({{3, 1}})));
  EXPECT_EQ(series("bound, no cold start", ".at"), 0.75);
  EXPECT_EQ(series("bound, requests alone", ".at"), 0.5);
  EXPECT_EQ(series("tuned", ".data[0].xRange"), (Json{2.5, 3.25}));
  EXPECT_EQ(series("tuned", ".data[0].yRange"), Json());
  EXPECT_THAT(browser_->Evaluate("document.querySelector('.chart-note').textContent"),
              HasSubstr("On the front: a, b, b tuned."));
  // A series that is switched off at its legend goes.
  browser_->Click("#pareto-charts .legend button:nth-child(2)");
  EXPECT_EQ(browser_->Evaluate(chart + ".isDatasetVisible(1)"), false);
}

TEST_F(ExperimentPageTest, BoundsThatAreAsGoodAsOneShareALine) {
  Json results = FourRows();
  Json other = results["bounds"][0];
  other.update({{"cluster", "other"}, {"label", "bound of other"}, {"warm_gb_seconds", 0.752}});
  results["bounds"].push_back(other);
  other.update({{"label", "third"}, {"warm_gb_seconds", 1.5}, {"needed_gb_seconds", nullptr}});
  results["bounds"].push_back(other);
  Open("bounds.html", results);
  EXPECT_THAT(Strings(ChartOf("w: p99 slowdown against GB-seconds") +
                      ".data.datasets.filter((d) => d.at).map((d) => `${d.label}: ${d.at}`)"),
              ElementsAre("bound, bound of other, no cold start: 0.75", "third, no cold start: 1.5",
                          "bound, bound of other, requests alone: 0.5"));
}

TEST_F(ExperimentPageTest, AxesAreChosenAndTheBoundIsACurveAgainstColdStarts) {
  Open("experiment.html", SyntheticExperiment());
  browser_->Evaluate(Choose("axis-y", "cold_starts"));
  const std::string chart = ChartOf("azure: Cold starts against GB-seconds");
  const Json points = SyntheticExperiment()["bounds"][1]["points"];  // by falling cold starts
  const Json drawn = browser_->Evaluate(
      chart + ".data.datasets.find((d) => d.label === 'bound (openwhisk)').data");
  ASSERT_EQ(drawn.size(), points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(drawn[i]["y"], points[i][0]);
    EXPECT_EQ(drawn[i]["x"], points[i][1]);
  }
  EXPECT_THAT(Strings(kDrawnCharts), Contains("azure: Cold starts against GB-seconds"));
  Photograph("experiment-cold-starts", false);
  browser_->Evaluate(Choose("axis-x", "container_seconds"));
  EXPECT_THAT(Strings(kDrawnCharts), Contains("generated: Cold starts against Container-seconds"));
}

TEST_F(ExperimentPageTest, TableShowsIntervalsAndRatios) {
  Open("experiment.html", SyntheticExperiment());
  const Json row = SyntheticExperiment()["rows"][3];
  ASSERT_EQ(row["label"], "hpa tuned");
  // 400 to 440 around 420, and a ratio of 0.7 whose interval leaves out 1.
  EXPECT_EQ(row["stats"]["gb_seconds"]["mean"], 420);
  EXPECT_EQ(browser_->Evaluate(Cell("hpa tuned", "gb_seconds", "mean")), "420");
  EXPECT_EQ(browser_->Evaluate(Cell("hpa tuned", "gb_seconds", "range")), "400 – 440");
  EXPECT_EQ(browser_->Evaluate(Cell("hpa tuned", "gb_seconds", "ratio")), "0.70× (0.65 – 0.75)");
  EXPECT_EQ(browser_->Evaluate(Cell("hpa tuned", "gb_seconds", "ratio.better")),
            "0.70× (0.65 – 0.75)");
  // The baseline has no ratio to itself.
  EXPECT_EQ(browser_->Evaluate(Cell("kpa", "gb_seconds", "ratio")), "");
}

TEST_F(ExperimentPageTest, SortsByMouseAndKeys) {
  Open("four.html", FourRows());
  EXPECT_THAT(Strings(kNames), ElementsAre("a", "c", "b tuned", "b"));
  browser_->Click("#results-table button[data-key='slowdown_p99']");
  EXPECT_THAT(Strings(kNames), ElementsAre("b tuned", "b", "c", "a"));
  // The heading keeps the focus, so Enter turns the order round.
  browser_->Press("Enter");
  EXPECT_THAT(Strings(kNames), ElementsAre("a", "c", "b", "b tuned"));
  EXPECT_EQ(browser_->Evaluate("document.querySelector('th[aria-sort=descending] button')"
                               ".dataset.key"),
            "slowdown_p99");
  browser_->Click("#results-table button[data-key='label']");
  EXPECT_THAT(Strings(kNames), ElementsAre("a", "b", "b tuned", "c"));
}

TEST_F(ExperimentPageTest, FiltersTableAndChartsAlike) {
  Open("four.html", FourRows());
  browser_->Click("#filter-text");
  browser_->Type("WINDOW");  // a parameter of the tuned row
  EXPECT_THAT(Strings(kNames), ElementsAre("b tuned"));
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#row-count').textContent"),
            "1 of 4 rows shown");
  EXPECT_EQ(browser_->Evaluate(ChartOf("w: p99 slowdown against GB-seconds") +
                               ".data.datasets.map((d) => d.data.length).reduce((a, b) => a + b)"),
            1);
  browser_->Evaluate("document.querySelector('#filter-text').value = ''");
  browser_->Evaluate(Choose("filter-tuned", "=false"));
  EXPECT_THAT(Strings(kNames), ElementsAre("a", "c", "b"));
  browser_->Type("no such policy");
  EXPECT_THAT(Strings(kNames), IsEmpty());
  EXPECT_THAT(Strings(kDrawnCharts), IsEmpty());
}

TEST_F(ExperimentPageTest, OpensParametersAndSeedsOfARow) {
  Open("experiment.html", SyntheticExperiment());
  browser_->Evaluate(
      "[...document.querySelectorAll('#results-table .name')].find((n) => "
      "n.textContent === 'kpa tuned').focus()");
  browser_->Press("Enter");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail').open"), true);
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail-title').textContent"), "kpa tuned");
  EXPECT_THAT(Strings("[...document.querySelectorAll('#detail-body table:first-of-type tbody tr')]"
                      ".map((r) => [...r.children].map((c) => c.textContent).join('='))"),
              Contains("kpa.stable_window=30s"));
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('#detail-body tbody')[1].rows.length"),
            5);
  Photograph("experiment-detail", false);
  browser_->Press("Escape");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail').open"), false);
}

TEST_F(ExperimentPageTest, HostileNamesStayText) {
  Json results = SyntheticExperiment();
  results["name"] = kHostileNames[0];
  for (size_t i = 0; i < std::size(kHostileNames); ++i) {
    Json& row = results["rows"][i + 1];
    row["label"] = row["policy"] = row["cluster"] = row["workload"] = kHostileNames[i];
    row["parameters"] = {{kHostileNames[i], kHostileNames[i]}};
  }
  results["bounds"][0]["label"] = results["metrics"][1]["title"] = kHostileNames[1];
  Open("hostile.html", results);
  for (const char* name : kHostileNames) EXPECT_THAT(Strings(kNames), Contains(name));
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#page-title').textContent"),
            kHostileNames[0]);
  browser_->Click("#results-table tbody tr:nth-child(2) .name");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail-title').textContent"),
            kHostileNames[0]);
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('img').length"), 0);
  // The data, the chart library and the page's own scripts; nothing that came out of a name.
  EXPECT_EQ(browser_->Evaluate("document.scripts.length"), 3);
}

TEST_F(ExperimentPageTest, FitsNarrowScreensInTheDark) {
  browser_->Resize(390, 844, 2);
  browser_->PreferDark(true);
  Open("experiment.html", SyntheticExperiment());
  EXPECT_EQ(browser_->Evaluate("document.documentElement.scrollWidth"), 390);
  EXPECT_EQ(browser_->Evaluate("getComputedStyle(document.body).backgroundColor"),
            "rgb(18, 22, 28)");
  Photograph("experiment-narrow-dark", true);
  browser_->Resize(1280, 900);
  PageTest::Open("experiment.html");
  Photograph("experiment-wide-dark", true);
}

TEST_F(ExperimentPageTest, NothingIsStillAPage) {
  Open("nothing.html", Json::object());
  EXPECT_EQ(browser_->Evaluate("document.querySelector('td.empty').textContent"),
            "The experiment holds no rows.");
  Open("unset.html", Json{{"rows", {{{"label", "x"}, {"stats", {{"gb_seconds", nullptr}}}}}},
                          {"metrics", FourRows()["metrics"]},
                          {"bounds", nullptr}});
  EXPECT_THAT(Strings(kNames), ElementsAre("x"));
}

}  // namespace
}  // namespace reeve
