// Commands that need torch live in a program of their own, reeve-train, which lies beside `reeve`:
// loading torch's libraries takes half a second, and most commands do without.
#pragma once

#include "cli/command.h"

namespace reeve {

// When the command line names one of them, this process turns into the other program, with the same
// arguments; otherwise returns. When that program cannot be started, says why and ends with
// kExitFailed.
void ForwardIfAsked(int argc, char** argv);

// This process turns into the other program, with the arguments that it was started with; when it
// cannot, as above. For commands that only sometimes need torch.
[[noreturn]] void BecomeTrainingProgram();

// Adds their names, for `reeve --help` and for suggestions of near names.
void AddForwardedCommands(CLI::App& parent, Command& chosen);

}  // namespace reeve
