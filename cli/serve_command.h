// `reeve serve`: controls a platform by a policy. `reeve log`: what it did.
#pragma once

#include "cli/command.h"
#include "controller/live_adaptation.h"

namespace reeve {

void AddServeCommand(CLI::App& parent, Command& chosen);
// The same in a program that can learn: `adapt` is done here, by those whom `trainers` makes. The
// one above turns into that program for it.
void AddLearningServeCommand(CLI::App& parent, Command& chosen, const TrainerMaker& trainers);
void AddLogCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
