// The posterior of how long ago the last change was: Bayesian online change-point detection (Adams
// and MacKay, "Bayesian online changepoint detection", arXiv 0710.3742, 2007), with independent
// dimensions of unknown mean and variance.
//
// A run of length r has seen the last r observations; r = 0: a change has just come. Each dimension
// of a run has a normal-gamma posterior, from the prior (mu, kappa, alpha, beta) by
//
//   mu' = (kappa mu + x) / (kappa + 1)     beta' = beta + kappa (x - mu)^2 / (2 (kappa + 1))
//   kappa' = kappa + 1                     alpha' = alpha + 1/2
//
// and predicts by Student's t: 2 alpha degrees of freedom, location mu, scale^2 beta (kappa + 1) /
// (alpha kappa) (K. P. Murphy, "Conjugate Bayesian analysis of the Gaussian distribution", 2007,
// section 3). With a constant hazard h:
//
//   P(r + 1) ~ P(r) pred_r(x) (1 - h)      P(0) ~ sum_r P(r) pred_r(x) h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/state_vectors.h"

namespace reeve {

struct NormalGammaPrior {
  double kappa = 0.01, alpha = 1, beta = 1;  // the same for all dimensions; > 0
};

// Runs of `max_run` and more are one: its statistics are those of the likelier of the two that come
// together there. Exact while fewer than max_run observations were made, but for runs of a
// probability below 1e-30, which are dropped. O(max_run * D) a step, no allocation.
class RunLengthPosterior {
 public:
  RunLengthPosterior(size_t dimensions, const NormalGammaPrior& prior, double hazard,
                     size_t max_run);

  // Where the means of new runs are expected from now on, [D]; at first 0.
  void SetPriorMean(std::span<const double> mean);
  void Update(std::span<const double> x);  // [D]

  size_t max_run() const { return probability_.size() - 1; }
  // [max_run + 1] by length, sum 1. All on 0 before the first Update.
  std::span<const double> probability() const { return probability_; }
  // [D] posterior mean of a run of this length.
  std::span<const double> mean(size_t run) const {
    return std::span(mean_).subspan(run * dimensions_, dimensions_);
  }
  // Its log predictive density of x.
  double LogPredictive(size_t run, std::span<const double> x) const;

  // Under "rule.run.".
  void Save(StateVectors& state) const;
  absl::Status Restore(const StateVectors& state);

 private:
  // Run `to` becomes run `from` with x.
  void Extend(size_t from, size_t to, std::span<const double> x);

  const size_t dimensions_;
  const NormalGammaPrior prior_;
  const double hazard_;
  std::vector<double> probability_;  // [max_run + 1]
  std::vector<double> seen_;         // [max_run + 1] observations in each
  std::vector<double> mean_, beta_;  // [max_run + 1, D]
  std::vector<double> log_gamma_;    // [2 max_run] log G(a + 1/2) - log G(a), a = alpha + n / 2
  std::vector<double> weight_;       // [max_run + 1] scratch
};

}  // namespace reeve
