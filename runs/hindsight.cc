#include "runs/hindsight.h"

namespace reeve {

void AddTrials(const std::string& policy, const TuningResult& tried,
               std::vector<HindsightTrial>& trials) {
  for (const Trial& trial : tried.trials) {
    trials.push_back({policy, trial.parameters, trial.gb_seconds, trial.slo_violation_share});
  }
}

const HindsightTrial* CheapestInHindsight(const std::vector<HindsightTrial>& trials,
                                          double slo_violation_share) {
  const HindsightTrial* best = nullptr;
  for (const HindsightTrial& trial : trials) {
    if (trial.slo_violation_share > slo_violation_share) continue;
    if (best == nullptr || trial.gb_seconds < best->gb_seconds) best = &trial;
  }
  return best;
}

}  // namespace reeve
