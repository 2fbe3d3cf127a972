#include "runs/run_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "runs/fields.h"
#include "runs/html_page.h"
#include "runs/report_data.h"
#include "runs/terminal_summary.h"

namespace reeve {
namespace {

TEST(GeometricMeanSlowdown, IsTheRootOfTheProduct) {
  std::vector<FunctionRow> functions(4);
  EXPECT_FALSE(GeometricMeanSlowdown(functions).has_value());
  functions[0].slowdown_p99 = 2;
  functions[1].slowdown_p99 = 8;
  functions[3].slowdown_p99 = 4;                               // the third had no completions
  EXPECT_NEAR(*GeometricMeanSlowdown(functions), 4.0, 1e-12);  // cube root of 64
}

TEST(MakeQuantileRows, FollowsAUniformDistribution) {
  RunHistogram latency, empty, slowdown;
  for (int ms = 1; ms <= 10'000; ++ms) {
    latency.Record(ms * 1000);
    slowdown.Record(1000 + ms);
  }
  const auto rows = MakeQuantileRows(latency, empty, empty, slowdown);
  ASSERT_FALSE(rows.empty());
  double last = 0;
  for (const QuantileRow& row : rows) {
    EXPECT_GT(row.quantile, last);
    last = row.quantile;
    // Buckets are at most 0.8 % wide.
    EXPECT_NEAR(*row.latency_ms, row.quantile * 10'000, 0.008 * row.quantile * 10'000 + 1);
    EXPECT_NEAR(*row.slowdown, 1 + row.quantile * 10, 0.008 * (1 + row.quantile * 10) + 0.001);
    EXPECT_FALSE(row.execution_ms.has_value());
    EXPECT_FALSE(row.wait_ms.has_value());
  }
  EXPECT_NEAR(last, 0.9999, 1e-9);  // ten thousand records tell nothing of what is beyond
  EXPECT_TRUE(MakeQuantileRows(empty, empty, empty, empty).empty());
}

TEST(Fields, NamesAreUniqueAndDocumented) {
  const auto check = [](const std::vector<ColumnDoc>& columns) {
    std::set<std::string> names;
    for (const ColumnDoc& c : columns) {
      EXPECT_TRUE(names.insert(c.name).second) << c.name;
      EXPECT_FALSE(c.doc.empty()) << c.name;
    }
  };
  check(DescribeColumns<IntervalRow>());
  check(DescribeColumns<FunctionRow>());
  check(DescribeColumns<QuantileRow>());
  check(DescribeColumns<RunSummary>());
  check(DescribeColumns<HostInfo>());
}

// 1999 intervals are more than a page shows: two make a point, and the last point has one.
TEST(ReportData, ThinsLongRunsWithoutLosingCountsOrPeaks) {
  RunData run;
  run.summary.interval_s = 60;
  run.functions.resize(1);
  run.functions[0].name = "f";
  for (int i = 0; i < 1999; ++i) {
    IntervalRow row;
    row.time_s = 60.0 * i;
    row.arrivals = 3;
    row.containers_ready = i % 2 == 0 ? 1 : 5;
    if (i == 1000) row.latency_p99_ms = 700;
    if (i == 1001) row.latency_p99_ms = 200;
    run.intervals.push_back(row);
    if (i >= 100 && i < 102) {
      row.function = FunctionId(0);
      row.latency_p99_ms = 10 * i;
      run.intervals.push_back(row);
    }
  }
  const auto data = ReportData({&run, 1});
  const auto& series = data["runs"][0]["series"];
  EXPECT_EQ(series["merged"], 2);
  EXPECT_EQ(series["step_s"], 120);
  ASSERT_EQ(series["arrivals"].size(), 1000u);
  EXPECT_EQ(series["arrivals"][0], 6);
  EXPECT_EQ(series["arrivals"][999], 3);  // the last point holds one interval
  EXPECT_EQ(series["containers_ready"][0], 3);
  EXPECT_EQ(series["containers_ready"][999], 1);
  EXPECT_EQ(series["latency_p99_ms"][500], 700);  // the worst of intervals 1000 and 1001
  EXPECT_TRUE(series["latency_p99_ms"][0].is_null());
  EXPECT_FALSE(series.contains("function"));

  const auto& functions = data["runs"][0]["functions"];
  EXPECT_EQ(functions["rows"][0][0], "f");
  EXPECT_EQ(functions["series"]["merged"], 17);  // ceil(1999 / 120)
  const auto& row = functions["series"]["rows"][0];
  EXPECT_EQ(row["first"], 5);  // intervals 100 and 101 are the last two of point 5 (85..101)
  EXPECT_EQ(row["arrivals"], nlohmann::ordered_json::parse("[6]"));
  EXPECT_EQ(row["p99"], nlohmann::ordered_json::parse("[1010]"));
}

TEST(JsonForScript, CannotEndTheScript) {
  const std::string text = JsonForScript({{"name", "</script><!-- \xFF"}});
  EXPECT_EQ(text, "{\"name\":\"\\u003c/script>\\u003c!-- \uFFFD\"}");
  EXPECT_EQ(nlohmann::json::parse(text)["name"], "</script><!-- \uFFFD");
  EXPECT_EQ(HtmlText("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
}

std::string LineWith(const std::string& text, const std::string& start) {
  const size_t at = text.find("\n  " + start);
  return at == std::string::npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

TEST(SummaryTable, OneRun) {
  RunSummary run;
  run.name = "kpa";
  run.arrivals = 1234567;
  run.latency_p99_ms = 1532.4;
  run.slowdown_p99 = 2.345;
  run.cold_start_share = 0.0123;
  run.complete = false;
  const std::string text = SummaryTable({&run, 1}).ToText(false);
  EXPECT_NE(text.find("kpa (interrupted)\n"), std::string::npos) << text;
  EXPECT_TRUE(LineWith(text, "arrived").ends_with(" 1,234,567")) << text;
  EXPECT_TRUE(LineWith(text, "p99 ").ends_with(" 1,532 ms")) << text;
  EXPECT_TRUE(LineWith(text, "cold starts per request").ends_with(" 1.23 %")) << text;
  EXPECT_TRUE(LineWith(text, "p50").ends_with(" -")) << text;
}

TEST(SummaryTable, NamesTheBestOfEachRow) {
  RunSummary a, b;
  a.name = "kpa";
  b.name = "hpa";
  a.arrivals = b.arrivals = 10;
  a.gb_seconds = 300;
  b.gb_seconds = 240;
  a.cpu_utilisation = 0.5;  // the more, the better
  b.cpu_utilisation = 0.4;
  a.cold_starts = 0;
  b.cold_starts = 7;
  a.container_seconds = 10000;
  b.container_seconds = 10001;  // as good as equal
  const RunSummary runs[] = {a, b};
  const Table table = SummaryTable(runs);
  const std::string text = table.ToText(false);
  const auto line = [&](const std::string& start) {
    return std::regex_replace(LineWith(text, start), std::regex(" +"), " ");
  };
  EXPECT_EQ(line("GB-seconds"), " GB-seconds 300 240 hpa +25.0 %");  // 300 / 240
  EXPECT_EQ(line("CPU utilisation"), " CPU utilisation 50.0 % 40.0 % kpa -20.0 %");
  EXPECT_EQ(line("cold starts  "), " cold starts 0 7 kpa -");  // no ratio to zero
  EXPECT_EQ(line("arrived"), " arrived 10 10 - -");
  EXPECT_EQ(line("container-seconds"), " container-seconds 10,000 10,001 - -");

  const auto json = nlohmann::json::parse(table.ToJson());
  for (const auto& row : json) {
    if (row["metric"] != "gb_seconds") continue;
    EXPECT_EQ(row["kpa"], 300);
    EXPECT_EQ(row["hpa"], 240);
    EXPECT_EQ(row["best"], "hpa");
    EXPECT_EQ(row["worst_over_best"], 0.25);
  }
}

TEST(SummaryTable, TellsOfASafeguard) {
  RunSummary plain, guarded;
  plain.name = "plain";
  guarded.name = "guarded";
  guarded.safeguard.emplace();
  guarded.safeguard->engaged_share = 0.125;
  guarded.safeguard->engagements = guarded.safeguard->engagements_queue = 3;
  guarded.safeguard->budget_granted = 200;
  guarded.safeguard->budget_charged = 150;
  EXPECT_THAT(SummaryTable({&plain, 1}).ToText(false),
              testing::Not(testing::HasSubstr("Safeguard")));
  EXPECT_THAT(SummaryTable({&plain, 1}).ToJson(), testing::Not(testing::HasSubstr("safeguard")));
  const std::string text = SummaryTable({&guarded, 1}).ToText(false);
  EXPECT_THAT(text,
              testing::ContainsRegex("Safeguard\n  decisions that were the fallback's +12.5 %"));
  EXPECT_THAT(text, testing::ContainsRegex("by queues +3\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("by latency")));  // nothing to tell
  EXPECT_THAT(text, testing::ContainsRegex("violations charged +150\n"));
  const RunSummary both[] = {plain, guarded};
  for (const auto& row : nlohmann::json::parse(SummaryTable(both).ToJson())) {
    if (row["metric"] != "safeguard.engagements") continue;
    EXPECT_EQ(row["plain"], nullptr);
    EXPECT_EQ(row["guarded"], 3);
  }
}

}  // namespace
}  // namespace reeve
