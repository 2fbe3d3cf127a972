// reeve evaluate: what a trained policy is worth.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddEvaluateCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
