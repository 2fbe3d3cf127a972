// Which shift detector, and its parameters, from YAML:
//
//   detector:
//     kind: cusum
//     confirm: 30s
//     cusum: {threshold: 20}
//
// Numbers of contexts are in units of the context's scales (context.h).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/gaussian.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class DetectorKind : uint8_t { kMahalanobis, kMixture, kCusum, kBocpd, kOracle };
constexpr auto EnumNames(DetectorKind) {
  return std::array<std::pair<DetectorKind, std::string_view>, 5>{
      {{DetectorKind::kMahalanobis, "mahalanobis"},
       {DetectorKind::kMixture, "mixture"},
       {DetectorKind::kCusum, "cusum"},
       {DetectorKind::kBocpd, "bocpd"},
       {DetectorKind::kOracle, "oracle"}}};
}
std::string_view DetectorKindName(DetectorKind kind);

// mahalanobis_rule.h
struct MahalanobisOptions {
  double threshold = -5;
  int32_t batches = 5;
  int32_t batch = 12;

  template <class V>
  static void Fields(V& v) {
    using M = MahalanobisOptions;
    v.Field(
        "threshold", &M::threshold,
        "Minus half the mean over dimensions of the squared distances, below which a context is "
        "out of the present one (LCPO's -5, -6, -7)",
        Between(-1e6, -1e-3));
    v.Field("batches", &M::batches, "Last batches of contexts that it is held against",
            Between(1, 1000));
    v.Field("batch", &M::batch, "Control periods in a batch", Between(1, 10'000));
  }
};

// mixture_rule.h
struct MixtureOptions {
  double new_cluster = 1e-4;

  template <class V>
  static void Fields(V& v) {
    v.Field("new_cluster", &MixtureOptions::new_cluster,
            "A context that fewer than this share of every environment's contexts would lie as far "
            "out as is of a new one",
            Between(1e-300, 0.5));
  }
};

// cusum_rule.h
struct CusumOptions {
  double threshold = 20;
  double spread = 3;

  template <class V>
  static void Fields(V& v) {
    v.Field("threshold", &CusumOptions::threshold,
            "Sum of log-likelihood ratios above which the environment has changed",
            Between(1e-3, 1e6));
    v.Field("spread", &CusumOptions::spread,
            "The alternative 'none of them': so many times the present standard deviation",
            Between(1.01, 1000));
  }
};

// bocpd_rule.h
struct BocpdOptions {
  double threshold = 0.5;
  double mean_run = 720;
  int32_t max_run = 240;
  int32_t min_run = 3;
  double sd = 1;
  double sd_weight = 40;
  double spread = 10;

  template <class V>
  static void Fields(V& v) {
    using B = BocpdOptions;
    v.Field("threshold", &B::threshold,
            "Probability of runs about as long as the likeliest, above which that one is believed",
            Between(0, 1));
    v.Field("mean_run", &B::mean_run,
            "Control periods between two changes, on average (the hazard is one over this)",
            Between(2, 1e12));
    v.Field("max_run", &B::max_run, "Longer runs are taken together; costs time in proportion",
            Between(4, 100'000));
    v.Field("min_run", &B::min_run, "Control periods of a segment before it is told what it is",
            Between(1, 10'000));
    v.Field("sd", &B::sd, "Standard deviation of contexts within a segment, before there are any",
            Between(1e-6, 1e6));
    v.Field("sd_weight", &B::sd_weight,
            "In control periods, what that presumption weighs; low: contexts that resemble their "
            "predecessors, as smoothed ones do, make a segment of every wave",
            Between(0.1, 1e9));
    v.Field("spread", &B::spread,
            "How far a new segment's mean may be from the present environment's, in those",
            Between(0.1, 1e6));
  }
};

// One visit of a schedule of true labels.
struct LabelledTime {
  SimTime at;
  std::string label;

  template <class V>
  static void Fields(V& v) {
    v.Field("at", &LabelledTime::at, "From when on", Between(0, 1e9));
    v.Field("label", &LabelledTime::label, "Name of the environment");
  }
  absl::Status Validate() const;  // there is a label
};

struct DetectorSpec {
  DetectorKind kind = DetectorKind::kCusum;
  SimTime confirm = SimTime::Seconds(60);
  SimTime min_dwell = SimTime::Minutes(2);
  SimTime learn = SimTime::Minutes(3);
  SimTime memory = SimTime::Hours(1);
  double match = 3;
  int32_t max_environments = 32;
  bool correlated = false;
  double floor_sd = 0.25;
  double prior_sd = 0.5;
  double prior_weight = 20;
  MahalanobisOptions mahalanobis;
  MixtureOptions mixture;
  CusumOptions cusum;
  BocpdOptions bocpd;
  std::vector<LabelledTime> oracle;

  template <class V>
  static void Fields(V& v) {
    using D = DetectorSpec;
    v.Field("kind", &D::kind, "How contexts are judged");
    v.Field(
        "confirm", &D::confirm,
        "Another environment must show for so long before it comes into force, half of it as the "
        "same one",
        Between(0, 1e6));
    v.Field("min_dwell", &D::min_dwell, "Least time between two changes", Between(0, 1e6));
    v.Field("learn", &D::learn,
            "Time in which a new environment takes in every context and is not judged",
            Between(0, 1e6));
    v.Field("memory", &D::memory,
            "An environment's contexts fade with this time constant while it is in force: slow "
            "drift is followed",
            Between(1, 1e9));
    v.Field("match", &D::match,
            "Standard deviations within which every dimension of a stretch of contexts must be for "
            "the stretch to pass as a known environment",
            Between(0.1, 1e6));
    v.Field("max_environments", &D::max_environments,
            "With so many known, what is new is taken for the closest of them", Between(1, 4096));
    v.Field("correlated", &D::correlated,
            "Take dimensions together (full covariances); else as independent");
    v.Field("floor_sd", &D::floor_sd,
            "Standard deviation that every dimension has at least: the change that does not matter",
            Between(1e-6, 1e6));
    v.Field("prior_sd", &D::prior_sd, "Standard deviation that is presumed before there are data",
            Between(0, 1e6));
    v.Field("prior_weight", &D::prior_weight, "In control periods, what that presumption weighs",
            Between(0, 1e9));
    v.Field("mahalanobis", &D::mahalanobis, "Out of the context of the last batches, as in LCPO");
    v.Field("mixture", &D::mixture, "Online Gaussian mixture with a new-cluster test");
    v.Field("cusum", &D::cusum, "Cumulated log-likelihood ratios between environments");
    v.Field("bocpd", &D::bocpd, "Bayesian online change-point detection");
    v.Field("oracle", &D::oracle,
            "True labels, by rising time, the first at 0; none: those of the experiment");
  }
  // The oracle's schedule begins at 0 and rises. It may be empty: whoever runs an experiment knows
  // the truth and fills it in before there is a detector.
  absl::Status Validate() const;

  SpreadPrior spread_prior() const {
    return {.prior_sd = prior_sd,
            .prior_weight = prior_weight,
            .floor_sd = floor_sd,
            .diagonal = !correlated};
  }
};

}  // namespace reeve
