// The report of a training in a real browser: curves where the log's numbers are, many agents as a
// band, names that are code stay text.
#include "runs/training_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/files.h"
#include "core/status.h"
#include "runs/fields.h"
#include "tests/runs/page_test.h"
#include "tests/runs/synthetic_learning.h"
#include "tests/runs/synthetic_run.h"

namespace reeve {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Json = nlohmann::json;

constexpr const char* kHeader = "iteration,step,name,value\n";

class TrainingPageTest : public PageTest {
 protected:
  static void Open(const std::string& name, const std::string& csv,
                   const TrainingPageFacts& facts = {"five", 2'000'000, 4'000'000, false}) {
    ASSERT_TRUE(WriteTrainingPage(facts, csv, PathOf(name)).ok());
    PageTest::Open(name);
  }
  // What a chart's series holds: [[x, y]].
  static Json Points(const std::string& title, const std::string& label) {
    return browser_->Evaluate(ChartOf(title) + ".data.datasets.find((d) => d.label === " +
                              Json(label).dump() + " && !d.quiet).data.map((p) => [p.x, p.y])");
  }
  static Json Text(const std::string& selector) {
    return browser_->Evaluate("document.querySelector('" + selector + "').textContent");
  }
};

TEST_F(TrainingPageTest, DrawsACurveForEverythingInTheLog) {
  Open("training.html", SyntheticTrainingLog(200, 5));
  EXPECT_EQ(browser_->Evaluate("document.title"), "five - Reeve training");
  EXPECT_EQ(Text("#page-facts"),
            "So far: 2,000,000 of 4,000,000 environment steps (50 %), 200 iterations, 5 agents");
  EXPECT_THAT(
      Strings(kDrawnCharts),
      ElementsAre("Mean return of an episode", "Return by agent", "SLO violations", "GB-seconds",
                  "Replica changes", "Policy loss", "Value loss", "Entropy of the policy",
                  "KL divergence from the policy before the update", "Clipped",
                  "Explained variance of the value", "Learning rate", "Weight of the entropy",
                  "Rate"));
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#others').hidden"), true);
  Photograph("training-wide", true);
}

TEST_F(TrainingPageTest, CurvesAreTheNumbersOfTheLog) {
  // The second iteration ended no episode of "b"; "odd/thing" is a name that nobody knows.
  Open("small.html", std::string(kHeader) +
                         "1,100,return/mean,-3\n1,100,return/a,-2\n1,100,return/b,-4\n"
                         "2,200,return/mean,-1.5\n2,200,return/a,-1.5\n2,200,policy/kl,0.01\n"
                         "3,300,return/mean,-1\n3,300,return/a,-1.5\n3,300,return/b,-0.5\n"
                         "3,300,odd/thing,7\n");
  EXPECT_EQ(Points("Mean return of an episode", "mean over agents"),
            (Json{{100, -3}, {200, -1.5}, {300, -1}}));
  EXPECT_EQ(Points("Return by agent", "b"), (Json{{100, -4}, {300, -0.5}}));
  EXPECT_EQ(Points("odd/thing", "odd/thing"), (Json::array({{300, 7}})));
  EXPECT_EQ(Text("#cards dd.more"), "best -1.00 at 300 steps");
  EXPECT_THAT(Strings(kDrawnCharts), Not(Contains("SLO violations")));
  // An agent that is switched off at the legend goes.
  browser_->Click("[data-chart='Return by agent'] .legend button:nth-child(2)");
  EXPECT_EQ(browser_->Evaluate(ChartOf("Return by agent") + ".isDatasetVisible(1)"), false);
  EXPECT_EQ(browser_->Evaluate(ChartOf("Return by agent") + ".isDatasetVisible(0)"), true);
}

TEST_F(TrainingPageTest, ManyAgentsAreABandAndLongLogsAreThinned) {
  std::string csv = kHeader;
  for (int i = 1; i <= 1201; ++i) {
    csv += std::to_string(i) + "," + std::to_string(10 * i) + ",return/mean," + std::to_string(i) +
           "\n";
    for (int n = 0; n <= 20; ++n) {  // quantiles of 0..20: 2, 10, 18
      csv += std::to_string(i) + "," + std::to_string(10 * i) + ",return/f" + std::to_string(n) +
             "," + std::to_string(n) + "\n";
    }
  }
  Open("many.html", csv);
  // 1201 iterations in groups of three: the first ends at step 30 and has the mean of 1, 2, 3; the
  // last holds iteration 1201 alone.
  const Json points = Points("Mean return of an episode", "mean over agents");
  ASSERT_EQ(points.size(), 401);
  EXPECT_EQ(points[0], (Json{30, 2}));
  EXPECT_EQ(points[400], (Json{12010, 1201}));
  EXPECT_EQ(Points("Return by agent", "median")[7], (Json{240, 10}));
  for (const auto& [set, value] : {std::pair(1, 2), std::pair(2, 18)}) {
    EXPECT_NEAR(browser_
                    ->Evaluate(ChartOf("Return by agent") + ".data.datasets[" +
                               std::to_string(set) + "].data[7].y")
                    .get<double>(),
                value, 1e-9);
  }
  Photograph("training-many-agents", false);
}

TEST_F(TrainingPageTest, HostileNamesStayText) {
  std::string csv = kHeader;
  for (const char* name : kHostileNames) {
    csv += "1,10," + CsvField(std::string("return/") + name) + ",1\n";
    csv += "1,10," + CsvField(name) + ",1\n";
  }
  Open("hostile.html", csv, {kHostileNames[0], 10, 10, true});
  EXPECT_EQ(Text("#page-title"), kHostileNames[0]);
  const auto labels = Strings(
      "[...document.querySelectorAll('[data-chart=\"Return by agent\"] .legend button')]"
      ".map((b) => b.textContent)");
  for (const char* name : kHostileNames) {
    EXPECT_THAT(labels, Contains(name));
    EXPECT_THAT(Strings(kDrawnCharts), Contains(name));
  }
  EXPECT_EQ(browser_->Evaluate("document.querySelectorAll('img').length"), 0);
  EXPECT_EQ(browser_->Evaluate("document.scripts.length"), 3);
}

TEST_F(TrainingPageTest, FitsNarrowScreensInTheDark) {
  browser_->Resize(390, 844, 2);
  browser_->PreferDark(true);
  Open("training.html", SyntheticTrainingLog(200, 5));
  EXPECT_EQ(browser_->Evaluate("document.documentElement.scrollWidth"), 390);
  Photograph("training-narrow-dark", true);
  browser_->Resize(1280, 900);
  PageTest::Open("training.html");
  Photograph("training-wide-dark", true);
}

TEST_F(TrainingPageTest, ALogWithoutIterationsIsStillAPage) {
  Open("nothing.html", kHeader, {});
  EXPECT_EQ(Text("#page-title"), "Training");
  EXPECT_EQ(browser_->Evaluate("document.querySelector('#no-log').hidden"), false);
  EXPECT_THAT(Strings(kDrawnCharts), IsEmpty());
}

TEST(TrainingPage, SaysWhereTheLogIsWrong) {
  const auto message = [](const std::string& csv) {
    return MessageOf(TrainingPage({}, csv).status());
  };
  EXPECT_EQ(message("iteration,step\n"),
            "training.csv:1: the columns are not iteration,step,name,value");
  EXPECT_EQ(message(""), "training.csv:1: the columns are not iteration,step,name,value");
  for (const char* row : {"1,2,x\n", "1,2,x,y\n", "1.5,2,x,1\n", "0,2,x,1\n"}) {
    EXPECT_THAT(message(std::string(kHeader) + "1,2,x,1\n" + row),
                HasSubstr("training.csv:3: not a row"))
        << row;
  }
}

}  // namespace
}  // namespace reeve
