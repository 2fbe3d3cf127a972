// Results of an experiment that look like real ones, for tests of its page: two workloads, rules
// with and without tuning on two clusters, five seeds. No simulation: numbers are made up.
#pragma once

#include <nlohmann/json.hpp>

namespace reeve {

// In the form of runs/experiment_page.h. Row 0 is the baseline "kpa"; row 3, "hpa tuned", has
// GB-seconds 420 (400 to 440), at a ratio of 0.7 (0.65 to 0.75).
nlohmann::json SyntheticExperiment();

}  // namespace reeve
