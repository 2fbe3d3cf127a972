// What all revisions did in one control period.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "controller/prometheus/function_figures.h"
#include "core/units.h"

namespace reeve {

struct FigureRound {
  absl::Status status;                               // not OK: nothing is known in this round
  std::map<std::string, FunctionFigures> revisions;  // by "namespace/revision"; absent: missing
  SimTime measured_at;  // monotonic: when the youngest of it was measured
  SimTime window;       // what counts are over
};

}  // namespace reeve
