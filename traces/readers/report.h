// What a reader met: how much it read, what it skipped and why.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/units.h"

namespace reeve {

enum class TraceFormat : uint8_t {
  kAuto,
  kAzure2019,
  kAzure2021,
  kTimed,
  kHuawei,
  kHuaweiRequests,
  kOpenWhisk,
  kIluvatar,
  kFemux,
};
std::string_view FormatName(TraceFormat format);
std::optional<TraceFormat> FormatFromName(std::string_view name);  // exact names only
std::string FormatNames();                                         // "auto, azure2019, …"

// Why something was skipped.
enum class Problem : uint8_t {
  kMissingFile,
  kMissingColumn,
  kShortRow,     // fewer cells than columns: a file cut off, most often
  kLongRow,      // more cells than columns
  kBadText,      // quotes that do not match, NUL bytes, an empty name
  kBadNumber,    // not a number, NaN, infinite, a fraction where there can be none
  kNegative,     // below 0
  kTooLarge,     // does not fit, or is beyond all reason
  kDuplicate,    // a function, minute, file or record a second time
  kGap,          // minutes or days that are not there
  kPercentiles,  // percentiles that fall, or a mean outside of them
  kBadTrigger,
  kBadRecord,    // JSON that is not a record
  kNoDurations,  // functions that are invoked but have no durations
  kNoMemory,     // functions that are invoked but have no memory
};
inline constexpr int kProblems = 15;
std::string_view ProblemName(Problem problem);  // "short rows", …

struct ReadReport {
  struct Skipped {
    Problem problem;
    uint64_t count;
    std::string first;  // the first one, located: "file:line:column: what, what to do"
  };

  TraceFormat format = TraceFormat::kAuto;
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t rows = 0;  // rows and records, headers and blank lines not counted
  uint64_t functions = 0;
  uint64_t invocations = 0;
  std::vector<Skipped> skipped;  // empty unless lenient
  // Functions that are invoked but whose durations or memory the source does not give: their
  // duration is a stand-in, their memory unknown.
  uint64_t functions_without_durations = 0;
  uint64_t functions_without_memory = 0;
  // Durations of 0, taken as one tick of the source's clock (see percentiles.h).
  uint64_t durations_raised = 0;
  // Functions whose given percentiles and mean could not both be kept exactly.
  uint64_t means_missed = 0;
  // What was added to every time of the source so that the trace starts at 0.
  SimTime shift;

  uint64_t skipped_total() const;
  uint64_t count(Problem problem) const;
  // A few lines for a terminal.
  std::string Summary() const;
};

// Collects the problems of one reading. Not thread-safe.
class ProblemLog {
 public:
  explicit ProblemLog(int max_shown) : max_shown_(max_shown) {}

  // `column` is a column's name, or empty; line 0 means the file as a whole.
  void Add(Problem problem, std::string_view file, int64_t line, std::string_view column,
           std::string_view what, uint64_t count = 1);
  uint64_t total() const { return total_; }
  uint64_t count(Problem problem) const { return entries_[static_cast<size_t>(problem)].count; }
  std::vector<ReadReport::Skipped> Skipped() const;
  // The refusal: the first problems, how many there are of each kind, and `advice`.
  absl::Status Refuse(std::string_view advice) const;

 private:
  struct Entry {
    uint64_t count = 0;
    std::string first;
  };
  std::array<Entry, kProblems> entries_;
  std::vector<std::string> shown_;
  uint64_t total_ = 0;
  int max_shown_;
};

// A cell as messages show it: in quotes, cut to a readable length, control characters escaped.
std::string Quoted(std::string_view cell);

}  // namespace reeve
