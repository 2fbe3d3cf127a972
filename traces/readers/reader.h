// Reads workloads in the formats of production systems into a Trace.
//
//   ASSIGN_OR_RETURN(ReadResult read, ReadTrace("azure2019/", {.lenient = true}));
//   fmt::print("{}", read.report.Summary());
//
// Formats, found from names and headers unless one is asked for:
//
//   azure2019         the Azure Functions 2019 release: a folder with
//                     invocations_per_function_md.anon.dNN.csv and, for the same days,
//                     function_durations_percentiles.anon.dNN.csv and
//                     app_memory_percentiles.anon.dNN.csv; several days follow one another. Or its
//                     three-file form: invocations.csv, durations.csv, memory.csv.   -> per minute
//   azure2021         app,func,end_timestamp,duration in seconds                     -> timed
//   timed             function,time[,duration][,tenant][,app][,memory_mb]; also written
//                     function,start,duration; seconds unless the column says _ms or _us -> timed
//   huawei            the 2023 release: a folder per metric (requests_minute, …) of day_NNN.csv
//                     with columns day,time,<function ids>                           -> per minute
//   huawei-requests   the 2025 release: a row per request, and per cold start        -> timed
//   openwhisk         activation records as JSON: an array, {"activations": […]}, or one record
//                     after another                                                  -> timed
//   iluvatar          func_name,invoke_time_ms and func_name,cold_dur_ms,warm_dur_ms,mem_mb ->
//   timed
//   femux             containers needed per minute, apps_minutes.csv of the FeMux release, with
//                     the requests and memory use measured beside it                -> per minute
//
// What each does with durations, memory and time is said in the header of the same name in this
// folder. All functions are thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "traces/readers/report.h"
#include "traces/trace.h"

namespace reeve {

struct ReadOptions {
  TraceFormat format = TraceFormat::kAuto;
  // What is broken is skipped and counted instead of refused. What leaves nothing to read (no file
  // of invocations, none of its columns) is refused either way.
  bool lenient = false;
  // How many problems a refusal spells out; all are counted.
  int max_problems_shown = 5;
};

struct ReadResult {
  Trace trace;
  ReadReport report;
};

// One file in memory; `name` is what messages call it and what formats are told by.
struct InputFile {
  std::string name;
  std::string_view bytes;
};

// Reads a file, or a folder (with its sub-folders, two levels deep). A file of the Azure release
// brings the durations and memory beside it along.
// InvalidArgument: "file:line:column: what, what to do" for the first problems and how many there
// are; NotFound and PermissionDenied for the path.
absl::StatusOr<ReadResult> ReadTrace(const std::string& path, const ReadOptions& options = {});

// The same from memory. The bytes are needed during the call only.
absl::StatusOr<ReadResult> ReadTraceFiles(std::span<const InputFile> files,
                                          const ReadOptions& options = {});

}  // namespace reeve
