#include "runs/json_store.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kCellFormat = "reeve-cell";
constexpr int kCellVersion = 2;

uint64_t ProgramChecksum() {
  static const uint64_t checksum = [] {
    const auto program = MappedFile::Open("/proc/self/exe");
    if (!program.ok()) return uint64_t{0};
    const std::string_view bytes = (*program)->bytes();
    return static_cast<uint64_t>(XXH3_64bits(bytes.data(), bytes.size()));
  }();
  return checksum;
}

// Null when there is none that can be read.
Json ReadKept(const std::string& file, std::string_view kind) {
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return {};
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("format", "") != kCellFormat ||
      json.value("version", 0) != kCellVersion || json.value("kind", "") != kind ||
      !json.contains("result")) {
    return {};
  }
  return std::move(json["result"]);
}

}  // namespace

std::string ResultName(std::string_view kind, std::string_view what) {
  const std::string all =
      fmt::format("{} {} {:016x} {}\n{}", kCellFormat, kCellVersion, ProgramChecksum(), kind, what);
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

JsonStore::JsonStore(std::string folder) : folder_(std::move(folder)) {}

JsonStore::JsonStore(JsonStore&& other) noexcept
    : folder_(std::move(other.folder_)),
      computed_(other.computed_.load()),
      reused_(other.reused_.load()) {}

absl::StatusOr<JsonStore> JsonStore::Open(const std::string& folder) {
  if (!folder.empty()) RETURN_IF_ERROR(MakeDirectories(folder));
  return JsonStore(folder);
}

absl::StatusOr<Json> JsonStore::Get(std::string_view kind, std::string_view what,
                                    const Compute& compute,
                                    const std::function<bool(const Json&)>& usable) {
  std::string file;
  if (!folder_.empty()) {
    file = (std::filesystem::path(folder_) / (ResultName(kind, what) + ".json")).string();
    if (Json kept = ReadKept(file, kind); !kept.is_null() && usable(kept)) {
      ++reused_;
      return kept;
    }
  }
  ASSIGN_OR_RETURN(Json result, compute());
  ++computed_;
  if (!file.empty()) {
    const Json json = {
        {"format", kCellFormat}, {"version", kCellVersion}, {"kind", kind}, {"result", result}};
    RETURN_IF_ERROR(WriteFileAtomically(file, json.dump(1) + "\n"));
  }
  return result;
}

}  // namespace reeve
