#include "agents/rules/policy_factory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;

absl::StatusOr<PolicySpec> Read(const std::string& yaml) {
  ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Parse(yaml, "p.yaml"));
  PolicySpec spec;
  RETURN_IF_ERROR(ReadConfig(node, spec));
  return spec;
}

std::string ErrorOf(const std::string& yaml) {
  return MessageOf(Read(yaml).status());
}

TEST(PolicyFactory, MakesEachByName) {
  ASSERT_EQ(PolicyNames().size(), 3u);
  for (const std::string& name : PolicyNames()) {
    PolicySpec spec;
    spec.name = name;
    const auto policy = MakePolicy(spec);
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_EQ((*policy)->name(), name);
  }
}

TEST(PolicyFactory, UnknownNameIsAnsweredWithTheNearest) {
  PolicySpec spec;
  spec.name = "keep_alife";
  const std::string message = MessageOf(MakePolicy(spec).status());
  EXPECT_THAT(message, HasSubstr("unknown policy 'keep_alife' (did you mean 'keep_alive'?)"));
  EXPECT_THAT(message, HasSubstr("kpa, static, keep_alive"));
  EXPECT_THAT(ErrorOf("name: kpq"), HasSubstr("p.yaml:1:1: name: unknown policy 'kpq'"));
}

TEST(PolicyFactory, ReadsAndWritesOptions) {
  const auto spec = Read(
      "name: kpa\nkpa:\n  stable_window: 30s\n  metric: rps\n  target: 12.5\n"
      "  metric_aggregation_algorithm: weighted-exponential\nstatic: {replicas: 4}\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->kpa.stable_window, SimTime::Seconds(30));
  EXPECT_EQ(spec->kpa.metric, KpaMetric::kRps);
  EXPECT_EQ(spec->kpa.target, 12.5);
  EXPECT_EQ(spec->fixed.replicas, 4);
  const auto again = Read(WriteConfig(*spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(WriteConfig(*again), WriteConfig(*spec));
}

TEST(PolicyFactory, ImpossibleOptionsAreLocated) {
  EXPECT_THAT(ErrorOf("kpa: {stable_window: 2s}"), HasSubstr("p.yaml:1:22: stable_window"));
  EXPECT_THAT(ErrorOf("kpa: {stabel_window: 60s}"), HasSubstr("did you mean 'stable_window'"));
  EXPECT_THAT(ErrorOf("kpa: {metric: cpu}"), HasSubstr("concurrency, rps"));
  EXPECT_THAT(ErrorOf("kpa: {target_burst_capacity: -0.5}"),
              HasSubstr("p.yaml:1:6: target_burst_capacity: -0.5 is out of range"));
  EXPECT_THAT(ErrorOf("kpa: {min_scale: 3, max_scale: 2}"),
              HasSubstr("p.yaml:1:6: min_scale: 3 is more"));
  EXPECT_TRUE(Read("kpa: {min_scale: 3}").ok());
  EXPECT_THAT(ErrorOf("static: {replicas: -1}"), HasSubstr("replicas: -1 is out of range"));
}

TEST(SimplePolicies, DecideTheSameEveryTime) {
  PolicySpec spec;
  spec.fixed.replicas = 3;
  spec.keep_alive.keep_alive = SimTime::Seconds(90);
  spec.keep_alive.warm_floor = 1;
  Snapshot snapshot;
  snapshot.functions.Resize(2);
  std::vector<Decision> decisions(2);
  spec.name = "static";
  ASSERT_TRUE((*MakePolicy(spec))->Decide(snapshot, decisions).ok());
  Decision three;
  three.replicas = 3;
  EXPECT_EQ(decisions[1], three);
  decisions.assign(2, {});
  spec.name = "keep_alive";
  ASSERT_TRUE((*MakePolicy(spec))->Decide(snapshot, decisions).ok());
  Decision warm;
  warm.replicas = 1;
  warm.keep_alive = SimTime::Seconds(90);
  EXPECT_EQ(decisions[0], warm);
}

}  // namespace
}  // namespace reeve
