// `reeve serve`: controls a platform by a policy. `reeve log`: what it did.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddServeCommand(CLI::App& parent, Command& chosen);
void AddLogCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
