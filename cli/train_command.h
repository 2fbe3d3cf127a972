// reeve train: learns a policy.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddTrainCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
