#include "traces/readers/azure2019.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>

#include "traces/readers/percentiles.h"

namespace reeve {

using azure2019_internal::InvocationColumns;
using azure2019_internal::InvocationRow;
using azure2019_internal::ParseRowFast;

namespace {

constexpr int kMinutesPerDay = 1440;
constexpr int kMaxDays = 1000;
constexpr double kMaxDurationMs = 1e12;  // 30 years
constexpr std::array<const char*, 5> kPercentileColumns = {
    "percentile_Average_1", "percentile_Average_25", "percentile_Average_50",
    "percentile_Average_75", "percentile_Average_99"};

// The minute that a column's name means, or nothing.
std::optional<int> MinuteOfColumn(std::string_view name) {
  constexpr std::string_view kPrefix = "minute_";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  int minute;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), minute);
  if (error != std::errc() || end != name.data() + name.size() || minute < 0) return std::nullopt;
  return minute;
}

struct App {
  uint32_t functions = 0;
  double memory_sum = 0, memory_samples = 0;  // over days
  int memory_file = -1;                       // the last that had a row of it
};

struct Function {
  uint32_t app;
  uint32_t file;  // where it stands first
  int64_t line;
  int invocations_file = -1, durations_file = -1, memory_file = -1;  // the last that had a row
  double memory_sum = 0, memory_samples = 0;
};

struct InvocationsFile {
  InvocationsFile(const InputFile& input, int the_day, ReadContext& context)
      : day(the_day), table(input, context) {}
  int day;
  CsvTable table;
  InvocationColumns columns;
  int64_t first = 0, last = 0;  // minutes of the release
};

class Reader {
 public:
  explicit Reader(ReadContext& context) : context_(context), names_(context.builder) {}

  absl::Status Read() {
    for (const InputFile& file : context_.files) Sort(file);
    if (absl::Status status = PlaceDays(); !status.ok()) return status;
    int ordinal = 0;
    for (InvocationsFile& file : invocations_) ReadInvocations(file, ordinal++);
    for (auto& [day, file] : durations_) ReadDurations(*file, ordinal++);
    for (auto& [day, file] : memory_) ReadMemory(*file, ordinal++);
    FinishDurations();
    FinishMemory();
    return absl::OkStatus();
  }

 private:
  void Sort(const InputFile& file);
  absl::Status PlaceDays();
  bool FindColumns(InvocationsFile& file);
  void ReadInvocations(InvocationsFile& file, int ordinal);
  bool ParseRowSlowly(CsvTable& table, const InvocationColumns& columns, InvocationRow& row);
  void TakeRow(CsvTable& table, const InvocationColumns& columns, const InvocationRow& row,
               int ordinal);
  void ReadDurations(const InputFile& input, int ordinal);
  std::optional<PercentileSummary> ReadSummary(CsvTable& table, const std::array<int, 9>& columns);
  void ReadMemory(const InputFile& input, int ordinal);
  void FinishDurations();
  void FinishMemory();
  void ReportWithout(Problem problem, uint64_t count, const Function* first, std::string_view what);

  ReadContext& context_;
  FunctionTable names_;
  std::deque<InvocationsFile> invocations_;  // by day
  std::map<int, const InputFile*> days_, durations_, memory_;
  std::vector<Function> functions_;  // [functions]
  std::vector<App> apps_;
  std::unordered_map<std::string, uint32_t> app_index_;            // looked up, never iterated
  std::vector<std::pair<uint32_t, PercentileSummary>> summaries_;  // function, one day's
  int64_t start_minute_ = 0;
};

void Reader::Sort(const InputFile& file) {
  const AzureTable kind = AzureTableOf(file);
  if (kind == AzureTable::kNone) return;
  auto& files = kind == AzureTable::kInvocations ? days_
                : kind == AzureTable::kDurations ? durations_
                                                 : memory_;
  const auto [entry, fresh] = files.try_emplace(AzureDayOfName(file.name), &file);
  if (fresh) return;
  context_.log.Add(
      Problem::kDuplicate, file.name, 0, "",
      fmt::format("{} is of the same day; name days by .dNN. or remove one", entry->second->name));
}

// Reads the headers of all days and lays their minutes one after the other.
absl::Status Reader::PlaceDays() {
  for (const auto& [day, input] : days_) {
    InvocationsFile& file = invocations_.emplace_back(*input, day, context_);
    if (!file.table.ReadHeader() || !FindColumns(file)) invocations_.pop_back();
  }
  if (invocations_.empty()) {
    return absl::InvalidArgumentError(
        "there is no readable file of invocations (with columns HashOwner, HashApp, HashFunction, "
        "Trigger and one per minute)");
  }
  start_minute_ = invocations_.front().first;
  const int64_t minutes = invocations_.back().last + 1 - start_minute_;
  if (minutes > int64_t{kMaxDays} * kMinutesPerDay) {
    return absl::InvalidArgumentError(
        fmt::format("{}: the minutes reach over more than {} days; check the days in the files' "
                    "names and the minutes in their headers",
                    invocations_.back().table.file(), kMaxDays));
  }
  for (size_t i = 0; i < invocations_.size(); ++i) {
    InvocationsFile& file = invocations_[i];
    for (int& minute : file.columns.minute) {
      if (minute != CsvTable::kNone) minute = static_cast<int>(minute + file.first - start_minute_);
    }
    if (i == 0) continue;
    const int64_t missing = file.first - invocations_[i - 1].last - 1;
    if (missing == 0) continue;
    context_.log.Add(
        Problem::kGap, file.table.file(), 1, "",
        fmt::format("{} minutes are missing between {} and this file; add the days between them, "
                    "or read them apart",
                    missing, invocations_[i - 1].table.file()));
  }
  context_.builder.set_first_minute(static_cast<int>(start_minute_));
  context_.builder.set_minimum_duration(SimTime::Minutes(minutes));
  return absl::OkStatus();
}

// Finds the columns; minutes are then counted from the file's first one.
bool Reader::FindColumns(InvocationsFile& file) {
  CsvTable& table = file.table;
  InvocationColumns& columns = file.columns;
  columns.owner = table.Required("HashOwner");
  columns.app = table.Required("HashApp");
  columns.function = table.Required("HashFunction");
  columns.trigger = table.Required("Trigger");
  if (columns.owner < 0 || columns.app < 0 || columns.function < 0) return false;

  std::map<int, int> minutes;  // minute -> column
  for (size_t c = 0; c < table.header().size(); ++c) {
    const auto minute = MinuteOfColumn(table.header()[c]);
    if (minute && !minutes.try_emplace(*minute, static_cast<int>(c)).second) {
      context_.log.Add(Problem::kDuplicate, table.file(), 1, table.header()[c],
                       "the minute stands here twice, remove one");
    }
  }
  if (minutes.empty()) {
    context_.log.Add(Problem::kMissingColumn, table.file(), 1, "1",
                     "there is no column of a minute; they are named 1, 2, 3, …");
    return false;
  }
  const int first = minutes.begin()->first, last = minutes.rbegin()->first;
  if (last - first >= kMaxDays * kMinutesPerDay ||
      (days_.size() > 1 && (first < 1 || last > kMinutesPerDay))) {
    context_.log.Add(Problem::kTooLarge, table.file(), 1,
                     table.header().at(static_cast<size_t>(minutes.rbegin()->second)),
                     "the minutes do not fit into a day; they are 1 to 1440");
    return false;
  }
  const int64_t wanted = last - first + 1;
  if (wanted != static_cast<int64_t>(minutes.size())) {
    context_.log.Add(Problem::kGap, table.file(), 1, "",
                     fmt::format("{} of the minutes {} to {} have no column; add them",
                                 wanted - static_cast<int64_t>(minutes.size()), first, last));
  }
  columns.minute.assign(table.header().size(), CsvTable::kNone);
  bool run = true;
  int previous_column = minutes.begin()->second - 1;
  for (const auto& [minute, column] : minutes) {
    columns.minute[static_cast<size_t>(column)] = minute - first;
    run = run && column == previous_column + 1;
    previous_column = column;
  }
  if (run && wanted == static_cast<int64_t>(minutes.size())) {
    columns.run_begin = minutes.begin()->second;
    columns.run_end = minutes.rbegin()->second + 1;
  }
  // Minutes of a day count from 1; others are the caller's own numbers.
  const bool whole_release = first == 1 || days_.size() > 1;
  file.first = int64_t{file.day - 1} * kMinutesPerDay + first - (whole_release ? 1 : 0);
  file.last = file.first + wanted - 1;
  return true;
}

void Reader::ReadInvocations(InvocationsFile& file, int ordinal) {
  InvocationRow row;
  CsvTable& table = file.table;
  while (table.NextRaw()) {
    const CsvScanner& scanner = table.scanner();
    const bool plain = !scanner.quoted() && !scanner.has_nul();
    if ((plain && ParseRowFast(scanner.row(), file.columns, row)) ||
        ParseRowSlowly(table, file.columns, row)) {
      TakeRow(table, file.columns, row, ordinal);
    }
  }
}

bool Reader::ParseRowSlowly(CsvTable& table, const InvocationColumns& columns, InvocationRow& row) {
  if (!table.Split()) return false;
  row.cells.clear();
  row.owner = table.cell(columns.owner);
  row.app = table.cell(columns.app);
  row.function = table.cell(columns.function);
  row.trigger = columns.trigger < 0 ? std::string_view() : table.cell(columns.trigger);
  for (size_t c = 0; c < columns.minute.size(); ++c) {
    if (columns.minute[c] == CsvTable::kNone) continue;
    uint32_t count;
    if (const auto problem = ParseCount(table.cell(static_cast<int>(c)), count)) {
      table.Bad(*problem, static_cast<int>(c));
      return false;
    }
    if (count > 0) row.cells.push_back({columns.minute[c], count});
  }
  return true;
}

void Reader::TakeRow(CsvTable& table, const InvocationColumns& columns, const InvocationRow& row,
                     int ordinal) {
  for (const auto& [name, column] :
       {std::pair{row.owner, columns.owner}, std::pair{row.app, columns.app},
        std::pair{row.function, columns.function}}) {
    if (name.empty()) return table.Bad(Problem::kBadText, column, "the name is empty, fill it in");
  }
  const auto [id, fresh] = names_.Intern(row.owner, row.app, row.function);
  if (fresh) {
    const auto [app, fresh_app] = app_index_.try_emplace(JoinedKey({row.owner, row.app}),
                                                         static_cast<uint32_t>(apps_.size()));
    if (fresh_app) apps_.emplace_back();
    ++apps_[app->second].functions;
    functions_.push_back({.app = app->second,
                          .file = static_cast<uint32_t>(ordinal),
                          .line = table.scanner().line()});
    const auto trigger = TriggerFromName(row.trigger);
    if (!trigger && columns.trigger != CsvTable::kNone) {
      table.Bad(Problem::kBadTrigger, columns.trigger,
                fmt::format("{} is not a trigger (http, timer, event, queue, storage, "
                            "orchestration, others); others is assumed",
                            Quoted(row.trigger)));
    }
    context_.builder.function(id).trigger = trigger.value_or(Trigger::kOthers);
  }
  Function& function = functions_[id.index()];
  if (function.invocations_file == ordinal) {
    return table.Bad(
        Problem::kDuplicate, columns.function,
        fmt::format("function {} stands in this file twice, remove one", Quoted(row.function)));
  }
  function.invocations_file = ordinal;
  for (const auto& cell : row.cells) context_.builder.AddCount(cell.minute, id, cell.count);
}

void Reader::ReadDurations(const InputFile& input, int ordinal) {
  CsvTable table(input, context_);
  if (!table.ReadHeader()) return;
  const int owner = table.Required("HashOwner"), app = table.Required("HashApp");
  const int function = table.Required("HashFunction");
  std::array<int, 9> columns = {
      table.Required("Count"),  table.Required("Average"), table.Required("Minimum"), 0, 0, 0, 0, 0,
      table.Required("Maximum")};
  for (size_t i = 0; i < kPercentileColumns.size(); ++i) {
    columns[3 + i] = table.Required(kPercentileColumns[i]);
  }
  if (std::min({owner, app, function}) < 0 || *std::min_element(columns.begin(), columns.end()) < 0)
    return;
  while (table.Next()) {
    const auto summary = ReadSummary(table, columns);
    if (!summary) continue;
    const auto id = names_.Find(table.cell(owner), table.cell(app), table.cell(function));
    if (!id) continue;  // not invoked on these days
    int& seen = functions_[id->index()].durations_file;
    if (seen == ordinal) {
      table.Bad(Problem::kDuplicate, function,
                fmt::format("function {} stands in this file twice, remove one",
                            Quoted(table.cell(function))));
      continue;
    }
    seen = ordinal;
    summaries_.emplace_back(id->index(), *summary);
  }
}

// `columns`: Count, Average, then the seven points.
std::optional<PercentileSummary> Reader::ReadSummary(CsvTable& table,
                                                     const std::array<int, 9>& columns) {
  std::array<double, 9> numbers;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto number = table.NonNegative(columns[i]);
    if (!number) return std::nullopt;
    if (*number > (i == 0 ? 1e15 : kMaxDurationMs)) {
      table.Bad(Problem::kTooLarge, columns[i], "beyond all reason; durations are milliseconds");
      return std::nullopt;
    }
    numbers[i] = *number;
  }
  PercentileSummary summary{.count = numbers[0], .mean = numbers[1]};
  if (!(summary.count >= 1)) {
    table.Bad(Problem::kBadNumber, columns[0], "there is no execution behind this row, remove it");
    return std::nullopt;
  }
  for (size_t i = 0; i < summary.values.size(); ++i) {
    double value = numbers[2 + i];
    const double before = i == 0 ? 0 : summary.values[i - 1];
    if (value < before - kClockTickMs) {
      table.Bad(Problem::kPercentiles, columns[2 + i],
                fmt::format("{} is below the {} of the percentile before it", value, before));
      return std::nullopt;
    }
    summary.values[i] = std::max(value, before);
  }
  const double low = summary.values.front(), high = summary.values.back();
  if (summary.mean < low - kClockTickMs || summary.mean > high + kClockTickMs) {
    table.Bad(Problem::kPercentiles, columns[1],
              fmt::format("the average {} is not between minimum {} and maximum {}", summary.mean,
                          low, high));
    return std::nullopt;
  }
  summary.mean = std::clamp(summary.mean, low, high);
  return summary;
}

void Reader::ReadMemory(const InputFile& input, int ordinal) {
  CsvTable table(input, context_);
  if (!table.ReadHeader()) return;
  const int owner = table.Required("HashOwner"), app = table.Required("HashApp");
  const int function = table.Column("HashFunction");
  const int samples = table.Required("SampleCount"), average = table.Required("AverageAllocatedMb");
  if (std::min({owner, app, samples, average}) < 0) return;
  const auto add = [&](auto& entry, double megabytes, double count, int name) {
    if (entry.memory_file == ordinal) {
      table.Bad(Problem::kDuplicate, name,
                fmt::format("{} stands in this file twice, remove one", Quoted(table.cell(name))));
      return;
    }
    entry.memory_file = ordinal;
    entry.memory_sum += megabytes * count;
    entry.memory_samples += count;
  };
  while (table.Next()) {
    const auto count = table.NonNegative(samples);
    if (!count) continue;
    const auto megabytes = table.NonNegative(average);
    if (!megabytes) continue;
    if (*count > 1e15 || *megabytes > 1e9) {
      table.Bad(Problem::kTooLarge, *megabytes > 1e9 ? average : samples,
                "beyond all reason; memory is in MB");
      continue;
    }
    if (*count == 0) {
      table.Bad(Problem::kBadNumber, samples, "there is no sample behind this row, remove it");
      continue;
    }
    if (function != CsvTable::kNone) {
      const auto id = names_.Find(table.cell(owner), table.cell(app), table.cell(function));
      if (id) add(functions_[id->index()], *megabytes, *count, function);
    } else {
      const auto found = app_index_.find(JoinedKey({table.cell(owner), table.cell(app)}));
      if (found != app_index_.end()) add(apps_[found->second], *megabytes, *count, app);
    }
  }
}

void Reader::FinishDurations() {
  std::stable_sort(summaries_.begin(), summaries_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  size_t next = 0;
  uint64_t without = 0;
  const Function* first = nullptr;
  std::vector<PercentileSummary> parts;
  for (uint32_t f = 0; f < functions_.size(); ++f) {
    parts.clear();
    for (; next < summaries_.size() && summaries_[next].first == f; ++next) {
      parts.push_back(summaries_[next].second);
    }
    FunctionProfile& profile = context_.builder.function(FunctionId(f));
    profile.duration_known = !parts.empty();
    if (parts.empty()) {
      profile.duration_ms = StandInDurationMs();
      if (++without == 1) first = &functions_[f];
      continue;
    }
    const PercentileSummary all = Combine(parts);
    const auto fitted = FitDistribution(all, kClockTickMs);
    profile.duration_ms = fitted.distribution;
    context_.report.means_missed += fitted.mean_kept ? 0 : 1;
    context_.report.durations_raised += all.values.front() < kClockTickMs ? 1 : 0;
  }
  context_.report.functions_without_durations = without;
  ReportWithout(Problem::kNoDurations, without, first,
                "have no durations on any day; add their rows to the durations file, or take the "
                "stand-in that --lenient gives them");
}

void Reader::FinishMemory() {
  uint64_t without = 0;
  const Function* first = nullptr;
  for (uint32_t f = 0; f < functions_.size(); ++f) {
    const Function& function = functions_[f];
    const App& app = apps_[function.app];
    if (function.memory_samples > 0) {
      context_.builder.function(FunctionId(f)).memory =
          ToMebibytes(function.memory_sum / function.memory_samples);
    } else if (app.memory_samples > 0) {
      context_.builder.function(FunctionId(f)).memory =
          ToMebibytes(app.memory_sum / app.memory_samples / app.functions);
    } else if (++without == 1) {
      first = &function;
    }
  }
  context_.report.functions_without_memory = without;
  ReportWithout(Problem::kNoMemory, without, first,
                "have no memory on any day; add their rows to the memory file, or leave it "
                "unknown with --lenient");
}

// Functions of which a file says nothing: refused, but nothing is skipped under --lenient.
void Reader::ReportWithout(Problem problem, uint64_t count, const Function* first,
                           std::string_view what) {
  if (count == 0 || context_.options.lenient) return;
  context_.log.Add(problem, invocations_[first->file].table.file(), first->line, "HashFunction",
                   fmt::format("this function and {} more {}", count - 1, what), count);
}

bool StartsWithDay(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && name.ends_with(".csv");
}

}  // namespace

AzureTable AzureTableOfName(std::string_view path) {
  const std::string_view name = BaseName(path);
  if (name == "invocations.csv" || StartsWithDay(name, "invocations_per_function_md.anon.d")) {
    return AzureTable::kInvocations;
  }
  if (name == "durations.csv" || StartsWithDay(name, "function_durations_percentiles.anon.d")) {
    return AzureTable::kDurations;
  }
  if (name == "memory.csv" || StartsWithDay(name, "app_memory_percentiles.anon.d")) {
    return AzureTable::kMemory;
  }
  return AzureTable::kNone;
}

AzureTable AzureTableOf(const InputFile& file) {
  if (const AzureTable kind = AzureTableOfName(file.name); kind != AzureTable::kNone) return kind;
  const std::string_view header = file.bytes.substr(0, file.bytes.find('\n'));
  const auto has = [&](std::string_view name) { return header.find(name) != header.npos; };
  if (!has("HashOwner") && !has("HashApp")) return AzureTable::kNone;
  if (has("AverageAllocatedMb")) return AzureTable::kMemory;
  if (has("percentile_Average")) return AzureTable::kDurations;
  return has("HashFunction") ? AzureTable::kInvocations : AzureTable::kNone;
}

int AzureDayOfName(std::string_view path) {
  const std::string_view name = BaseName(path);
  for (size_t at = name.find(".d"); at != name.npos; at = name.find(".d", at + 1)) {
    int day;
    const char* const stop = name.data() + name.size();
    const auto [end, error] = std::from_chars(name.data() + at + 2, stop, day);
    if (error == std::errc() && end != stop && *end == '.' && day >= 1 && day <= 9999) return day;
  }
  return 1;
}

absl::Status ReadAzure2019(ReadContext& context) {
  return Reader(context).Read();
}

}  // namespace reeve
