// Change points by the posterior of the run length (run_length.h), each segment then told by its
// mean.
//
// The segment in force is so many contexts old; "recent" is the probability of all runs of at most
// half that age (where exactly it began does not matter, so neither do runs nearly as long). Above
// the threshold there was a change: the likeliest of those runs, once it is min_run long, is the
// new segment. Where its mean passes as a known environment (EnvironmentBook::Match) it is of that
// one, the one in force included; else of a new one. Between half the threshold and the threshold,
// or too young, it is uncertain.
//
// Confidence: in the present environment 1 - recent; in another, recent.
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
  // The likeliest run of lengths 1 .. most.
  size_t Likeliest(size_t most) const;

  const BocpdOptions options_;
  const double match_;
  RunLengthPosterior runs_;
  int64_t age_ = 0;  // of the segment in force, in contexts
};

}  // namespace reeve
