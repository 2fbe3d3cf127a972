// What rules could have done, had their parameters been chosen by the very requests they are
// compared on: not a fair way to tune, but the hardest comparison for whom they are compared with,
// and one at equal SLO violations.
#pragma once

#include <string>
#include <vector>

#include "runs/search_space.h"
#include "runs/tuner.h"

namespace reeve {

struct HindsightTrial {
  std::string policy;  // its label
  Assignments parameters;
  double gb_seconds = 0, slo_violation_share = 0;  // means over the runs
};

// Everything that was tried for a rule, on the test part.
void AddTrials(const std::string& policy, const TuningResult& tried,
               std::vector<HindsightTrial>& trials);

// The trial with the fewest GB-seconds among those with at most this share of SLO violations; the
// first of equals; nullptr when there is none.
const HindsightTrial* CheapestInHindsight(const std::vector<HindsightTrial>& trials,
                                          double slo_violation_share);

}  // namespace reeve
