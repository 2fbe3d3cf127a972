// Counts the allocations of the program it is linked into, by replacing operator new.
#pragma once

#include <cstddef>

namespace reeve {

// Allocations so far, by all threads.
size_t AllocationCount();

}  // namespace reeve
