// reeve experts: the library of experts that learning while serving leaves and goes on from.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddExpertsCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
