#include "tests/agents/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<size_t> allocations{0};
}

// ThreadSanitizer of clang has these itself and links them statically: under it nothing is counted.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define REEVE_COUNTS_NO_ALLOCATIONS
#endif
#endif

#ifndef REEVE_COUNTS_NO_ALLOCATIONS
void* operator new(size_t size) {
  ++allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
// std::stable_sort takes its buffer from here, and gives it back to the delete below.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
// For types whose alignment is above malloc's.
void* operator new(size_t size, std::align_val_t alignment) {
  ++allocations;
  const size_t a = static_cast<size_t>(alignment);
  if (void* p = std::aligned_alloc(a, (size + a - 1) / a * a)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p, size_t, std::align_val_t) noexcept {
  std::free(p);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, size_t) noexcept {
  std::free(p);
}
#endif

namespace reeve {

size_t AllocationCount() {
  return allocations;
}

}  // namespace reeve
