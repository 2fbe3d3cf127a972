// Online Gaussian mixture with a new-cluster test, after the incremental mixture of Engel and
// Heinen
// ("Incremental learning of multivariate Gaussian mixture models", SBIA 2010): environments are the
// components; with counts n_k,
//
//   r_k = n_k N(x; k) / sum_j n_j N(x; j)      the responsibility of k for x
//
// A context whose squared Mahalanobis distance to every component lies beyond the chi-squared
// quantile at 1 - new_cluster is of a new one. Else it is of the component with the largest r_k,
// uncertain when that is below a half. What is taken in is shared out: every component near enough
// moves by its responsibility.
//
// Confidence: r_k; in "new", 1 - quantile / least distance.
#pragma once

#include <vector>

#include "agents/adapt/shift_rule.h"

namespace reeve {

class MixtureRule : public ShiftRule {
 public:
  MixtureRule(const MixtureOptions& options, size_t dimensions, size_t capacity);

  Verdict Judge(SimTime now, std::span<const double> x, const EnvironmentBook& book,
                size_t current) override;
  void Absorb(SimTime now, std::span<const double> x, double memory, bool learning,
              EnvironmentBook& book, size_t current) override;
  void Begin(const EnvironmentBook& /*book*/, size_t /*current*/,
             const ContextMoments& /*stretch*/) override {}
  void Save(StateVectors& /*state*/) const override {}  // all it knows is in the book
  absl::Status Restore(const StateVectors& /*state*/) override { return absl::OkStatus(); }

  // [capacity] of the last Judge, 0 for those too far.
  std::span<const double> responsibilities() const { return responsibilities_; }

 private:
  const double gate_;                     // on squared distances
  std::vector<double> responsibilities_;  // [capacity]
  std::vector<double> z_;                 // [D] scratch
};

}  // namespace reeve
