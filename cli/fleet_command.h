// `reeve fleet`: a simulated fleet under a real control plane.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddFleetCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
