// Out of context, as in LCPO (Hamadanian et al., "Online reinforcement learning in non-stationary
// context-driven environments", ICLR'25): with z the distances of a context in standard deviations
// from the mean of the last `batches` batches, a context is out when
//
//   s = -1/2 mean over dimensions of z^2  <  threshold.
//
// LCPO asks no more than that. Which environment it is then: the known one whose own statistics
// give the highest s, if that is not below the threshold; else a new one. Contexts between half the
// threshold and the threshold are uncertain, and are not taken in. Until a batch has been seen
// since the environment came into force, its own statistics stand for the batches.
//
// Confidence: in the present or a known environment, 1 - s / threshold; in "new",
// 1 - threshold / s.
#pragma once

#include <vector>

#include "agents/adapt/shift_rule.h"

namespace reeve {

// Cost of a Judge: O(batches * batch * D^2).
class MahalanobisRule : public ShiftRule {
 public:
  MahalanobisRule(const MahalanobisOptions& options, const SpreadPrior& prior, size_t dimensions);

  Verdict Judge(SimTime now, std::span<const double> x, const EnvironmentBook& book,
                size_t current) override;
  void Absorb(SimTime now, std::span<const double> x, double memory, bool learning,
              EnvironmentBook& book, size_t current) override;
  void Begin(const EnvironmentBook& book, size_t current, const ContextMoments& stretch) override;
  void Save(StateVectors& state) const override;
  absl::Status Restore(const StateVectors& state) override;

 private:
  // The Gaussian that stands for the present.
  const GaussianModel& Present(const EnvironmentBook& book, size_t current);

  const MahalanobisOptions options_;
  const SpreadPrior prior_;
  const size_t dimensions_, capacity_;  // D; contexts in all batches
  std::vector<double> recent_;          // [capacity, D] a ring
  size_t next_ = 0, filled_ = 0;
  ContextMoments moments_;  // scratch, as are the following
  GaussianModel model_;
  std::vector<double> z_;  // [D]
};

}  // namespace reeve
