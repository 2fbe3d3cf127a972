// The summary of a run, or of several side by side, as a table.
#pragma once

#include <span>

#include "core/table.h"
#include "runs/run_data.h"

namespace reeve {

// Rows are metrics (outcomes, latency, slowdown, cold starts, cost, utilisation), columns are runs.
// With two runs or more there are two more columns: the run with the best value, and how far the
// worst is from it; ties have no best. Runs that were interrupted are marked in their heading.
// REQUIRES: at least one run.
Table SummaryTable(std::span<const RunSummary> runs);

}  // namespace reeve
