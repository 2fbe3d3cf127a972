// A study of learning as a YAML file: variants of one training x scenarios x seeds, each trained
// and then held against fresh requests; and the ratios that a claim is made of.
//
//   kind: learning
//   training: ../training/five_tenants.yaml
//   variants:
//     - {label: S-RL alone, set: [learner.form=s_rl], alone: true}
//     - {label: S-RL, set: [learner.form=s_rl]}
//   ratios:
//     - {name: D_SRL, of: S-RL, to: S-RL alone}
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "agents/policy_factory.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct StudyVariant {
  std::string label;
  std::vector<std::string> set;
  bool alone = false;
  std::string same_parameters_as;
  std::optional<PolicySpec> rule;

  template <class V>
  static void Fields(V& v) {
    using S = StudyVariant;
    v.Field("label", &S::label, "Its name in tables");
    v.Field("set", &S::set, "What it changes in the training: learner.form=s_rl");
    v.Field("alone", &S::alone,
            "Each function is trained and served alone on the cluster, by an agent of its own");
    v.Field("same_parameters_as", &S::same_parameters_as,
            "Label of another variant: the widths of this one's networks become those that come "
            "nearest to as many parameters");
    v.Field("rule", &S::rule, "A rule in place of training; unset: trained");
  }
};

// How a variant compares with another: a claim's number.
struct StudyRatio {
  std::string name, of, to;
  bool minus_one = false;

  template <class V>
  static void Fields(V& v) {
    v.Field("name", &StudyRatio::name, "Its name");
    v.Field("of", &StudyRatio::of, "Label of the variant above the line");
    v.Field("to", &StudyRatio::to, "Label of the variant below it");
    v.Field("minus_one", &StudyRatio::minus_one, "Show the excess over 1");
  }
};

// What is learned: the training's own scenario, or another, with changes.
struct StudyScenario {
  std::string file;
  std::vector<std::string> set;

  static constexpr std::string_view kScalarField = "file";
  template <class V>
  static void Fields(V& v) {
    v.Field("file", &StudyScenario::file,
            "YAML of the scenario, relative to the study's file; unset: the training's own");
    v.Field("set", &StudyScenario::set, "What is different in it: rate=0.8");
  }
};

struct EvaluationSpec {
  SimTime length = SimTime::Hours(1);
  uint64_t first_seed = 1'000'001;

  template <class V>
  static void Fields(V& v) {
    v.Field("length", &EvaluationSpec::length, "Of the run that a trained policy is judged by",
            Between(60, 864000));
    v.Field("first_seed", &EvaluationSpec::first_seed,
            "Seed of the evaluation of the first training; the others follow. No training may use "
            "them");
  }
};

struct LearningStudyConfig {
  std::string kind = "learning";
  std::string name = "study";
  std::string title;
  std::string training;
  std::map<std::string, StudyScenario> scenarios;
  std::vector<std::string> set;
  std::vector<StudyVariant> variants;
  std::vector<StudyRatio> ratios;
  EvaluationSpec evaluation;
  int32_t seeds = 5;
  uint64_t first_seed = 1;
  double confidence = 0.95;
  int32_t resamples = 10'000;

  template <class V>
  static void Fields(V& v) {
    using C = LearningStudyConfig;
    v.Field("kind", &C::kind, "learning");
    v.Field("name", &C::name, "Name of the study");
    v.Field("title", &C::title, "One line for the report");
    v.Field("training", &C::training, "YAML of the training, relative to the study's file");
    v.Field("scenarios", &C::scenarios,
            "Name to what is learned; none: the training's own scenario");
    v.Field("set", &C::set, "What all variants change in the training");
    v.Field("variants", &C::variants, "What is compared");
    v.Field("ratios", &C::ratios, "Ratios of p99 latency between variants, function by function");
    v.Field("evaluation", &C::evaluation, "How a trained policy is judged");
    v.Field("seeds", &C::seeds, "Trainings of each variant on each scenario", Between(1, 1000));
    v.Field("first_seed", &C::first_seed, "Their seeds: this and the following");
    v.Field("confidence", &C::confidence, "Level of the confidence intervals", Between(0.5, 0.999));
    v.Field("resamples", &C::resamples, "Of the paired bootstrap", Between(100, 1'000'000));
  }
  // There is a variant; labels are unique; ratios and same_parameters_as name variants; seeds of
  // training and evaluation are apart.
  absl::Status Validate() const;
};

}  // namespace reeve
