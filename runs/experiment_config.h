// An experiment as a YAML file: policies x workloads x seeds.
//
//   name: rules_azure
//   clusters: {knative: ../clusters/knative.yaml}
//   workloads:
//     azure: {trace: ../../../shared/traces/azure2019-250f-8h, split: {…}}
//   policies:
//     - {label: kpa, cluster: knative, policy: {name: kpa}, search: {kpa.stable_window: {values:
//     […]}}}
//   seeds: 5
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "runs/simulation.h"
#include "runs/statistics.h"
#include "runs/tuner.h"
#include "traces/workload.h"

namespace reeve {

struct ExperimentPolicy {
  std::string label;
  std::string cluster;
  PolicySpec policy;
  std::string training;
  SearchSpace search;

  template <class V>
  static void Fields(V& v) {
    using P = ExperimentPolicy;
    v.Field("label", &P::label, "Its name in tables; unset: the policy's");
    v.Field("cluster", &P::cluster, "One of the experiment's clusters; unset: the first by name");
    v.Field("policy", &P::policy, "The policy and its options");
    v.Field("training", &P::training,
            "A training's YAML, relative to the experiment's file: the policy is learned on the "
            "workload's training part, anew with every seed; of `policy` only learned.choose "
            "counts then");
    v.Field("search", &P::search,
            "Parameters to tune, by dotted path (kpa.stable_window; of a training, "
            "learner.gamma); the tuned policy becomes a row of its own beside the one as given");
  }
};

struct ExperimentConfig {
  std::string name = "experiment";
  std::string title;
  std::map<std::string, std::string> clusters;
  std::map<std::string, WorkloadSpec> workloads;
  std::vector<ExperimentPolicy> policies;
  int32_t seeds = 5;
  uint64_t first_seed = 1;
  std::string baseline;
  TuningSpec tuning;
  bool hindsight = false;
  PerturbationSpec perturbations;
  WithinMinute within_minute = WithinMinute::kByTrigger;
  double confidence = 0.95;
  int32_t resamples = 10'000;

  template <class V>
  static void Fields(V& v) {
    using C = ExperimentConfig;
    v.Field("name", &C::name, "Name of the experiment");
    v.Field("title", &C::title, "One line for the report");
    v.Field("clusters", &C::clusters,
            "Name to the cluster's YAML file, relative to the experiment's file");
    v.Field("workloads", &C::workloads, "Name to workload");
    v.Field("policies", &C::policies, "What is compared");
    v.Field("seeds", &C::seeds, "Runs of each policy on each workload", Between(1, 1000));
    v.Field("first_seed", &C::first_seed,
            "Their seeds: this and the following, the same for every policy");
    v.Field("baseline", &C::baseline,
            "Label of the policy that ratios are to; unset: the first policy");
    v.Field("tuning", &C::tuning, "How policies with a search are tuned");
    v.Field("hindsight", &C::hindsight,
            "Also try every candidate of the rules' searches on the test part itself, to say what "
            "the cheapest rule with no more SLO violations would have cost there");
    v.Field("perturbations", &C::perturbations,
            "What stands between every policy and its cluster, in tuning and in testing");
    v.Field("within_minute", &C::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("confidence", &C::confidence, "Level of the confidence intervals", Between(0.5, 0.999));
    v.Field("resamples", &C::resamples, "Of the paired bootstrap", Between(100, 1'000'000));
  }
  // There is at least one cluster, workload and policy; labels are unique; clusters and the
  // baseline exist; seeds for testing and for tuning are apart; what is tuned has a split workload.
  absl::Status Validate() const;
};

// Fills what is unset and may be: labels, clusters, baseline.
void ResolveDefaults(ExperimentConfig& config);

}  // namespace reeve
