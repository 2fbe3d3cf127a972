#include "agents/adapt/library_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "core/status.h"

namespace reeve {
namespace {

constexpr std::string_view kExpert = "expert-", kExpertEnd = ".rexpert";
constexpr std::string_view kIndex = "library-v", kIndexEnd = ".index";

// All of `text` as a number.
std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<LibraryFile> FileOf(const std::string& name) {
  const auto middle = [&](std::string_view begin, std::string_view end) {
    return std::string_view(name).substr(begin.size(), name.size() - begin.size() - end.size());
  };
  LibraryFile file{.name = name};
  if (name.starts_with(kIndex) && name.ends_with(kIndexEnd)) {
    const auto version = Number(middle(kIndex, kIndexEnd));
    if (!version || *version < 1 || IndexFileName(*version) != name) return std::nullopt;
    file.version = *version;
    return file;
  }
  if (!name.starts_with(kExpert) || !name.ends_with(kExpertEnd)) return std::nullopt;
  const std::string_view numbers = middle(kExpert, kExpertEnd);
  const size_t cut = numbers.find("-v");
  if (cut == std::string_view::npos) return std::nullopt;
  const auto environment = Number(numbers.substr(0, cut));
  const auto version = Number(numbers.substr(cut + 2));
  if (!environment || !version || *version < 1) return std::nullopt;
  if (ExpertFileName(*environment, *version) != name) return std::nullopt;
  file.version = *version;
  file.environment = *environment;
  return file;
}

template <class Use>
void ForEachName(const std::string& folder, Use&& use) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    use(entry->path().filename().string());
  }
}

}  // namespace

std::string ExpertFileName(int64_t environment, int64_t version) {
  return fmt::format("{}{:06}-v{:010}{}", kExpert, environment, version, kExpertEnd);
}

std::string IndexFileName(int64_t version) {
  return fmt::format("{}{:010}{}", kIndex, version, kIndexEnd);
}

std::vector<LibraryFile> LibraryFiles(const std::string& folder) {
  std::vector<LibraryFile> files;
  ForEachName(folder, [&](const std::string& name) {
    if (auto file = FileOf(name)) files.push_back(*std::move(file));
  });
  std::ranges::sort(files, [](const LibraryFile& a, const LibraryFile& b) {
    return std::pair(a.version, a.name) < std::pair(b.version, b.name);
  });
  return files;
}

std::vector<std::string> HalfWrittenFiles(const std::string& folder) {
  std::vector<std::string> names;
  ForEachName(folder, [&](const std::string& name) {
    const bool ours =
        name.find(kExpertEnd) != std::string::npos || name.find(kIndexEnd) != std::string::npos;
    if (ours && name.ends_with(".tmp")) names.push_back(name);
  });
  return names;
}

absl::Status Remove(const std::string& folder, const std::string& name) {
  std::error_code error;
  std::filesystem::remove(folder + "/" + name, error);
  if (error) return FromErrno(error.value(), folder + "/" + name, "cannot remove an old file");
  return absl::OkStatus();
}

}  // namespace reeve
