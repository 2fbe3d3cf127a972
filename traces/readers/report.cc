#include "traces/readers/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace reeve {
namespace {

constexpr std::array<std::string_view, 9> kFormatNames = {
    "auto",      "azure2019", "azure2021", "timed", "huawei", "huawei-requests",
    "openwhisk", "iluvatar",  "femux",
};

constexpr std::array<std::string_view, kProblems> kProblemNames = {
    "missing files",
    "missing columns",
    "short rows",
    "long rows",
    "broken texts",
    "broken numbers",
    "negative numbers",
    "numbers too large",
    "duplicates",
    "gaps in time",
    "impossible percentiles",
    "unknown triggers",
    "broken records",
    "functions without durations",
    "functions without memory",
};

}  // namespace

std::string_view FormatName(TraceFormat format) {
  return kFormatNames[static_cast<size_t>(format)];
}

std::optional<TraceFormat> FormatFromName(std::string_view name) {
  const auto found = std::find(kFormatNames.begin(), kFormatNames.end(), name);
  if (found == kFormatNames.end()) return std::nullopt;
  return static_cast<TraceFormat>(found - kFormatNames.begin());
}

std::string FormatNames() {
  return fmt::format("{}", fmt::join(kFormatNames, ", "));
}

std::string_view ProblemName(Problem problem) {
  return kProblemNames[static_cast<size_t>(problem)];
}

std::string Quoted(std::string_view cell) {
  constexpr size_t kShown = 40;
  std::string text = "'";
  for (char c : cell.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + (cell.size() > kShown ? "…'" : "'");
}

uint64_t ReadReport::skipped_total() const {
  uint64_t total = 0;
  for (const Skipped& s : skipped) total += s.count;
  return total;
}

uint64_t ReadReport::count(Problem problem) const {
  for (const Skipped& s : skipped) {
    if (s.problem == problem) return s.count;
  }
  return 0;
}

std::string ReadReport::Summary() const {
  std::string text =
      fmt::format("{}: {} functions, {} invocations from {} rows in {} {} ({:.1f} MB)\n",
                  FormatName(format), functions, invocations, rows, files,
                  files == 1 ? "file" : "files", static_cast<double>(bytes) / 1e6);
  if (functions_without_durations > 0) {
    text += fmt::format("{} functions have no durations; a stand-in is used\n",
                        functions_without_durations);
  }
  if (functions_without_memory > 0) {
    text +=
        fmt::format("{} functions have no memory; it stays unknown\n", functions_without_memory);
  }
  if (durations_raised > 0) {
    text += fmt::format("{} durations of 0 are taken as one tick of the source's clock\n",
                        durations_raised);
  }
  if (means_missed > 0) {
    text += fmt::format("{} functions keep their percentiles, but not quite their mean\n",
                        means_missed);
  }
  if (shift != SimTime()) {
    text += fmt::format("times are shifted by {:.6f} s, so that the trace starts at 0\n",
                        shift.seconds());
  }
  for (const Skipped& s : skipped) {
    text += fmt::format("skipped {} {}, first {}\n", s.count, ProblemName(s.problem), s.first);
  }
  return text;
}

void ProblemLog::Add(Problem problem, std::string_view file, int64_t line, std::string_view column,
                     std::string_view what, uint64_t count) {
  if (count == 0) return;
  total_ += count;
  Entry& entry = entries_[static_cast<size_t>(problem)];
  const bool first = entry.count == 0;
  entry.count += count;
  const bool show = shown_.size() < static_cast<size_t>(std::max(1, max_shown_));
  if (!first && !show) return;
  std::string text(file);
  if (line > 0) text += fmt::format(":{}", line);
  if (!column.empty()) text += fmt::format(":{}", column);
  text += fmt::format(": {}", what);
  if (show) shown_.push_back(text);
  if (first) entry.first = std::move(text);
}

std::vector<ReadReport::Skipped> ProblemLog::Skipped() const {
  std::vector<ReadReport::Skipped> skipped;
  for (int i = 0; i < kProblems; ++i) {
    const Entry& entry = entries_[static_cast<size_t>(i)];
    if (entry.count > 0) skipped.push_back({static_cast<Problem>(i), entry.count, entry.first});
  }
  return skipped;
}

absl::Status ProblemLog::Refuse(std::string_view advice) const {
  std::string text = fmt::format("{}", fmt::join(shown_, "\n"));
  std::vector<std::string> kinds;
  for (const ReadReport::Skipped& s : Skipped()) {
    kinds.push_back(fmt::format("{} {}", s.count, ProblemName(s.problem)));
  }
  text += fmt::format("\n{} in all: {}; {}", total_, fmt::join(kinds, ", "), advice);
  return absl::InvalidArgumentError(text);
}

}  // namespace reeve
