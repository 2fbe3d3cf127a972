// `reeve bus`: decisions as a service over ZeroMQ, and keys for it.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddBusCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
