// CUSUM on log-likelihood ratios (Page 1954; LCPO names it as the alternative to its own test):
//
//   S_i = max(0, S_i + log p_i(x) - log p_current(x))
//
// for every other known environment i, and one more sum for "none of them". Its density is an even
// mixture of D + 1: the present Gaussian with one (whitened) dimension `spread` times as wide, for
// each, and with all of them. It integrates to one, so under the present environment its sum falls
// on average; a shift in any one dimension makes it grow,
//
//   log ratio = log((sum_d e^l_d + e^(sum_d l_d)) / (D + 1)),
//   l_d = -log spread + z_d^2 / 2 (1 - 1 / spread^2).
//
// When the largest sum is above the threshold, its alternative is the verdict, if this context
// spoke for it, too; else, and above half the threshold, it is uncertain. When it would pass one
// and a half thresholds, all are lowered by what is too much: they come down soon after what raised
// them is over, and which is the largest stays so.
//
// Confidence: in the present environment 1 - S / (2 threshold); in another 1 - threshold / (2 S).
#pragma once

#include <vector>

#include "agents/adapt/shift_rule.h"

namespace reeve {

// The log ratio of "none of them" to the present, for whitened distances z [D].
double NoneLogRatio(std::span<const double> z, double spread);

class CusumRule : public ShiftRule {
 public:
  CusumRule(const CusumOptions& options, size_t dimensions, size_t capacity);

  Verdict Judge(SimTime now, std::span<const double> x, const EnvironmentBook& book,
                size_t current) override;
  void Begin(const EnvironmentBook& book, size_t current, const ContextMoments& stretch) override;
  void Save(StateVectors& state) const override;
  absl::Status Restore(const StateVectors& state) override;

  // [capacity + 1] by place in the book; the last is "none of them".
  std::span<const double> sums() const { return sums_; }

 private:
  const CusumOptions options_;
  std::vector<double> sums_;
  std::vector<double> z_;  // [D] scratch
};

}  // namespace reeve
