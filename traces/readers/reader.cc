#include "traces/readers/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/files.h"
#include "core/status.h"
#include "traces/readers/azure2019.h"
#include "traces/readers/azure2021.h"
#include "traces/readers/context.h"
#include "traces/readers/femux.h"
#include "traces/readers/huawei.h"
#include "traces/readers/iluvatar.h"
#include "traces/readers/openwhisk.h"
#include "traces/readers/timed.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 10'000;

TraceFormat DetectFile(const InputFile& file) {
  if (AzureTableOf(file) == AzureTable::kInvocations) return TraceFormat::kAzure2019;
  std::string_view bytes = file.bytes;
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first != bytes.npos && (bytes[first] == '{' || bytes[first] == '[')) {
    return TraceFormat::kOpenWhisk;
  }
  CsvScanner scanner(bytes);
  std::vector<std::string_view> cells;
  if (!scanner.Next() || !scanner.Split(cells)) return TraceFormat::kAuto;
  const auto has = [&](std::string_view name) {
    return std::any_of(cells.begin(), cells.end(),
                       [&](std::string_view cell) { return Trimmed(cell) == name; });
  };
  if (has("end_timestamp") && has("func")) return TraceFormat::kAzure2021;
  if (has("invoke_time_ms")) return TraceFormat::kIluvatar;
  if (has("funcName") && has("podID")) return TraceFormat::kHuaweiRequests;
  if (has("day") && has("time")) return TraceFormat::kHuawei;
  if (IsContainersPerMinute(file)) return TraceFormat::kFemux;
  if (has("function")) return TraceFormat::kTimed;
  return TraceFormat::kAuto;
}

absl::StatusOr<TraceFormat> Detect(std::span<const InputFile> files) {
  for (const InputFile& file : files) {
    if (const TraceFormat format = DetectFile(file); format != TraceFormat::kAuto) return format;
  }
  return absl::InvalidArgumentError(
      fmt::format("{}: this is none of the known formats (by name or header); name one of: {}",
                  files.empty() ? "(nothing)" : files[0].name, FormatNames()));
}

absl::Status Dispatch(TraceFormat format, ReadContext& context) {
  switch (format) {
    case TraceFormat::kAzure2019:
      return ReadAzure2019(context);
    case TraceFormat::kAzure2021:
      return ReadAzure2021(context);
    case TraceFormat::kTimed:
      return ReadTimed(context);
    case TraceFormat::kHuawei:
      return ReadHuawei(context);
    case TraceFormat::kHuaweiRequests:
      return ReadHuaweiRequests(context);
    case TraceFormat::kOpenWhisk:
      return ReadOpenWhisk(context);
    case TraceFormat::kIluvatar:
      return ReadIluvatar(context);
    case TraceFormat::kFemux:
      return ReadFemux(context);
    case TraceFormat::kAuto:
      break;
  }
  return absl::InternalError("no format");
}

absl::Status RefuseCompressed(const InputFile& file) {
  if (file.bytes.starts_with("\x1f\x8b") || file.bytes.starts_with("PK\x03\x04") ||
      file.bytes.starts_with("\x28\xb5\x2f\xfd")) {
    return absl::InvalidArgumentError(file.name + ": the file is compressed, unpack it first");
  }
  return absl::OkStatus();
}

bool Readable(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".csv" || extension == ".json" || extension == ".jsonl" ||
         extension == ".ndjson";
}

absl::StatusOr<std::vector<std::string>> FilesOfFolder(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry.depth() >= 2) entry.disable_recursion_pending();
    std::error_code unreadable;
    if (entry->is_regular_file(unreadable) && Readable(entry->path())) {
      paths.push_back(entry->path().string());
    }
    if (paths.size() > kMaxFiles) {
      return absl::InvalidArgumentError(
          fmt::format("{}: more than {} files; name the folder of one trace", folder, kMaxFiles));
    }
  }
  if (error) return FromErrno(error.value(), folder, "cannot list");
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) {
    return absl::InvalidArgumentError(folder + ": there is no .csv or .json file in this folder");
  }
  return paths;
}

// A file of the Azure release is read with the durations and memory of its day.
std::vector<std::string> WithCompanions(const std::string& path) {
  std::vector<std::string> paths = {path};
  if (AzureTableOfName(path) != AzureTable::kInvocations) return paths;
  const bool release = BaseName(path) != "invocations.csv";
  std::error_code error;
  const fs::path folder = fs::path(path).parent_path();
  const fs::path here = folder.empty() ? fs::path(".") : folder;
  for (auto entry = fs::directory_iterator(here, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const AzureTable kind = AzureTableOfName(name);
    if (kind != AzureTable::kDurations && kind != AzureTable::kMemory) continue;
    const bool of_release = name != "durations.csv" && name != "memory.csv";
    if (release == of_release && AzureDayOfName(name) == AzureDayOfName(path)) {
      paths.push_back((folder / name).string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

absl::StatusOr<ReadResult> ReadTraceFiles(std::span<const InputFile> files,
                                          const ReadOptions& options) {
  for (const InputFile& file : files) RETURN_IF_ERROR(RefuseCompressed(file));
  TraceFormat format = options.format;
  if (format == TraceFormat::kAuto) {
    ASSIGN_OR_RETURN(format, Detect(files));
  }
  ReadContext context(files, options);
  context.report.format = format;
  const absl::Status status = Dispatch(format, context);
  if (!status.ok() && context.log.total() > 0) return context.log.Refuse(MessageOf(status));
  if (!options.lenient && context.log.total() > 0) {
    return context.log.Refuse("--lenient skips and counts them");
  }
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", files.empty() ? "(nothing)" : files[0].name, MessageOf(status)));
  }
  ASSIGN_OR_RETURN(Trace trace, context.builder.Build());
  context.report.skipped = context.log.Skipped();
  context.report.functions = trace.functions().size();
  context.report.invocations = trace.total_invocations();
  return ReadResult{std::move(trace), std::move(context.report)};
}

absl::StatusOr<ReadResult> ReadTrace(const std::string& path, const ReadOptions& options) {
  std::vector<std::string> paths;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    ASSIGN_OR_RETURN(paths, FilesOfFolder(path));
  } else {
    paths = WithCompanions(path);
  }
  std::vector<std::shared_ptr<const MappedFile>> mapped;
  std::vector<InputFile> files;
  for (const std::string& one : paths) {
    ASSIGN_OR_RETURN(auto file, MappedFile::Open(one));
    files.push_back({one, file->bytes()});
    mapped.push_back(std::move(file));
  }
  return ReadTraceFiles(files, options);
}

}  // namespace reeve
