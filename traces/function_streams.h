// The streams of draws of those who change a trace: one for each function, whatever else is in its
// trace.
#pragma once

#include <cstdint>

#include "core/random.h"
#include "traces/trace.h"

namespace reeve {

// A function's stream follows from its name and `seed`. Who draws from it takes a part of its
// numbers that no other takes: sampling of trace_edit.h those from 2^63, changes of trace_shift.h
// those below.
RandomStream EditStream(const FunctionProfile& function, uint64_t seed);

}  // namespace reeve
