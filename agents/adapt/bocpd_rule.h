// Change points by the posterior of the run length (run_length.h), each segment then told by its
// mean.
//
// The segment is the likeliest run. It is believed when it is min_run long and the runs that are
// within a quarter of its length have more than `threshold` of the probability together (where
// exactly it began does not matter); else all is uncertain. Where its mean passes as a known
// environment (EnvironmentBook), it is of that one: the one in force, if it passes as that, else
// the nearest; where it passes as none, it is of a new one.
//
// Confidence: that probability.
#pragma once

#include <vector>

#include "agents/adapt/run_length.h"
#include "agents/adapt/shift_rule.h"

namespace reeve {

class BocpdRule : public ShiftRule {
 public:
  // `match`: of the detector's specification.
  BocpdRule(const BocpdOptions& options, double match, size_t dimensions);

  Verdict Judge(SimTime now, std::span<const double> x, const EnvironmentBook& book,
                size_t current) override;
  void Begin(const EnvironmentBook& book, size_t current, const ContextMoments& stretch) override;
  void Save(StateVectors& state) const override;
  absl::Status Restore(const StateVectors& state) override;

  const RunLengthPosterior& runs() const { return runs_; }

 private:
  const BocpdOptions options_;
  const double match_;
  RunLengthPosterior runs_;
};

}  // namespace reeve
