// One run under a changing load, with a policy that learns while it drives (or a rule), as YAML.
// configs/adaptation/ has examples.
//
//   scenario: ../scenarios/shifting.yaml
//   schedule: {environments: [{label: usual}, {label: rate x2, rate: 2}]}
//   length: 24h
//   detector: {kind: cusum}
//   online: {method: experts}
//   safeguard: {queue: {engage: 50, release: 3}}
//   rule: {name: kpa}
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/adaptive_policy.h"
#include "agents/adapt/context.h"
#include "agents/adapt/detector_spec.h"
#include "agents/adapt/expert_library.h"
#include "agents/adapt/online_spec.h"
#include "agents/adapt/safeguard_spec.h"
#include "agents/policy_factory.h"
#include "core/config.h"
#include "core/units.h"
#include "traces/environments.h"

namespace reeve {

enum class AdaptationDriver : uint8_t { kLearner, kRule };
constexpr auto EnumNames(AdaptationDriver) {
  return std::array<std::pair<AdaptationDriver, std::string_view>, 2>{
      {{AdaptationDriver::kLearner, "learner"}, {AdaptationDriver::kRule, "rule"}}};
}

// A run before the one that counts, in which the learner met every environment.
struct RunBefore {
  SimTime length;
  std::vector<std::string> set;

  static constexpr std::string_view kScalarField = "length";
  template <class V>
  static void Fields(V& v) {
    v.Field("length", &RunBefore::length, "Of it; 0: there was none", Between(0, 1e9));
    v.Field("set", &RunBefore::set, "What was different in the scenario: part=train");
  }
};

struct AdaptationConfig {
  std::string name = "adaptation";
  std::string title;
  std::string scenario;
  std::vector<std::string> set;
  std::optional<EnvironmentScheduleSpec> schedule;
  SimTime length = SimTime::Hours(24);
  SimTime interval = SimTime::Minutes(1);
  uint64_t seed = 1;
  AdaptationDriver driver = AdaptationDriver::kLearner;
  PolicySpec rule;
  std::string timeout = "never";
  ContextSpec context;
  DetectorSpec detector;
  OnlineSpec online;
  double unsafe_penalty = 1;
  double pessimism = 2;
  std::optional<SafeguardSpec> safeguard;
  ExpertLibrarySpec library;
  RunBefore before;
  SimTime slo = SimTime::Seconds(1);
  SimTime tolerance = SimTime::Minutes(3);
  SimTime settling = SimTime::Minutes(5);

  template <class V>
  static void Fields(V& v) {
    using C = AdaptationConfig;
    v.Field("name", &C::name, "Name in reports");
    v.Field("title", &C::title, "One line for the report");
    v.Field("scenario", &C::scenario,
            "YAML of the scenario (requests, cluster, what agents see, may do and are paid; or the "
            "straggler environment), relative to this file");
    v.Field("set", &C::set, "What is changed in the scenario: part=test");
    v.Field("schedule", &C::schedule,
            "Environments that the requests go through; unset: as they are. The straggler "
            "environment has its own");
    v.Field("length", &C::length, "Of the run; not beyond the scenario's end", Between(60, 1e9));
    v.Field("interval", &C::interval, "Of a row of timeline.csv", Between(1, 86400));
    v.Field("seed", &C::seed, "All random draws follow from it");
    v.Field("driver", &C::driver, "The policy that learns, or the rule alone");
    v.Field("rule", &C::rule, "The rule; with a learner, its safeguard's fallback");
    v.Field("timeout", &C::timeout,
            "The same on the straggler environment: one of its timeouts in ms, or never");
    v.Field("context", &C::context, "By what environments are told apart (not: stragglers)");
    v.Field("detector", &C::detector,
            "How; an oracle without a schedule of its own is given the true labels");
    v.Field("online", &C::online, "How the policy learns");
    v.Field("unsafe_penalty", &C::unsafe_penalty,
            "Taken off the reward of every period that the fallback had to drive (not: "
            "stragglers, whose reward has it)",
            Between(0, 1e6));
    v.Field("pessimism", &C::pessimism,
            "What the safeguard is told of the state's value is the critics' mean less so many "
            "times their error",
            Between(0, 1000));
    v.Field("safeguard", &C::safeguard,
            "When the fallback drives; unset: never. Its fallback is `rule`");
    v.Field("library", &C::library, "How experts are kept, if a folder is given for them");
    v.Field("before", &C::before,
            "A run before this one on requests of another seed, with true labels: the policy "
            "begins with what it learned there, and explores no more");
    v.Field("slo", &C::slo, "Latency objective of the straggler environment's jobs",
            AtLeast(0.001));
    v.Field("tolerance", &C::tolerance, "A shift is detected if the detector changes so soon after",
            Between(1, 1e6));
    v.Field("settling", &C::settling, "The beginning of a visit, which is compared with its rest",
            Between(1, 1e6));
  }
  // There is a scenario; the rule is possible; the safeguard, too.
  absl::Status Validate() const;
};

}  // namespace reeve
