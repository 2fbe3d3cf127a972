// `reeve learner`: what control loops have learned for them in a process of its own.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddLearnerCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
