// `reeve experiment` and `reeve tune`: comparisons of policies, and the search for their
// parameters.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddExperimentCommand(CLI::App& parent, Command& chosen);
void AddTuneCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
