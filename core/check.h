// REEVE_CHECK: stops the program when an invariant is broken. For bugs only; whatever a user, a
// file or a peer can cause is an absl::Status.
#pragma once

namespace reeve {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace reeve

#define REEVE_CHECK(condition)                       \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::reeve::CheckFailed(__FILE__, __LINE__, #condition))

// As REEVE_CHECK, in debug and sanitizer builds only: for hot paths.
#ifdef NDEBUG
#define REEVE_DCHECK(condition) static_cast<void>(0)
#else
#define REEVE_DCHECK(condition) REEVE_CHECK(condition)
#endif
