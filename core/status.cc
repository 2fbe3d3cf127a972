#include "core/status.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace reeve {

absl::Status InvalidAt(std::string_view file, int64_t line, int64_t column, std::string_view what) {
  if (column > 0) {
    return absl::InvalidArgumentError(fmt::format("{}:{}:{}: {}", file, line, column, what));
  }
  return absl::InvalidArgumentError(fmt::format("{}:{}: {}", file, line, what));
}

absl::Status FromErrno(int error, std::string_view path, std::string_view what) {
  const std::string text = fmt::format("{}: {}: {}", path, what, std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(text);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(text);
    case EEXIST:
      return absl::AlreadyExistsError(text);
    case ENOSPC:
      return absl::ResourceExhaustedError(text);
    default:
      return absl::UnknownError(text);
  }
}

}  // namespace reeve
