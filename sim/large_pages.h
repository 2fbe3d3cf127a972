// An allocator for the simulator's large tables. With tens of thousands of functions every event
// touches another page, and a miss in the TLB costs as much as one in the cache: memory of 2 MiB
// and more is aligned to 2 MiB and offered to the kernel for large pages.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace reeve {

template <class T>
struct LargePageAllocator {
  using value_type = T;
  static constexpr size_t kLargePage = size_t{2} << 20;

  LargePageAllocator() = default;
  template <class U>
  LargePageAllocator(const LargePageAllocator<U>&) {}  // NOLINT: allocators convert

  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T);
    const size_t alignment = bytes >= kLargePage ? kLargePage : std::max(alignof(T), sizeof(void*));
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* memory = std::aligned_alloc(alignment, rounded);
    if (memory == nullptr) throw std::bad_alloc();
    // Advice only: without large pages everything works, slower.
    if (alignment == kLargePage) madvise(memory, rounded, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t) { std::free(memory); }

  template <class U>
  bool operator==(const LargePageAllocator<U>&) const {
    return true;
  }
};

template <class T>
using LargeVector = std::vector<T, LargePageAllocator<T>>;

}  // namespace reeve
