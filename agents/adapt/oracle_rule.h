// True labels from a schedule: for experiments that ask what detection costs. A label's environment
// opens when the label first shows. One that was merged or forgotten opens anew.
#pragma once

#include <string>
#include <vector>

#include "agents/adapt/shift_rule.h"

namespace reeve {

class OracleRule : public ShiftRule {
 public:
  explicit OracleRule(std::vector<LabelledTime> schedule);  // by rising time, the first at 0

  Verdict Judge(SimTime now, std::span<const double> x, const EnvironmentBook& book,
                size_t current) override;
  void Begin(const EnvironmentBook& book, size_t current, const ContextMoments& stretch) override;
  bool trusted() const override { return true; }
  void Save(StateVectors& state) const override;
  absl::Status Restore(const StateVectors& state) override;

 private:
  struct Visit {
    SimTime at;
    size_t label;
  };
  std::vector<Visit> visits_;
  std::vector<int64_t> ids_;  // [labels] of the environment; kNoEnvironment: not seen yet
  int64_t opening_ = -1;      // label of the environment that is about to open; -1: none
};

}  // namespace reeve
