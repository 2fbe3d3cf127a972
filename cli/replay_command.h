// `reeve replay`: a workload sent to a live target.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddReplayCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
