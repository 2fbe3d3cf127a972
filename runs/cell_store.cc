#include "runs/cell_store.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"
#include "runs/fields.h"
#include "traces/workload.h"

namespace reeve {
namespace {

constexpr const char* kFormat = "reeve-cell";
constexpr int kVersion = 1;

// A newer program may well come to other results.
uint64_t ProgramChecksum() {
  static const uint64_t checksum = [] {
    const auto program = MappedFile::Open("/proc/self/exe");
    if (!program.ok()) return uint64_t{0};
    const std::string_view bytes = (*program)->bytes();
    return static_cast<uint64_t>(XXH3_64bits(bytes.data(), bytes.size()));
  }();
  return checksum;
}

std::optional<RunSummary> ReadCell(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return std::nullopt;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("format", "") != kFormat ||
      json.value("version", 0) != kVersion || !json.contains("summary")) {
    return std::nullopt;
  }
  RunSummary summary;
  if (!FromJson(json["summary"], summary).empty()) return std::nullopt;
  return summary;
}

}  // namespace

CellTrace::CellTrace(Trace what) : trace(std::move(what)), fingerprint(Fingerprint(trace)) {}

CellStore::CellStore(std::string folder)
    : folder_(std::move(folder)), program_(ProgramChecksum()) {}

CellStore::CellStore(CellStore&& other) noexcept
    : folder_(std::move(other.folder_)),
      program_(other.program_),
      simulated_(other.simulated_.load()),
      reused_(other.reused_.load()) {}

absl::StatusOr<CellStore> CellStore::Open(const std::string& folder) {
  if (!folder.empty()) RETURN_IF_ERROR(MakeDirectories(folder));
  return CellStore(folder);
}

std::string CellStore::FileOf(const CellTrace& trace, const SimulationConfig& config) const {
  const std::string what = fmt::format("{} {} {:016x} {:016x}\n{}", kFormat, kVersion, program_,
                                       trace.fingerprint, WriteConfig(config));
  const XXH128_hash_t hash = XXH3_128bits(what.data(), what.size());
  return (std::filesystem::path(folder_) /
          fmt::format("{:016x}{:016x}.json", hash.high64, hash.low64))
      .string();
}

absl::StatusOr<RunSummary> CellStore::Get(const CellTrace& trace, const SimulationConfig& config,
                                          const std::function<bool()>& stop) {
  SimulationConfig wanted = config;
  wanted.trace.clear();
  wanted.function_intervals = FunctionIntervals::kNone;
  const std::string file = folder_.empty() ? "" : FileOf(trace, wanted);
  if (!file.empty()) {
    if (std::optional<RunSummary> kept = ReadCell(file)) {
      ++reused_;
      return *std::move(kept);
    }
  }
  ASSIGN_OR_RETURN(
      RunData data,
      RunSimulation(trace.trace, wanted, 1, {.on_period = {}, .stop = stop, .on_invocation = {}}));
  if (!data.summary.complete) return absl::CancelledError("interrupted");
  ++simulated_;
  data.summary.host = {};
  if (!file.empty()) {
    const nlohmann::ordered_json json = {
        {"format", kFormat}, {"version", kVersion}, {"summary", ToJson(data.summary)}};
    RETURN_IF_ERROR(WriteFileAtomically(file, json.dump(1) + "\n"));
  }
  return data.summary;
}

}  // namespace reeve
