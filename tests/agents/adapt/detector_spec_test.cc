#include "agents/adapt/detector_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agents/adapt/context.h"
#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;

template <class T>
absl::StatusOr<T> Parse(const std::string& text) {
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Parse(text, "spec.yaml"));
  T spec;
  RETURN_IF_ERROR(ReadConfig(node, spec));
  return spec;
}

absl::StatusOr<DetectorSpec> Read(const std::string& text) {
  return Parse<DetectorSpec>(text);
}

TEST(DetectorSpec, ComesFromYaml) {
  const absl::StatusOr<DetectorSpec> spec = Read(
      "kind: bocpd\nconfirm: 20s\nbocpd: {mean_run: 100, max_run: 50}\nmahalanobis: {threshold: "
      "-7}");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->kind, DetectorKind::kBocpd);
  EXPECT_EQ(spec->confirm, SimTime::Seconds(20));
  EXPECT_EQ(spec->bocpd.max_run, 50);
  EXPECT_EQ(spec->mahalanobis.threshold, -7);
  const absl::StatusOr<DetectorSpec> again = Read(WriteConfig(*spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(WriteConfig(*again), WriteConfig(*spec));
}

TEST(DetectorSpec, RangesAreChecked) {
  for (const char* text : {"mahalanobis: {threshold: 1}", "mixture: {new_cluster: 0}",
                           "cusum: {threshold: 0}", "cusum: {spread: 1}", "bocpd: {threshold: 1.1}",
                           "bocpd: {mean_run: 1}", "bocpd: {max_run: 1}", "max_environments: 0",
                           "floor_sd: 0", "match: 0", "memory: 0s", "prior_sd: -1"}) {
    EXPECT_THAT(MessageOf(Read(text).status()), HasSubstr("out of range")) << text;
  }
  EXPECT_THAT(MessageOf(Read("kind: cusums").status()), HasSubstr("did you mean 'cusum'?"));
}

TEST(DetectorSpec, AScheduleBeginsAtNothingAndRises) {
  EXPECT_TRUE(Read("kind: oracle").ok());  // filled in by the experiment
  EXPECT_THAT(MessageOf(Read("oracle: [{at: 1s, label: a}]").status()), HasSubstr("at 0"));
  EXPECT_THAT(
      MessageOf(
          Read("oracle: [{at: 0s, label: a}, {at: 5s, label: b}, {at: 5s, label: a}]").status()),
      HasSubstr("each later"));
  EXPECT_THAT(MessageOf(Read("oracle: [{at: 0s}]").status()), HasSubstr("without a label"));
  EXPECT_TRUE(Read("kind: oracle\noracle: [{at: 0s, label: a}, {at: 5s, label: b}]").ok());
}

TEST(ContextSpec, ComesFromYaml) {
  const absl::StatusOr<ContextSpec> spec = Parse<ContextSpec>(
      "features: [arrival_rate, {name: cpu_load, time: 0s}]\ntime: 1m\ngroups: 4");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->features[1].time, SimTime());
  EXPECT_FALSE(spec->features[0].time);
  const absl::StatusOr<ContextSpec> again = Parse<ContextSpec>(WriteConfig(*spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(WriteConfig(*again), WriteConfig(*spec));
}

}  // namespace
}  // namespace reeve
