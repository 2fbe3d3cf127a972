// `reeve bound`: what no policy can beat on a workload.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddBoundCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
