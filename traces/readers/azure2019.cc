#include "traces/readers/azure2019.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>

#include "traces/readers/azure2019_tables.h"

namespace reeve {

using azure2019_internal::Function;
using azure2019_internal::InvocationColumns;
using azure2019_internal::InvocationRow;
using azure2019_internal::ParseRowFast;
using azure2019_internal::Population;

namespace {

constexpr int kMaxDays = 1000;

// The minute that a column's name means, or nothing.
std::optional<int> MinuteOfColumn(std::string_view name) {
  constexpr std::string_view kPrefix = "minute_";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  int minute;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), minute);
  if (error != std::errc() || end != name.data() + name.size() || minute < 0) return std::nullopt;
  return minute;
}

struct InvocationsFile {
  InvocationsFile(const InputFile& input, int the_day, ReadContext& context)
      : day(the_day), table(input, context) {}
  int day;
  CsvTable table;
  InvocationColumns columns;
  int64_t first = 0, last = 0;  // minutes of the release
};

class Azure2019Reader {
 public:
  explicit Azure2019Reader(ReadContext& context) : context_(context), population_(context) {}

  absl::Status Read() {
    for (const InputFile& file : context_.files) Sort(file);
    if (absl::Status status = PlaceDays(); !status.ok()) return status;
    int ordinal = 0;
    for (InvocationsFile& file : invocations_) ReadInvocations(file, ordinal++);
    for (auto& [day, file] : durations_) ReadDurations(*file, ordinal++, population_);
    for (auto& [day, file] : memory_) ReadMemory(*file, ordinal++, population_);
    FinishDurations(population_);
    FinishMemory(population_);
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

  ReadContext& context_;
  Population population_;
  std::deque<InvocationsFile> invocations_;  // by day
  std::map<int, const InputFile*> days_, durations_, memory_;
  int64_t start_minute_ = 0;
};

void Azure2019Reader::Sort(const InputFile& file) {
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
absl::Status Azure2019Reader::PlaceDays() {
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
bool Azure2019Reader::FindColumns(InvocationsFile& file) {
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

void Azure2019Reader::ReadInvocations(InvocationsFile& file, int ordinal) {
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

bool Azure2019Reader::ParseRowSlowly(CsvTable& table, const InvocationColumns& columns,
                                     InvocationRow& row) {
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

void Azure2019Reader::TakeRow(CsvTable& table, const InvocationColumns& columns,
                              const InvocationRow& row, int ordinal) {
  for (const auto& [name, column] :
       {std::pair{row.owner, columns.owner}, std::pair{row.app, columns.app},
        std::pair{row.function, columns.function}}) {
    if (name.empty()) return table.Bad(Problem::kBadText, column, "the name is empty, fill it in");
  }
  const auto [id, fresh] = population_.Intern(row.owner, row.app, row.function);
  Function& function = population_.functions[id.index()];
  if (fresh) {
    function.file = table.file();
    function.line = table.scanner().line();
    const auto trigger = TriggerFromName(row.trigger);
    if (!trigger && columns.trigger != CsvTable::kNone) {
      table.Bad(Problem::kBadTrigger, columns.trigger,
                fmt::format("{} is not a trigger (http, timer, event, queue, storage, "
                            "orchestration, others); others is assumed",
                            Quoted(row.trigger)));
    }
    context_.builder.function(id).trigger = trigger.value_or(Trigger::kOthers);
  }
  if (function.invocations_file == ordinal) {
    return table.Bad(
        Problem::kDuplicate, columns.function,
        fmt::format("function {} stands in this file twice, remove one", Quoted(row.function)));
  }
  function.invocations_file = ordinal;
  for (const auto& cell : row.cells) context_.builder.AddCount(cell.minute, id, cell.count);
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
  return Azure2019Reader(context).Read();
}

}  // namespace reeve
