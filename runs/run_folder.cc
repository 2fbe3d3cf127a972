#include "runs/run_folder.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"
#include "runs/csv_table.h"
#include "runs/fields.h"
#include "runs/report_page.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRunFormat = "reeve-run";
constexpr uint64_t kRunVersion = 1;
constexpr const char* kRunConfig = "config.yaml";
constexpr const char* kSummary = "summary.json";
constexpr const char* kReport = "report.html";
// Made before anything else, and never removed: it tells a run from a folder of someone else's.
constexpr const char* kRunMarker = ".reeve-run";
// Checked on reading, in the order of reading.
constexpr const char* kFunctions = "functions.csv";
constexpr const char* kWindows = "windows.csv";
constexpr const char* kQuantiles = "quantiles.csv";

std::string Join(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

bool Exists(const std::string& folder, const std::string& name) {
  std::error_code error;
  return fs::exists(Join(folder, name), error);
}

std::string Checksum(std::string_view bytes) {
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

absl::Status CheckNames(const RunData& data, const FunctionNames& names) {
  for (size_t i = 0; i < names.sorted_by_name.size(); ++i) {
    const std::string& name = names.names[names.sorted_by_name[i]];
    if (name.empty()) return absl::InvalidArgumentError("a function of the run has no name");
    if (i > 0 && name == names.names[names.sorted_by_name[i - 1]]) {
      return absl::InvalidArgumentError(
          fmt::format("two functions of the run have the name '{}'", name));
    }
  }
  for (const IntervalRow& row : data.intervals) {
    if (row.function.valid() && row.function.index() >= names.names.size()) {
      return absl::InvalidArgumentError(
          fmt::format("an interval at {} s names function {}, there are {}", row.time_s,
                      row.function.index(), names.names.size()));
    }
  }
  return absl::OkStatus();
}

FunctionNames FunctionNamesOf(const std::vector<FunctionRow>& functions) {
  FunctionNames names;
  for (const FunctionRow& row : functions) names.names.push_back(row.name);
  names.Sort();
  return names;
}

template <class T>
std::string CsvText(const std::vector<T>& rows, const FunctionNames& names) {
  const size_t columns = CsvColumns(rows);
  std::string out = CsvHeader<T>(columns);
  for (const T& row : rows) AppendCsvRow(row, names, out, columns);
  return out;
}

absl::StatusOr<nlohmann::json> ReadSummaryFile(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    // The library's message holds line and column.
    return absl::InvalidArgumentError(fmt::format("{}: not JSON: {}", file, error.what()));
  }
  if (!json.is_object() || !json.contains("format") || json["format"] != kRunFormat) {
    return absl::InvalidArgumentError(fmt::format("{}: not the summary of a run", file));
  }
  if (!json.contains("version") || json["version"] != kRunVersion) {
    return absl::InvalidArgumentError(
        fmt::format("{}: format version {}, this program reads version {}; run it again", file,
                    json.contains("version") ? json["version"].dump() : "none", kRunVersion));
  }
  return json;
}

// The text of one of the CSV files, compared with what the summary says of it.
absl::StatusOr<std::string> ReadListedFile(const std::string& folder, const std::string& name,
                                           const nlohmann::json& summary) {
  const std::string file = Join(folder, name);
  ASSIGN_OR_RETURN(std::string text, ReadFile(file));
  const auto pointer = nlohmann::json::json_pointer("/files/" + name);
  if (!summary.contains(pointer) || !summary[pointer].is_string()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: says nothing of {}", Join(folder, kSummary), name));
  }
  if (summary[pointer] != Checksum(text)) {
    return absl::DataLossError(
        fmt::format("{}: not as the run wrote it (checksum); it was changed or cut off", file));
  }
  return text;
}

absl::Status NoFinishedRun(const std::string& path, FolderState state) {
  switch (state) {
    case FolderState::kInterrupted:
      return absl::NotFoundError(
          fmt::format("{}: a run was started here and did not finish ({} is missing); run it again",
                      path, kSummary));
    case FolderState::kForeign:
      return absl::NotFoundError(fmt::format("{}: not a run folder (no {})", path, kSummary));
    default:
      return absl::NotFoundError(fmt::format("{}: no run there", path));
  }
}

}  // namespace

FolderState StateOfFolder(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    return error && error.value() != ENOENT ? FolderState::kForeign : FolderState::kAbsent;
  }
  if (!fs::is_directory(status)) return FolderState::kForeign;
  if (Exists(path, kRunMarker)) {
    return Exists(path, kSummary) ? FolderState::kFinished : FolderState::kInterrupted;
  }
  const bool empty = fs::is_empty(path, error);
  return !error && empty ? FolderState::kAbsent : FolderState::kForeign;
}

absl::StatusOr<RunFolder> RunFolder::Create(const std::string& path, const std::string& config_yaml,
                                            bool replace) {
  const FolderState state = StateOfFolder(path);
  if (state == FolderState::kForeign) {
    return absl::FailedPreconditionError(
        fmt::format("{}: holds something that is not a run; choose another --out", path));
  }
  if (state == FolderState::kFinished && !replace) {
    return absl::AlreadyExistsError(fmt::format(
        "{}: holds a finished run; choose another --out, or replace it with --force", path));
  }
  RETURN_IF_ERROR(MakeDirectories(path));
  RETURN_IF_ERROR(MakeEmptyFile(Join(path, kRunMarker)));
  // The summary first: from here on the folder does not hold a finished run.
  for (const char* name : {kSummary, kReport, kWindows, kFunctions, kQuantiles, kRunConfig}) {
    std::error_code error;
    fs::remove(Join(path, name), error);
    if (error) return FromErrno(error.value(), Join(path, name), "cannot remove the old run's");
  }
  RETURN_IF_ERROR(WriteFileAtomically(Join(path, kRunConfig), config_yaml));
  return RunFolder(path);
}

std::string RunFolder::File(const std::string& name) const {
  return Join(path_, name);
}

absl::Status RunFolder::Write(const RunData& data) {
  const FunctionNames names = FunctionNamesOf(data.functions);
  RETURN_IF_ERROR(CheckNames(data, names));
  nlohmann::ordered_json files = nlohmann::ordered_json::object();
  const auto write = [&](const char* name, const std::string& text) {
    files[name] = Checksum(text);
    return WriteFileAtomically(File(name), text);
  };
  RETURN_IF_ERROR(write(kFunctions, CsvText(data.functions, names)));
  RETURN_IF_ERROR(write(kWindows, CsvText(data.intervals, names)));
  RETURN_IF_ERROR(write(kQuantiles, CsvText(data.quantiles, names)));
  RETURN_IF_ERROR(WriteReportPage({&data, 1}, File(kReport)));

  nlohmann::ordered_json summary = {{"format", kRunFormat}, {"version", kRunVersion}};
  summary.update(ToJson(data.summary));
  summary["files"] = std::move(files);
  return WriteFileAtomically(File(kSummary), Dump(summary));
}

absl::StatusOr<RunData> ReadRun(const std::string& path) {
  if (!Exists(path, kSummary)) return NoFinishedRun(path, StateOfFolder(path));
  const std::string summary_file = Join(path, kSummary);
  ASSIGN_OR_RETURN(const nlohmann::json summary, ReadSummaryFile(summary_file));
  RunData data;
  if (const std::string error = FromJson(summary, data.summary); !error.empty()) {
    return absl::InvalidArgumentError(fmt::format("{}: {}", summary_file, error));
  }
  ASSIGN_OR_RETURN(const std::string functions, ReadListedFile(path, kFunctions, summary));
  ASSIGN_OR_RETURN(data.functions,
                   ReadCsvTable<FunctionRow>(functions, Join(path, kFunctions), {}));
  const FunctionNames names = FunctionNamesOf(data.functions);
  ASSIGN_OR_RETURN(const std::string windows, ReadListedFile(path, kWindows, summary));
  ASSIGN_OR_RETURN(data.intervals, ReadCsvTable<IntervalRow>(windows, Join(path, kWindows), names));
  ASSIGN_OR_RETURN(const std::string quantiles, ReadListedFile(path, kQuantiles, summary));
  ASSIGN_OR_RETURN(data.quantiles,
                   ReadCsvTable<QuantileRow>(quantiles, Join(path, kQuantiles), {}));
  ASSIGN_OR_RETURN(data.config_yaml, ReadFile(Join(path, kRunConfig)));
  return data;
}

std::string SummaryJson(const RunSummary& summary) {
  return Dump(ToJson(summary));
}

}  // namespace reeve
