// One row of a snapshot from an action's limits and figures.
#pragma once

#include <cstddef>

#include "controller/openwhisk/activation_ledger.h"
#include "controller/openwhisk/openwhisk_config.h"
#include "controller/openwhisk/whisk_objects.h"
#include "core/snapshot.h"
#include "core/units.h"
#include "core/window_histograms.h"

namespace reeve {

// Fills row `slot` but for replicas_asked, and records its completions in `histograms`, which were
// cleared for this window. Percentiles are those of the simulator's buckets where completions are
// known one by one. Of counters they are those of the histograms; the latency's are the sum of
// those of waiting and execution, which it is not above. Slowdowns are over the execution time, as
// work on an idle machine is not known.
void FillWhiskRow(const ActionFigures& figures, const WhiskLimits& limits, SimTime slo_latency,
                  const WhiskAssumedSpec& assumed, size_t slot, FunctionWindows& windows,
                  WindowHistograms& histograms);

}  // namespace reeve
