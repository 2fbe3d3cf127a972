#include "agents/adapt/library_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

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

}  // namespace

std::string ExpertFileName(int64_t environment, int64_t version) {
  return fmt::format("{}{:06}-v{:010}{}", kExpert, environment, version, kExpertEnd);
}

std::string IndexFileName(int64_t version) {
  return fmt::format("{}{:010}{}", kIndex, version, kIndexEnd);
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

std::vector<LibraryFile> LibraryFilesAmong(std::span<const std::string> names) {
  std::vector<LibraryFile> files;
  for (const std::string& name : names) {
    if (auto file = FileOf(name)) files.push_back(*std::move(file));
  }
  std::ranges::sort(files, [](const LibraryFile& a, const LibraryFile& b) {
    return std::pair(a.version, a.name) < std::pair(b.version, b.name);
  });
  return files;
}

std::vector<LibraryFile> LibraryFiles(const std::string& folder) {
  return LibraryFilesAmong(NamesIn(folder));
}

std::vector<std::string> HalfWrittenFiles(const std::string& folder) {
  std::vector<std::string> names = NamesIn(folder);
  std::erase_if(names, [](const std::string& name) {
    const bool ours =
        name.find(kExpertEnd) != std::string::npos || name.find(kIndexEnd) != std::string::npos;
    return !ours || !name.ends_with(".tmp");
  });
  return names;
}

}  // namespace reeve
