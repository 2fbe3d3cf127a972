// The extractor as a whole: YAML, names, ranges, growth, allocation.
#include "envs/observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/status.h"
#include "envs/feature_table.h"
#include "tests/agents/allocation_counter.h"
#include "tests/envs/extreme_snapshots.h"
#include "tests/envs/window_testing.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<ObservationSpec> Read(const std::string& text) {
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Parse(text, "f.yaml"));
  ObservationSpec spec;
  RETURN_IF_ERROR(ReadConfig(node, spec));
  return spec;
}

std::string ErrorOf(const std::string& text) {
  return MessageOf(Read(text).status());
}

ObservationSpec Everything() {
  ObservationSpec spec;
  spec.features.clear();
  for (const FeatureRow* row : AllFeatures()) {
    spec.features.push_back({.name = std::string(row->name)});
  }
  return spec;
}

TEST(Observation, ReadsNamesAndMaps) {
  const auto spec = Read(
      "features:\n"
      "  - cpu_utilisation\n"
      "  - {name: arrival_rate, scale: 5}\n"
      "  - {name: mean_arrival_rate, time: 30s}\n"
      "  - mean_arrival_rate\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->features.size(), 4);
  EXPECT_EQ(spec->features[1].scale, 5);
  const FeatureExtractor extractor(*spec);
  EXPECT_THAT(extractor.names(), ElementsAre("cpu_utilisation", "arrival_rate",
                                             "mean_arrival_rate(30s)", "mean_arrival_rate(300s)"));
}

TEST(Observation, ErrorsNameThePlaceAndTheNearestFeature) {
  EXPECT_THAT(ErrorOf("features:\n  - queued\n  - cpu_utilization\n"),
              HasSubstr("f.yaml:3:5: unknown feature 'cpu_utilization' (did you mean "
                        "'cpu_utilisation'?)"));
  EXPECT_THAT(ErrorOf("features:\n  - {name: slo_preservation, scale: 2}\n"),
              HasSubstr("f.yaml:2:5: feature 'slo_preservation' has no unit and takes no scale"));
  EXPECT_THAT(ErrorOf("features:\n  - {name: queued, time: 2s}\n"),
              HasSubstr("f.yaml:2:5: feature 'queued' has no time constant"));
  EXPECT_THAT(ErrorOf("features:\n  - queued\n  - {name: queued, scale: 3}\n"),
              HasSubstr("feature 'queued' stands here twice"));
  EXPECT_THAT(ErrorOf("features:\n  - log_rate\n  - {name: log_rate, time: 1h}\n"),
              HasSubstr("feature 'log_rate(3600s)' stands here twice"));
  EXPECT_THAT(ErrorOf("features: []\n"), HasSubstr("at least one feature"));
}

TEST(Observation, IsWrittenAsItIsRead) {
  ObservationSpec spec = Everything();
  spec.features[5].scale = 2.5;
  spec.features.push_back({.name = "log_rate", .time = SimTime::Seconds(90)});
  const auto again = Read(WriteConfig(spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(FeatureExtractor(*again).names(), FeatureExtractor(spec).names());
  EXPECT_EQ(again->features[5].scale, 2.5);
}

TEST(Observation, TheDefaultIsTheAuthorsSix) {
  const ObservationSpec spec;
  EXPECT_TRUE(spec.Validate().ok());
  EXPECT_THAT(FeatureExtractor(spec).names(),
              ElementsAre("cpu_utilisation", "slo_preservation", "cpu_share", "others_cpu_share",
                          "containers", "arrival_rate"));
}

TEST(Observation, ColumnsStandSideBySide) {
  Snapshot s = QuietSnapshot(700);  // more than a block
  for (uint32_t f = 0; f < 700; ++f) {
    s.functions.arrivals[f] = f % 40;
    s.functions.queued[f] = f % 7;
  }
  FeatureExtractor extractor(
      ObservationSpec{.features = {{.name = "arrival_rate"}, {.name = "queued", .scale = 10}}});
  std::vector<float> out(1400);
  extractor.Extract(s, out);
  for (uint32_t f = 0; f < 700; ++f) {
    ASSERT_NEAR(out[2 * f], f % 40 / 100.0, 1e-6);
    ASSERT_NEAR(out[2 * f + 1], f % 7 / 10.0, 1e-6);
  }
}

TEST(Observation, NewFunctionsLeaveTheOthersTheirHistory) {
  ObservationSpec spec = Everything();
  FeatureExtractor grown(spec), alone(spec);
  const size_t size = grown.size();
  RandomCursor random(RandomStream(1, StreamPurpose::kPolicy, 0));
  std::vector<float> of_two(2 * size), of_one(size), of_new(size);
  FeatureExtractor late(spec);  // sees only what the new function sees
  for (int step = 0; step < 12; ++step) {
    Snapshot one = QuietSnapshot(1), two = QuietSnapshot(2), second = QuietSnapshot(1);
    for (Snapshot* s : {&one, &two, &second}) s->time = SimTime::Seconds(10 * (step + 1));
    one.functions.arrivals[0] = two.functions.arrivals[0] =
        static_cast<uint32_t>(random.Below(3) == 0 ? random.Below(50) : 0);
    second.functions.arrivals[0] = two.functions.arrivals[1] =
        static_cast<uint32_t>(random.Below(9));
    alone.Extract(one, of_one);
    if (step < 5) {
      std::vector<float> out(size);
      grown.Extract(one, out);
      ASSERT_EQ(out, of_one);
    } else {
      grown.Extract(two, of_two);
      late.Extract(second, of_new);
      ASSERT_EQ(std::vector<float>(of_two.begin(), of_two.begin() + size), of_one) << step;
      ASSERT_EQ(std::vector<float>(of_two.begin() + size, of_two.end()), of_new) << step;
    }
  }
}

TEST(Observation, EveryValueIsInItsRangeWhateverTheSnapshot) {
  FeatureExtractor extractor(Everything());
  const std::vector<const FeatureRow*> rows = AllFeatures();
  std::vector<float> out(3 * rows.size());
  ExtremeSnapshots extremes;
  for (int step = 0; step < 3000; ++step) {
    extractor.Extract(extremes.Next(), out);
    for (size_t i = 0; i < out.size(); ++i) {
      const FeatureRow& row = *rows[i % rows.size()];
      ASSERT_TRUE(std::isfinite(out[i]) && out[i] >= row.min && out[i] <= row.max)
          << row.name << " " << out[i] << " at step " << step;
    }
  }
  // And nothing of it stays: a quiet hour later averages are numbers in use again.
  FeatureExtractor fresh(Everything());
  for (int step = 0; step < 100; ++step) {
    Snapshot s = QuietSnapshot(3);
    s.time = SimTime::Hours(1000 + step);
    s.window = SimTime::Hours(1);
    s.functions.arrivals = {7, 7, 7};
    extractor.Extract(s, out);
  }
  const std::vector<std::string>& names = extractor.names();
  for (size_t o = 0; o < names.size(); ++o) {
    if (names[o] == "mean_arrival_rate(300s)") {
      EXPECT_NEAR(out[o], 7.0 / 3600 / 10, 1e-6);
    }
  }
}

TEST(Observation, ExtractAndResetDoNotAllocate) {
  FeatureExtractor extractor(Everything());
  Snapshot s = QuietSnapshot(1000);
  std::vector<float> out(1000 * extractor.size());
  extractor.Extract(s, out);
  const size_t before = AllocationCount();
  for (int step = 2; step < 5; ++step) {
    s.time = SimTime::Seconds(10 * step);
    extractor.Extract(s, out);
    extractor.Reset();
  }
  EXPECT_EQ(AllocationCount(), before);
}

}  // namespace
}  // namespace reeve
