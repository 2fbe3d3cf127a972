#include "controller/serve/bearer_token.h"

#include <algorithm>
#include <system_error>

#include "core/files.h"

namespace reeve {

absl::Status BearerToken::Check() {
  const std::lock_guard lock(mutex_);
  return Read();
}

absl::Status BearerToken::Read() {
  std::error_code error;
  // Before the file is read: what is written in between is read the next time.
  changed_ = std::filesystem::last_write_time(path_, error);
  absl::StatusOr<std::string> text = ReadFile(path_);
  token_.clear();
  if (!text.ok()) return text.status();
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text->find_first_not_of(kBlanks);
  if (begin == std::string::npos) {
    return absl::InvalidArgumentError(path_ + ": there is no token in this file");
  }
  const std::string token = text->substr(begin, text->find_last_not_of(kBlanks) - begin + 1);
  const bool plain =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (!plain) {
    return absl::InvalidArgumentError(path_ +
                                      ": a token is one word of printable ASCII characters");
  }
  token_ = token;
  return absl::OkStatus();
}

bool BearerToken::Allows(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::lock_guard lock(mutex_);
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(path_, error);
  if ((error || changed != changed_ || token_.empty()) && !Read().ok()) return false;
  if (!authorization.starts_with(kScheme)) return false;
  authorization.remove_prefix(kScheme.size());
  // All of the longer one is looked at, whatever differs.
  unsigned difference = authorization.size() == token_.size() ? 0 : 1;
  for (size_t i = 0; i < authorization.size(); ++i) {
    difference |= static_cast<unsigned char>(authorization[i]) ^
                  static_cast<unsigned char>(token_[i % token_.size()]);
  }
  return difference == 0;
}

}  // namespace reeve
