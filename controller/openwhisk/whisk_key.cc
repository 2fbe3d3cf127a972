#include "controller/openwhisk/whisk_key.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr SimTime kReadAgainAfter = SimTime::Seconds(10);

}  // namespace

absl::StatusOr<std::string> ParseWhiskKey(const std::string& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return absl::InvalidArgumentError("there is no key in this file");
  const std::string key = text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
  // It becomes a header, where a line's end would be an attack.
  const bool plain =
      std::all_of(key.begin(), key.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  const size_t colon = key.find(':');
  if (!plain || colon == std::string::npos || colon == 0 || colon + 1 == key.size()) {
    return absl::InvalidArgumentError("a key is uuid:key, one word of printable characters");
  }
  return key;
}

void WhiskKey::ReadAgain(SimTime now) {
  read_at_ = now;
  absl::StatusOr<std::string> text = ReadFile(path_);
  last_read_ = text.status();
  if (!text.ok()) return;
  const absl::StatusOr<std::string> key = ParseWhiskKey(*text);
  if (!key.ok()) {
    last_read_ = absl::InvalidArgumentError(path_ + ": " + MessageOf(key.status()));
    return;
  }
  std::string authorization = "Basic " + absl::Base64Escape(*key);
  if (authorization == current_.authorization) return;
  current_.authorization = std::move(authorization);
  ++current_.generation;
}

absl::StatusOr<WhiskKeySnapshot> WhiskKey::Current() {
  const std::lock_guard lock(mutex_);
  const SimTime now = clock_.Now();
  if (current_.generation == 0 || now - read_at_ >= kReadAgainAfter) ReadAgain(now);
  if (current_.generation == 0) return last_read_;
  return current_;
}

bool WhiskKey::Refused(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (current_.generation != generation) return true;
  ReadAgain(clock_.Now());
  return current_.generation != generation;
}

}  // namespace reeve
