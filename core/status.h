// absl::Status conventions: expected failures (a file, a user, a peer) come back as a Status whose
// message says where, what is wrong and what to do. Aborts are for programming errors only.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

inline std::string MessageOf(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

// InvalidArgument at a place in a file: "file:line:column: what". `column` 0 leaves it out.
absl::Status InvalidAt(std::string_view file, int64_t line, int64_t column, std::string_view what);

// The error of the last system call as a Status: "path: what: No such file or directory".
absl::Status FromErrno(int error, std::string_view path, std::string_view what);

}  // namespace reeve

#define REEVE_CONCAT_INNER(a, b) a##b
#define REEVE_CONCAT(a, b) REEVE_CONCAT_INNER(a, b)

// Leaves the function with the status of `expr` unless it is OK.
#define RETURN_IF_ERROR(expr)                                             \
  do {                                                                    \
    if (absl::Status return_if_error_ = (expr); !return_if_error_.ok()) { \
      return return_if_error_;                                            \
    }                                                                     \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): x is the value of F(), or the function leaves with its status.
#define ASSIGN_OR_RETURN(lhs, expr)                                \
  auto REEVE_CONCAT(status_or_, __LINE__) = (expr);                \
  if (!REEVE_CONCAT(status_or_, __LINE__).ok()) {                  \
    return std::move(REEVE_CONCAT(status_or_, __LINE__)).status(); \
  }                                                                \
  lhs = std::move(REEVE_CONCAT(status_or_, __LINE__)).value()
