// `reeve simulate`: plays a trace on a simulated cluster under a policy, and leaves a run folder.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddSimulateCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
