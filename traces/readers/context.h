// What the readers of this folder share: one reading, a table with a header, names of functions,
// and timed rows on their way into a trace. Internal to traces/readers.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "traces/readers/csv.h"
#include "traces/readers/numbers.h"
#include "traces/readers/reader.h"
#include "traces/trace.h"

namespace reeve {

// One reading. Readers put what is broken into the log and go on; they return a status only when
// nothing can be read.
struct ReadContext {
  ReadContext(std::span<const InputFile> input, const ReadOptions& read_options)
      : files(input), options(read_options), log(read_options.max_problems_shown) {}

  std::span<const InputFile> files;
  const ReadOptions& options;
  ProblemLog log;
  ReadReport report;
  TraceBuilder builder;
};

// The last part of a path, and the folder before it ("" when there is none).
std::string_view BaseName(std::string_view path);
std::string_view FolderName(std::string_view path);

// A CSV file with a header: rows by column name, problems located.
class CsvTable {
 public:
  static constexpr int kNone = -1;

  // Counts the file and its bytes into the report.
  CsvTable(const InputFile& file, ReadContext& context);

  // Reads the header. False (and logged) when there is none.
  bool ReadHeader();
  const std::vector<std::string>& header() const { return header_; }
  // The column of this name (or the first of these names), or kNone. A name that stands there
  // twice is logged; the first one counts.
  int Column(std::string_view name);
  int Column(std::initializer_list<std::string_view> names);
  // The same; its absence is logged.
  int Required(std::string_view name);

  // Moves to the next row whose cells fit the header; others are logged and skipped.
  bool Next();
  std::string_view cell(int column) const { return Trimmed(cells_[static_cast<size_t>(column)]); }
  // The two halves of Next, for readers with a way of their own to split rows.
  bool NextRaw();
  const CsvScanner& scanner() const { return scanner_; }
  bool Split();  // false (and logged): the row cannot be used

  // Logs a problem of the current row.
  void Bad(Problem problem, int column, std::string_view what);
  void Bad(const CellProblem& problem, int column) { Bad(problem.problem, column, problem.what); }
  // The number in a cell of the current row, or nothing (and logged).
  std::optional<double> NonNegative(int column);
  std::optional<double> Finite(int column);

  const std::string& file() const { return file_.name; }

 private:
  const InputFile& file_;
  ReadContext& context_;
  CsvScanner scanner_;
  std::vector<std::string> header_;
  std::vector<std::string_view> cells_;
};

// Gives functions their identity, (tenant, app, function), and a name of their own: the plain one
// if it is free, tenant/app/function otherwise.
class FunctionTable {
 public:
  explicit FunctionTable(TraceBuilder& builder) : builder_(builder) {}

  struct Interned {
    FunctionId id;
    bool fresh;
  };
  Interned Intern(std::string_view tenant, std::string_view app, std::string_view function);
  std::optional<FunctionId> Find(std::string_view tenant, std::string_view app,
                                 std::string_view function) const;

 private:
  TraceBuilder& builder_;
  std::unordered_map<std::string, FunctionId> index_;  // looked up, never iterated
};

// An unambiguous key of several names, whatever characters they hold.
std::string JoinedKey(std::initializer_list<std::string_view> names);

// Rows with a time each. Starts may be in any order and negative until Finish shifts them.
class TimedRows {
 public:
  explicit TimedRows(ReadContext& context) : context_(context), functions_(context.builder) {}

  FunctionId Function(std::string_view tenant, std::string_view app, std::string_view function);
  // `duration_us` 0 or more, or TimedInvocation::kDrawDuration.
  void Add(FunctionId function, int64_t start_us, int64_t duration_us);
  void AddMemory(FunctionId function, double mebibytes);
  void AddColdStart(FunctionId function, double milliseconds);

  enum class Shift {
    kNone,      // times are the trace's own
    kEarliest,  // the earliest start becomes 0
    kWallClock  // the earliest start becomes 0 if it is more than a year after 0
  };
  // Gives functions the distribution of their durations and cold starts and their mean memory, and
  // puts the rows into the builder. A function without any duration gets the stand-in.
  // InvalidArgument when there are no rows or they span more than ten years.
  absl::Status Finish(Shift shift);

 private:
  struct Samples {
    std::vector<double> durations_ms, cold_starts_ms;
    double memory_sum = 0, memory_count = 0;
  };
  ReadContext& context_;
  FunctionTable functions_;
  std::vector<Samples> samples_;  // [functions]
  std::vector<TimedInvocation> rows_;
};

// Memory as profiles have it: whole MiB, at least 1.
Mebibytes ToMebibytes(double mebibytes);

}  // namespace reeve
