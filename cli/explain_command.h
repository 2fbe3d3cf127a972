// reeve explain: why a trained policy chose what it chose.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddExplainCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
