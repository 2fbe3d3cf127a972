// Ratios between the variants of a study: the numbers that a claim is made of.
#pragma once

#include <vector>

#include "runs/learning_study.h"
#include "runs/learning_study_config.h"
#include "runs/statistics.h"

namespace reeve {

// p99 latency of `of` over that of `to`, on the same scenario, both with runs of the same seeds: a
// row for every function of `of`, in its order and paired by name, then one for the geometric mean
// over functions (no name). Seeds in which either side has no p99 are left out; without any seed
// the row has no value.
std::vector<StudyRatioRow> RatiosBetween(const StudyRow& of, const StudyRow& to,
                                         const StudyRatio& ratio,
                                         const BootstrapOptions& bootstrap);

}  // namespace reeve
