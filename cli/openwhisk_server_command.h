// `reeve openwhisk-server`: OpenWhisk's API over the simulated cluster.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddOpenWhiskServerCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
