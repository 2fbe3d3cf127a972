// Bringing memory into the cache before it is needed.
#pragma once

namespace reeve {

// Begins to load the cache line that holds `address`, which need not be valid.
inline void PrefetchLine(const void* address) {
  __builtin_prefetch(address, 1);
  // Without this GCC takes a function that only prefetches for one without effect, and drops calls.
  asm volatile("");
}

}  // namespace reeve
