// `reeve trace import | generate | stats | slice | scale`: making, looking at and changing traces.
#pragma once

#include "cli/command.h"

namespace reeve {

void AddTraceCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
