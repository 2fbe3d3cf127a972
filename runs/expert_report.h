// A library of experts as tables and JSON.
#pragma once

#include <string>

#include "agents/adapt/detector_state.h"
#include "agents/adapt/expert_comparison.h"
#include "agents/adapt/expert_library.h"
#include "core/table.h"

namespace reeve {

// A row for each expert, and for each environment that the detector knows without one.
Table ExpertsTable(const ExpertLibrary& library, const DetectorOverview& detector);
// "out/lib: version 12, 3 experts; the detector knows 3 environments, 2 (noon) is in force".
std::string LibrarySentence(const ExpertLibrary& library, const DetectorOverview& detector);

// One expert: what it is, what is known of its environment, how far others are, how it fared. For
// people; as CSV its history: time_s, mean_return, steps; as JSON one object with everything.
std::string RenderExpert(const ExpertLibrary& library, const DetectorOverview& detector,
                         const Expert& expert, TableFormat format, bool color);

// How far two experts are apart (agents/adapt/expert_comparison.h): their blocks, what they choose,
// and their environments. As CSV the blocks alone; as JSON one object with everything.
std::string RenderComparison(const ExpertLibrary& library, const Expert& a, const Expert& b,
                             const ExpertComparison& comparison, TableFormat format, bool color);

}  // namespace reeve
