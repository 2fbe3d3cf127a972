// A study of shift detection as a YAML file: detectors x workloads x seeds, each detector tuned in
// the same way on seeds of its own.
//
//   kind: detection
//   workloads:
//     generated:
//       scenario: ../scenarios/shifting.yaml
//       schedule: {environments: [{label: usual}, {label: rate x2, rate: 2}]}
//   detectors:
//     - {label: CUSUM, detector: {kind: cusum}, search: {cusum.threshold: {values: [10, 20, 40]}}}
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/context.h"
#include "agents/adapt/detector_spec.h"
#include "agents/policy_factory.h"
#include "core/config.h"
#include "core/units.h"
#include "runs/search_space.h"
#include "traces/environments.h"

namespace reeve {

struct DetectionWorkload {
  std::string scenario;
  std::vector<std::string> set;
  SimTime length = SimTime::Hours(8);
  std::optional<EnvironmentScheduleSpec> schedule;
  std::string tuned_on;
  bool report = true;

  template <class V>
  static void Fields(V& v) {
    using W = DetectionWorkload;
    v.Field("scenario", &W::scenario,
            "YAML of the scenario (requests and cluster), relative to the study's file");
    v.Field("set", &W::set, "What is changed in the scenario: part=test");
    v.Field("length", &W::length, "Of a run; not beyond the scenario's end", Between(60, 1e7));
    v.Field(
        "schedule", &W::schedule,
        "Environments that the requests go through; unset: as they are, so that every change is a "
        "false alarm");
    v.Field("tuned_on", &W::tuned_on,
            "The workload whose tuning seeds choose the parameters; unset: this one");
    v.Field("report", &W::report, "Report on it; off: it is for tuning only");
  }
  absl::Status Validate() const;  // there is a scenario
};

struct StudyDetector {
  std::string label;
  DetectorSpec detector;
  SearchSpace search;

  template <class V>
  static void Fields(V& v) {
    using S = StudyDetector;
    v.Field("label", &S::label, "Its name in tables");
    v.Field("detector", &S::detector,
            "The detector; an oracle without a schedule is given the true one");
    v.Field(
        "search", &S::search,
        "Parameters to tune, by dotted path (cusum.threshold): every combination is tried on the "
        "tuning seeds, and the highest mean F1 wins");
  }
  absl::Status Validate() const;  // there is a label
};

struct DetectionStudyConfig {
  std::string kind = "detection";
  std::string name = "detection";
  std::string title;
  PolicySpec policy;
  ContextSpec context;
  std::map<std::string, DetectionWorkload> workloads;
  std::vector<StudyDetector> detectors;
  SimTime tolerance = SimTime::Minutes(5);
  int32_t seeds = 5;
  uint64_t first_seed = 1;
  int32_t tuning_seeds = 3;
  uint64_t first_tuning_seed = 1'000'001;
  double confidence = 0.95;
  int32_t resamples = 10'000;

  template <class V>
  static void Fields(V& v) {
    using C = DetectionStudyConfig;
    v.Field("kind", &C::kind, "detection");
    v.Field("name", &C::name, "Name of the study");
    v.Field("title", &C::title, "One line for the report");
    v.Field("policy", &C::policy, "Who drives the cluster meanwhile");
    v.Field("context", &C::context, "What detectors are given");
    v.Field("workloads", &C::workloads, "Name to workload");
    v.Field("detectors", &C::detectors, "What is compared");
    v.Field("tolerance", &C::tolerance, "A shift is detected if the detector changes so soon after",
            Between(1, 1e6));
    v.Field("seeds", &C::seeds, "Runs of each workload", Between(1, 1000));
    v.Field("first_seed", &C::first_seed, "Their seeds: this and the following");
    v.Field("tuning_seeds", &C::tuning_seeds, "Runs that parameters are chosen on",
            Between(1, 1000));
    v.Field("first_tuning_seed", &C::first_tuning_seed, "Their seeds: this and the following");
    v.Field("confidence", &C::confidence, "Level of the confidence intervals", Between(0.5, 0.999));
    v.Field("resamples", &C::resamples, "Of the bootstrap over seeds", Between(100, 1'000'000));
  }
  // There is a workload and a detector; labels are unique; what is tuned on exists and has a
  // schedule; seeds are apart.
  absl::Status Validate() const;
};

// The workload whose tuning counts for this one.
const std::string& TunedOn(const std::string& name, const DetectionWorkload& workload);

}  // namespace reeve
