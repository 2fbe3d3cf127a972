#include "agents/policy_factory.h"

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
  EXPECT_THAT(PolicyNames(),
              testing::IsSupersetOf({"kpa", "static", "keep_alive", "hpa", "keda", "aimd", "ensure",
                                     "vpa", "combined", "hybrid_histogram", "oracle_prewarm",
                                     "openwhisk", "openwhisk_scheduler"}));
  for (const std::string& name : PolicyNames()) {
    if (name == "oracle_prewarm") continue;  // needs the workload; see oracle_prewarm_test.cc
    if (name == "learned") continue;         // needs a file; see tests/runs/learned_policy_test.cc
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

TEST(PolicyFactory, ReadsAndWritesLists) {
  const auto spec = Read(
      "name: hpa\nhpa:\n  metrics: [{metric: rps, target: 20}, {metric: cpu}]\n"
      "  scale_down: {select_policy: Min, policies: [{type: pods, value: 2, period: 60s}]}\n"
      "combined: {horizontal: hpa}\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->hpa.metrics.size(), 2u);
  EXPECT_EQ(spec->hpa.metrics[0].target, 20);
  EXPECT_EQ(spec->hpa.scale_down.policies.size(), 1u);
  EXPECT_EQ(spec->hpa.scale_down.stabilization_window, SimTime::Seconds(300));  // as by default
  EXPECT_EQ(spec->combined.hpa.metrics[0].metric, HpaMetric::kConcurrency);
  const auto again = Read(WriteConfig(*spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(WriteConfig(*again), WriteConfig(*spec));
}

TEST(PolicyFactory, ImpossibleOptionsAreLocated) {
  EXPECT_THAT(ErrorOf("hpa: {metrics: []}"), HasSubstr("p.yaml:1:6: metrics: there is none"));
  EXPECT_THAT(ErrorOf("hpa: {scale_up: {policies: []}}"), HasSubstr("select_policy: Disabled"));
  EXPECT_THAT(ErrorOf("kpa: {stable_window: 2s}"), HasSubstr("p.yaml:1:22: stable_window"));
  EXPECT_THAT(ErrorOf("kpa: {stabel_window: 60s}"), HasSubstr("did you mean 'stable_window'"));
  EXPECT_THAT(ErrorOf("kpa: {metric: cpu}"), HasSubstr("concurrency, rps"));
  EXPECT_THAT(ErrorOf("kpa: {target_burst_capacity: -0.5}"), HasSubstr("p.yaml:1:6: target_burst"));
  EXPECT_THAT(ErrorOf("kpa: {min_scale: 3, max_scale: 2}"),
              HasSubstr("p.yaml:1:6: min_scale: 3 is more"));
  EXPECT_TRUE(Read("kpa: {min_scale: 3}").ok());
  EXPECT_THAT(ErrorOf("static: {replicas: -1}"), HasSubstr("replicas: -1 is out of range"));
}

TEST(PolicyFactory, ChecksSpecsThatWereNotRead) {
  PolicySpec spec;
  spec.kpa.min_scale = 3;
  spec.kpa.max_scale = 2;
  EXPECT_THAT(MessageOf(MakePolicy(spec).status()), HasSubstr("kpa.min_scale: 3 is more"));
  spec.name = "combined";
  spec.combined.vpa.replicas = 1;
  EXPECT_THAT(MessageOf(MakePolicy(spec).status()), HasSubstr("combined.vpa.replicas"));
}

TEST(PolicyFactory, PutsWrappersAround) {
  const auto spec = Read(
      "name: static\nstatic: {replicas: 40}\nflap_budget: 6\nrate_limit: {add_containers: 8}\n"
      "bounds: {max_replicas: 5}\nsafeguard: {fallback: kpa, queue: {engage: 20}, latency: {},\n"
      "  budget: {violations: 50}}\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->flap_budget->reversals, 6);
  EXPECT_EQ(spec->safeguard->queue.engage, 20);
  EXPECT_EQ(spec->safeguard->queue.release, 3);
  EXPECT_TRUE(spec->safeguard->latency);
  EXPECT_FALSE(spec->safeguard->rejections);
  EXPECT_EQ(spec->safeguard->budget->violations, 50);
  EXPECT_TRUE(spec->Uses("kpa"));
  EXPECT_TRUE(spec->Uses("static"));
  EXPECT_FALSE(spec->Uses("hpa"));
  const auto again = Read(WriteConfig(*spec));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(WriteConfig(*again), WriteConfig(*spec));

  auto policy = MakePolicy(*spec);
  ASSERT_TRUE(policy.ok()) << policy.status();
  Snapshot snapshot;
  snapshot.functions.Resize(1);
  std::vector<Decision> decisions(1);
  ASSERT_TRUE((*policy)->Decide(snapshot, decisions).ok());
  EXPECT_EQ(decisions[0].replicas, 5);  // 40, at most 8 more, at most 5
  snapshot.functions.queued[0] = 21;
  snapshot.time = snapshot.window = SimTime::Seconds(2);
  ASSERT_TRUE((*policy)->Decide(snapshot, decisions).ok());
  EXPECT_EQ((*policy)->name(), "static");
  EXPECT_NE(decisions[0].replicas, 5);  // the fallback's
}

TEST(PolicyFactory, WrappersAreChecked) {
  EXPECT_THAT(ErrorOf("safeguard: {fallback: kpq}"),
              HasSubstr("safeguard.fallback: unknown policy 'kpq' (did you mean 'kpa'?)"));
  EXPECT_THAT(ErrorOf("safeguard: {queue: {engage: 2}}"), HasSubstr("p.yaml:1:12: queue.release"));
  EXPECT_THAT(ErrorOf("rate_limit: {}"), HasSubstr("nothing is limited"));
  EXPECT_THAT(ErrorOf("bounds: {min_replicas: 3, max_replicas: 2}"),
              HasSubstr("min_replicas: it is more"));
  EXPECT_THAT(ErrorOf("name: static\nsafeguard: learned"), HasSubstr("learned.checkpoint"));
  EXPECT_TRUE(Read("safeguard: hpa").ok());
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

TEST(SimplePolicies, KeepAlivePresets) {
  for (const auto& [preset, minutes] : {std::pair{"none", 3}, {"aws", 10}, {"azure", 20}}) {
    const auto spec =
        Read(std::string("name: keep_alive\nkeep_alive: {keep_alive: 3m, preset: ") + preset + "}");
    ASSERT_TRUE(spec.ok()) << spec.status();
    Snapshot snapshot;
    snapshot.functions.Resize(1);
    std::vector<Decision> decisions(1);
    ASSERT_TRUE((*MakePolicy(*spec))->Decide(snapshot, decisions).ok());
    EXPECT_EQ(decisions[0].keep_alive, SimTime::Minutes(minutes));
  }
}

}  // namespace
}  // namespace reeve
