// `reeve record`: what a live platform was seen to do, as a workload and a run. `reeve twin`: a
// cluster fitted to it.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddRecordCommand(CLI::App& parent, Command& chosen);
void AddTwinCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
