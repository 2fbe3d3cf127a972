// reeve adapt: a policy that learns while the load changes.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddAdaptCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
