// report.html in a real browser: charts drawn, table sorted and filtered by mouse and keys, names
// that are code stay text, nothing asked of the network, nothing complained about.
#include "runs/report_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/runs/page_test.h"
#include "tests/runs/synthetic_run.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The names in the table's first column, top to bottom.
constexpr const char* kNames =
    "[...document.querySelectorAll('#function-table tbody .name')].map((n) => n.textContent)";

std::string Cells(int column) {  // 1-based
  return "[...document.querySelectorAll('#function-table tbody tr')].map((r) => r.children[" +
         std::to_string(column - 1) + "].textContent)";
}

class ReportPageTest : public PageTest {
 protected:
  static void SetUpTestSuite() {
    PageTest::SetUpTestSuite();
    single_ = new RunData(SyntheticRun({}));
    const RunData runs[] = {
        *single_, SyntheticRun({.policy = "keep-alive", .headroom = 2.2, .keep_alive_min = 10}),
        SyntheticRun({.policy = "hpa", .headroom = 1.15, .keep_alive_min = 5})};
    ASSERT_TRUE(WriteReportPage({single_, 1}, PathOf("single.html")).ok());
    ASSERT_TRUE(WriteReportPage(runs, PathOf("comparison.html")).ok());
  }
  static void TearDownTestSuite() {
    PageTest::TearDownTestSuite();
    delete single_;
    single_ = nullptr;
  }

  static inline RunData* single_ = nullptr;
};

TEST_F(ReportPageTest, DrawsEveryChartAndTheHeadlineNumbers) {
  Open("single.html");
  EXPECT_THAT(Strings(kDrawnCharts),
              ElementsAre("Requests", "Concurrency against capacity", "CPU", "Memory",
                          "Latency percentiles", "Cold starts", "SLO violations and losses",
                          "Latency distribution", "Slowdown distribution"));
  EXPECT_EQ(browser_->Evaluate("document.title"), "kpa - Reeve report");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#comparison').hidden"), true);
  EXPECT_EQ(browser_->Evaluate("Number(document.querySelector('#cards .value').textContent"
                               ".replaceAll(',', ''))"),
            single_->summary.arrivals);
  Photograph("single-wide", true);
}

TEST_F(ReportPageTest, ShadesWhereTheSafeguardWasEngaged) {
  RunData run = *single_;
  run.summary.safeguard.emplace();
  run.summary.safeguard->engaged_share = 0.2;
  run.summary.safeguard->engagements = run.summary.safeguard->engagements_queue = 2;
  for (IntervalRow& row : run.intervals) {
    const double minute = row.time_s / 60;
    const bool some = minute >= 100 && minute < 160, all = minute >= 300 && minute < 320;
    row.safeguard_engaged = all ? 1 : some ? 0.25 : 0;
  }
  ASSERT_TRUE(WriteReportPage({&run, 1}, PathOf("guarded.html")).ok());
  Open("guarded.html");
  for (const char* title : {"Requests", "CPU", "Latency percentiles", "Cold starts"}) {
    const std::string periods = ChartOf(title) + ".options.plugins.shade.periods";
    EXPECT_EQ(browser_->Evaluate(periods + ".map((p) => [p.from, p.to, p.share])"),
              nlohmann::json({{6000, 9600, 0.25}, {18000, 19200, 1}}))
        << title;
  }
  // The ground of a chart: as elsewhere, tinted, and more so where all functions are engaged.
  const std::string ground =
      "((minute) => { const c = " + ChartOf("Cold starts") +
      "; const r = c.currentDevicePixelRatio; const d = c.ctx.getImageData(" +
      "c.scales.x.getPixelForValue(60 * minute) * r," +
      "(c.chartArea.top + 2) * r, 1, 1).data; return d[3]; })";
  const auto at = [&](int minute) {
    return browser_->Evaluate(ground + "(" + std::to_string(minute) + ")").get<int>();
  };
  EXPECT_EQ(at(50), 0);
  EXPECT_GT(at(130), 15);
  EXPECT_GT(at(310), at(130) + 25);
  EXPECT_THAT(browser_->Evaluate("document.querySelector('#cards').textContent").get<std::string>(),
              testing::HasSubstr("took over 2 times: 2 by queue"));
  EXPECT_THAT(
      browser_->Evaluate("document.querySelector('#load-charts').textContent").get<std::string>(),
      testing::HasSubstr("Shaded: the safeguard's fallback drove"));
  Photograph("guarded", true);

  Open("single.html");
  EXPECT_EQ(browser_->Evaluate(ChartOf("Requests") + ".options.plugins.shade.periods.length"), 0);
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#cards').textContent.includes('guard')"),
            false);
}

TEST_F(ReportPageTest, SortsByMouseAndKeys) {
  Open("single.html");
  std::vector<std::pair<uint64_t, std::string>> by_cold;
  for (const FunctionRow& row : single_->functions) by_cold.push_back({row.cold_starts, row.name});
  std::stable_sort(by_cold.begin(), by_cold.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });

  browser_->Click("button[data-key='cold_starts']");
  const std::vector<std::string> names = Strings(kNames);
  ASSERT_EQ(names.size(), 25u);
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(names[i], by_cold[i].second) << i;
  EXPECT_EQ(browser_->Evaluate("document.querySelector('th[aria-sort=descending] button')"
                               ".dataset.key"),
            "cold_starts");

  // The heading keeps the focus, so Enter turns the order round.
  browser_->Press("Enter");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('th[aria-sort]').getAttribute('aria-sort')"),
            "ascending");
  EXPECT_EQ(Strings(Cells(9))[0], std::to_string(by_cold.back().first));

  browser_->Click("#page-on");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#page-count').textContent"),
            "26–50 of 250");
}

TEST_F(ReportPageTest, FiltersByTextTriggerAndTenant) {
  Open("single.html");
  browser_->Click("#filter-text");
  browser_->Type("ONERROR");
  EXPECT_THAT(Strings(kNames), ElementsAre(kHostileNames[1]));
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#page-count').textContent"),
            "1–1 of 1 (250 in all)");
  browser_->Type("no such function");
  EXPECT_THAT(Strings(kNames), IsEmpty());
  browser_->Evaluate(
      "{ const f = document.querySelector('#filter-text'); f.value = '';"
      "f.dispatchEvent(new Event('input'));"
      "const t = document.querySelector('#filter-trigger'); t.value = 'timer';"
      "t.dispatchEvent(new Event('change')); }");
  size_t timers = 0;
  for (const FunctionRow& row : single_->functions) timers += row.trigger == "timer" ? 1 : 0;
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#page-count').textContent"),
            "1–25 of " + std::to_string(timers) + " (250 in all)");
  for (const std::string& trigger : Strings(Cells(2))) EXPECT_EQ(trigger, "timer");
}

TEST_F(ReportPageTest, OpensAndClosesTheViewOfAFunction) {
  Open("single.html");
  browser_->Click("#function-table tbody tr:nth-child(1) .name");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail').open"), true);
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail-title').textContent"),
            single_->functions[0].name);
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('#detail canvas').length"), 4);
  Photograph("detail", false);
  browser_->Press("Escape");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#detail').open"), false);
  // Browsers queue a dialog's close event.
  EXPECT_EQ(browser_->EvaluateUntil("document.querySelectorAll('#detail canvas').length", 0), 0);
}

TEST_F(ReportPageTest, HostileNamesStayText) {
  Open("single.html");
  browser_->Evaluate(
      "{ const s = document.querySelector('#page-size'); s.value = '100';"
      "s.dispatchEvent(new Event('change')); }");
  std::vector<std::string> names;
  for (int page = 0; page < 3; ++page) {
    for (std::string& name : Strings(kNames)) names.push_back(std::move(name));
    browser_->Click("#page-on");
  }
  EXPECT_EQ(names.size(), 250u);
  for (const char* name : kHostileNames) EXPECT_THAT(names, testing::Contains(name));
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('img').length"), 0);
  // The data, the chart library and the page's own scripts; nothing that came out of a name.
  EXPECT_EQ(browser_->Evaluate("document.scripts.length"), 3);
}

TEST_F(ReportPageTest, LegendButtonsHideSeries) {
  Open("single.html");
  browser_->Click("figure[data-chart='Latency percentiles'] .legend button");
  EXPECT_EQ(browser_->Evaluate("document.querySelector(\"figure[data-chart='Latency percentiles'] "
                               ".legend button\").getAttribute('aria-pressed')"),
            "false");
  EXPECT_EQ(browser_->Evaluate("Chart.getChart(document.querySelector(\"figure[data-chart="
                               "'Latency percentiles'] canvas\")).isDatasetVisible(0)"),
            false);
}

TEST_F(ReportPageTest, ComparesRuns) {
  Open("comparison.html");
  const std::vector<std::string> drawn = Strings(kDrawnCharts);
  EXPECT_THAT(drawn, testing::Contains("Cost against slowdown"));
  EXPECT_THAT(drawn, testing::Contains("Slowdown distribution, all runs"));
  EXPECT_THAT(drawn, testing::Contains("p99 latency, all runs"));
  // Least memory is held by the run with the least headroom: the third.
  EXPECT_EQ(browser_->Evaluate("[...document.querySelectorAll('tr[data-metric=gb_seconds] td')]"
                               ".findIndex((c) => c.classList.contains('best'))"),
            2);
  // All three got the same load: nobody is best at it.
  EXPECT_EQ(
      browser_->Evaluate("document.querySelectorAll('tr[data-metric=arrivals] td.best').length"),
      0);
  Photograph("comparison-wide", true);
  browser_->Evaluate(
      "{ const s = document.querySelector('#run-picker'); s.value = '1';"
      "s.dispatchEvent(new Event('change')); }");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#headline-title').textContent"),
            "Summary of keep-alive");
}

TEST_F(ReportPageTest, FitsNarrowScreensInTheDark) {
  browser_->Resize(390, 844, 2);
  browser_->PreferDark(true);
  Open("single.html");
  EXPECT_EQ(browser_->Evaluate("document.documentElement.scrollWidth"), 390);
  EXPECT_EQ(browser_->Evaluate("getComputedStyle(document.body).backgroundColor"),
            "rgb(18, 22, 28)");
  Photograph("single-narrow-dark", true);
  Open("comparison.html");
  EXPECT_EQ(browser_->Evaluate("document.documentElement.scrollWidth"), 390);
  Photograph("comparison-narrow-dark", true);
  browser_->Resize(1280, 900);
  Open("single.html");
  Photograph("single-wide-dark", true);
}

TEST_F(ReportPageTest, AThousandFunctionsAreFast) {
  const RunData run = SyntheticRun({.functions = 1000, .minutes = 240});
  ASSERT_TRUE(WriteReportPage({&run, 1}, PathOf("large.html")).ok());
  Open("large.html");
  // Generous: a second's work would be felt on every keystroke.
  EXPECT_LT(browser_->Evaluate("(() => { const t = performance.now();"
                               "document.querySelector('button[data-key=gb_seconds]').click();"
                               "return performance.now() - t; })()"),
            500);
  EXPECT_LE(browser_->Evaluate("document.querySelectorAll('#function-table tr').length"), 26);
}

TEST_F(ReportPageTest, ARunOfNothingIsStillAPage) {
  RunData run;
  run.summary.name = "empty";
  run.summary.complete = false;
  ASSERT_TRUE(WriteReportPage({&run, 1}, PathOf("empty.html")).ok());
  Open("empty.html");
  EXPECT_NE(browser_->Evaluate("document.querySelector('#notices').textContent")
                .get<std::string>()
                .find("empty was interrupted"),
            std::string::npos);
}

}  // namespace
}  // namespace reeve
