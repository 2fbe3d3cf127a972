// Ctrl-C and termination as a flag, so that work stops at a good place and writes what it has.
#pragma once

namespace reeve {

// From now on the first SIGINT or SIGTERM sets the flag, and the next one ends the program as it
// would have without this. Call once, from the main thread.
void HandleInterrupts();

// Whether one came. Any thread; one relaxed load.
bool InterruptRequested();

// The signal that came (SIGINT, SIGTERM), 0 if none: a shell expects exit code 128 + signal.
int InterruptSignal();

}  // namespace reeve
