// A study of learning under a changing load as a YAML file: variants of a run (AdaptationConfig) x
// problems x seeds; rules are tuned on seeds of their own.
//
//   kind: adaptation
//   problems:
//     stragglers: {run: ../adaptation/straggler.yaml}
//   variants:
//     - {label: detected labels}
//     - {label: one policy, set: [online.method=single]}
//     - {label: best timeout, set: [driver=rule], search: {timeout: {values: [300, 600, never]}}}
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "runs/search_space.h"

namespace reeve {

struct AdaptationProblem {
  std::string run;
  std::vector<std::string> set, tuning_set;

  static constexpr std::string_view kScalarField = "run";
  template <class V>
  static void Fields(V& v) {
    using P = AdaptationProblem;
    v.Field("run", &P::run, "YAML of the run, relative to the study's file");
    v.Field("set", &P::set, "What is changed in it: length=24h");
    v.Field("tuning_set", &P::tuning_set, "And what else for the runs that rules are tuned on");
  }
  absl::Status Validate() const;  // there is a run
};

struct AdaptationVariant {
  std::string label;
  std::vector<std::string> set;
  std::vector<std::string> problems;
  SearchSpace search;

  template <class V>
  static void Fields(V& v) {
    using A = AdaptationVariant;
    v.Field("label", &A::label, "Its name in tables");
    v.Field("set", &A::set, "What it changes in the run: online.method=single");
    v.Field("problems", &A::problems, "On which problems it is tried; none: on all");
    v.Field("search", &A::search,
            "Parameters to tune, by dotted path in the run (rule.kpa.stable_window): every "
            "combination is tried on the tuning seeds, and the highest mean reward wins");
  }
  absl::Status Validate() const;  // there is a label
  bool On(const std::string& problem) const;
};

struct AdaptationStudyConfig {
  std::string kind = "adaptation";
  std::string name = "adaptation";
  std::string title;
  std::map<std::string, AdaptationProblem> problems;
  std::vector<AdaptationVariant> variants;
  std::string reference;
  int32_t seeds = 5;
  uint64_t first_seed = 1;
  int32_t tuning_seeds = 2;
  uint64_t first_tuning_seed = 1'000'001;
  double confidence = 0.95;
  int32_t resamples = 10'000;

  template <class V>
  static void Fields(V& v) {
    using C = AdaptationStudyConfig;
    v.Field("kind", &C::kind, "adaptation");
    v.Field("name", &C::name, "Name of the study");
    v.Field("title", &C::title, "One line for the report");
    v.Field("problems", &C::problems, "Name to problem");
    v.Field("variants", &C::variants, "What is compared");
    v.Field("reference", &C::reference,
            "Label of the variant that p99 latencies are compared with; unset: none");
    v.Field("seeds", &C::seeds, "Runs of each variant on each problem", Between(1, 1000));
    v.Field("first_seed", &C::first_seed, "Their seeds: this and the following");
    v.Field("tuning_seeds", &C::tuning_seeds, "Runs that parameters are chosen on",
            Between(1, 1000));
    v.Field("first_tuning_seed", &C::first_tuning_seed, "Their seeds: this and the following");
    v.Field("confidence", &C::confidence, "Level of the confidence intervals", Between(0.5, 0.999));
    v.Field("resamples", &C::resamples, "Of the bootstrap over seeds", Between(100, 1'000'000));
  }
  // There is a problem and a variant; labels are unique; names are known; seeds are apart.
  absl::Status Validate() const;
};

}  // namespace reeve
