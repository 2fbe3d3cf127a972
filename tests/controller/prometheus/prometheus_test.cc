// What Prometheus and what it scrapes answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "controller/prometheus/cumulative_histogram.h"
#include "controller/prometheus/exposition.h"
#include "controller/prometheus/prometheus_client.h"
#include "controller/prometheus/row_filling.h"
#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

constexpr double kInf = std::numeric_limits<double>::infinity();

// Of the documentation of histogram_quantile: linear within a bucket.
TEST(CumulativeHistogramTest, QuantilesAreThoseOfPromQl) {
  CumulativeHistogram h;
  EXPECT_EQ(h.Quantile(0.5), 0);
  h.Add(0.1, 10);
  h.Add(0.2, 30);
  h.Add(0.4, 30);
  h.Add(kInf, 40);
  EXPECT_EQ(h.total(), 40);
  EXPECT_DOUBLE_EQ(h.Quantile(0.25), 0.1);
  EXPECT_DOUBLE_EQ(h.Quantile(0.5), 0.15);
  EXPECT_DOUBLE_EQ(h.Quantile(0.125), 0.05);
  EXPECT_DOUBLE_EQ(h.Quantile(0.99), 0.4);  // beyond the last bound: that bound
  EXPECT_DOUBLE_EQ(h.CountAbove(0.15), 20);
  EXPECT_DOUBLE_EQ(h.CountAbove(0.3), 10);
  EXPECT_DOUBLE_EQ(h.CountAbove(5), 10);
  EXPECT_DOUBLE_EQ(h.CountAbove(0), 40);
}

TEST(CumulativeHistogramTest, DifferencesSurviveARestartOfTheCounter) {
  CumulativeHistogram before, after, restarted;
  before.Add(1, 10);
  before.Add(kInf, 12);
  after.Add(1, 15);
  after.Add(kInf, 20);
  restarted.Add(1, 2);
  restarted.Add(kInf, 3);
  EXPECT_EQ(after.Since(before).total(), 8);
  EXPECT_EQ(after.Since(before).CountAbove(1), 3);
  EXPECT_EQ(restarted.Since(before).total(), 3);
}

TEST(ExpositionTest, LabelsAreUnescaped) {
  constexpr const char* kLine =
      "# HELP other_total Others.\n"
      "other_total{a=\"quoted \\\"and\\\" \\\\ escaped \\n\"} 1e3 1700000000000\n";
  std::string label;
  double value = 0;
  ASSERT_TRUE(ReadExposition(kLine, [&](const ExpositionSample& sample) {
                if (sample.name != "other_total") return;
                label = sample.labels.at("a");
                value = sample.value;
              }).ok());
  EXPECT_EQ(label, "quoted \"and\" \\ escaped \n");
  EXPECT_EQ(value, 1000);
  ASSERT_TRUE(ReadExposition("a +Inf\nb NaN\nc{} -1\nd{x=\"y\",} 2\r\n",
                             [&](const ExpositionSample& sample) { value = sample.value; })
                  .ok());
  EXPECT_EQ(value, 2);
  for (const char* text :
       {"a", "a{", "a{x}", "a{x=1} 2", "a{x=\"1\"", "{x=\"1\"} 2", "a 1x", "a  "}) {
    EXPECT_FALSE(ReadExposition(text, [](const ExpositionSample&) {}).ok()) << text;
  }
}

struct OwnedSample {
  std::string revision;
  double time, value;
};

absl::StatusOr<std::vector<OwnedSample>> ReadAll(std::string body) {
  std::vector<OwnedSample> samples;
  const absl::Status status = ReadPrometheusAnswer(body, [&](const PrometheusSample& sample) {
    samples.push_back({std::string(sample.Label("reeve_rev")), sample.time, sample.value});
  });
  if (!status.ok()) return status;
  return samples;
}

TEST(PrometheusAnswerTest, ReadsVectors) {
  const auto samples = ReadAll(
      R"({"status":"success","data":{"resultType":"vector","result":[
          {"metric":{"le":"1","reeve_rev":"a\"\u00e4"},"value":[1700000000.5,"3.77"]},
          {"value":[1700000000,"NaN"],"metric":{}},{"metric":{},"value":[1,"+Inf"]}]},
          "warnings":["x"]})");
  ASSERT_TRUE(samples.ok()) << samples.status();
  ASSERT_EQ(samples->size(), 3u);
  EXPECT_EQ((*samples)[0].revision, "a\"\u00e4");
  EXPECT_EQ((*samples)[0].value, 3.77);
  EXPECT_EQ((*samples)[0].time, 1700000000.5);
  EXPECT_TRUE(std::isnan((*samples)[1].value));
  EXPECT_EQ((*samples)[2].value, kInf);
  EXPECT_TRUE(
      ReadAll(R"({"status":"success","data":{"resultType":"vector","result":[]}})")->empty());
}

TEST(PrometheusAnswerTest, TellsRefusalsFromNonsense) {
  const auto bad =
      ReadAll(R"({"status":"error","errorType":"bad_data","error":"parse error: unexpected end"})");
  EXPECT_TRUE(absl::IsInvalidArgument(bad.status()));
  EXPECT_THAT(MessageOf(bad.status()), HasSubstr("parse error"));
  for (
      const char* body :
      {"", "null", "<html>", R"({"status":"success"})",
       R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[1]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2"]})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2",3]}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}})",
       R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"2"]}]}})"}) {
    EXPECT_TRUE(absl::IsUnavailable(ReadAll(body).status())) << body;
  }
}

TEST(RowFillingTest, NoPartOfARequestIsLost) {
  double carry = 0;
  uint32_t whole = 0;
  for (int window = 0; window < 10; ++window) whole += WholeWithCarry(0.75, carry);
  EXPECT_EQ(whole, 7u);
  EXPECT_DOUBLE_EQ(carry, 0.5);
  EXPECT_EQ(WholeWithCarry(-3, carry), 0u);
  EXPECT_EQ(WholeRequests(std::nan("")), 0u);
  EXPECT_EQ(WholeRequests(1e300), 4000000000u);
}

}  // namespace
}  // namespace reeve
