// One row of a snapshot from what the watches and the metrics say of a revision.
#pragma once

#include <set>
#include <string>

#include "controller/knative/revision_view.h"
#include "controller/prometheus/row_filling.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// What is remembered of a revision from one observation to the next.
struct RowMemory {
  FigureMemory figures;
  uint32_t ready = 0;
  bool observed = false;       // there was an observation
  std::set<std::string> pods;  // that it saw
};

struct RowDefaults {
  Millicores cpu;  // of a container without a limit
  Mebibytes memory;
};

// Fills row `slot`. `figures` null: no metrics; the row then has what the watches know, and its
// counts are zero. A cold start is counted for each pod that began to exist in the window when none
// was ready at its beginning: what is known for sure, and less than there were.
void FillRow(const RevisionView& view, const FunctionFigures* figures, const RowDefaults& defaults,
             size_t slot, RowMemory& memory, FunctionWindows& windows);

}  // namespace reeve
