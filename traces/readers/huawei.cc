#include "traces/readers/huawei.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "traces/readers/percentiles.h"

namespace reeve {
namespace {

constexpr int64_t kMaxMinutes = 3660LL * 1440;

enum class Metric { kNone, kRequests, kDelay, kMemoryLimit, kInstances };

// By the folder; a file outside of any metric's folder holds requests.
Metric MetricOf(std::string_view path) {
  const std::string_view folder = FolderName(path);
  if (folder == "function_delay_minute") return Metric::kDelay;
  if (folder == "memory_limit_minute") return Metric::kMemoryLimit;
  if (folder == "instances_minute") return Metric::kInstances;
  for (std::string_view other :
       {"_usage_minute", "platform_delay_minute", "cpu_limit_minute", "_second"}) {
    if (folder.ends_with(other)) return Metric::kNone;
  }
  return Metric::kRequests;
}

struct Function {
  FunctionId id;
  std::map<int64_t, double> limit_mb;  // minute -> MB of all pods; only with instances
  std::map<int64_t, double> instances;
  std::vector<std::pair<double, double>> delays;  // ms, requests
};

// The summary of values that each stand for several executions.
PercentileSummary SummarizeWeighted(std::vector<std::pair<double, double>>& samples) {
  std::sort(samples.begin(), samples.end());
  PercentileSummary summary;
  for (const auto& [value, weight] : samples) summary.count += weight;
  for (const auto& [value, weight] : samples) summary.mean += value * (weight / summary.count);
  double below = 0;
  size_t i = 0;
  for (size_t p = 0; p < summary.values.size(); ++p) {
    const double wanted = PercentileSummary::kProbabilities[p] * summary.count;
    while (i + 1 < samples.size() && below + samples[i].second < wanted) {
      below += samples[i].second;
      ++i;
    }
    summary.values[p] = samples[i].first;
  }
  summary.values.back() = samples.back().first;
  summary.mean = std::clamp(summary.mean, summary.values.front(), summary.values.back());
  return summary;
}

class HuaweiReader {
 public:
  explicit HuaweiReader(ReadContext& context) : context_(context), names_(context.builder) {}

  absl::Status Read() {
    // Requests first: the others say something about functions and minutes that have them.
    for (Metric metric :
         {Metric::kRequests, Metric::kDelay, Metric::kMemoryLimit, Metric::kInstances}) {
      minutes_seen_.clear();
      for (const InputFile& file : context_.files) {
        if (MetricOf(file.name) == metric) ReadTable(file, metric);
      }
      if (metric == Metric::kRequests) {
        if (absl::Status status = PlaceMinutes(); !status.ok()) return status;
      }
    }
    for (auto& [name, function] : functions_) Finish(function);
    return absl::OkStatus();
  }

 private:
  void ReadTable(const InputFile& input, Metric metric);
  std::optional<int64_t> ReadMinute(CsvTable& table, int time);
  void Take(CsvTable& table, Metric metric, int64_t minute, int column, Function& function);
  absl::Status PlaceMinutes();
  void Finish(Function& function);

  struct Count {
    int64_t minute;
    FunctionId function;
    uint32_t count;
  };
  ReadContext& context_;
  FunctionTable names_;
  std::map<std::string, Function> functions_;
  std::set<int64_t> minutes_seen_;  // of the metric being read
  std::vector<Count> counts_;
  std::map<std::pair<int64_t, uint32_t>, uint32_t> requests_;  // of (minute, function)
};

void HuaweiReader::ReadTable(const InputFile& input, Metric metric) {
  CsvTable table(input, context_);
  if (!table.ReadHeader()) return;
  const int day = table.Required("day"), time = table.Required("time");
  if (std::min(day, time) < 0) return;
  std::vector<std::pair<int, Function*>> columns;
  std::set<std::string> seen;
  for (size_t c = 0; c < table.header().size(); ++c) {
    const std::string& name = table.header()[c];
    const int column = static_cast<int>(c);
    if (column == day || column == time || name == "day" || name == "time") continue;
    if (name.empty() || !seen.insert(name).second) {
      context_.log.Add(name.empty() ? Problem::kBadText : Problem::kDuplicate, input.name, 1, name,
                       "a function's column has no name or stands here twice; its values are "
                       "left out");
      continue;
    }
    auto found = functions_.find(name);
    if (found == functions_.end()) {
      if (metric != Metric::kRequests) continue;
      found = functions_.try_emplace(name).first;
      found->second.id = names_.Intern("default", name, name).id;
    }
    columns.emplace_back(column, &found->second);
  }
  while (table.Next()) {
    const auto minute = ReadMinute(table, time);
    if (!minute) continue;
    for (const auto& [column, function] : columns) Take(table, metric, *minute, column, *function);
  }
}

std::optional<int64_t> HuaweiReader::ReadMinute(CsvTable& table, int time) {
  const auto seconds = table.NonNegative(time);
  if (!seconds) return std::nullopt;
  if (*seconds > static_cast<double>(kMaxMinutes) * 60) {
    table.Bad(Problem::kTooLarge, time, "more than ten years; it is in seconds");
    return std::nullopt;
  }
  const auto minute = static_cast<int64_t>(*seconds / 60);
  if (static_cast<double>(minute * 60) != *seconds) {
    table.Bad(Problem::kBadNumber, time, "not a whole number of minutes; it is in seconds");
    return std::nullopt;
  }
  if (!minutes_seen_.insert(minute).second) {
    table.Bad(Problem::kDuplicate, time, "there is a row of this minute already, remove one");
    return std::nullopt;
  }
  return minute;
}

// A bad cell costs its value only: the row holds all functions.
void HuaweiReader::Take(CsvTable& table, Metric metric, int64_t minute, int column,
                        Function& function) {
  const std::string_view cell = table.cell(column);
  if (cell.empty()) return;
  if (metric == Metric::kRequests) {
    uint32_t count;
    if (const auto problem = ParseCount(cell, count)) return table.Bad(*problem, column);
    if (count == 0) return;
    counts_.push_back({minute, function.id, count});
    return;
  }
  const auto value = table.NonNegative(column);
  if (!value) return;
  if (*value > 1e12) return table.Bad(Problem::kTooLarge, column, "beyond all reason");
  if (metric == Metric::kMemoryLimit) {
    function.limit_mb[minute] = *value;
  } else if (metric == Metric::kInstances) {
    function.instances[minute] = *value;
  } else if (const auto found = requests_.find({minute, function.id.index()});
             found != requests_.end()) {
    function.delays.emplace_back(*value, found->second);
  }
}

// Puts the counts into the builder, counted from the first minute.
absl::Status HuaweiReader::PlaceMinutes() {
  if (minutes_seen_.empty()) {
    return absl::InvalidArgumentError(
        "there is no row of requests; name the folder that holds requests_minute");
  }
  const int64_t first = *minutes_seen_.begin(), last = *minutes_seen_.rbegin();
  const int64_t missing = last - first + 1 - static_cast<int64_t>(minutes_seen_.size());
  if (missing > 0) {
    context_.log.Add(Problem::kGap, context_.files[0].name, 0, "time",
                     fmt::format("between second {} and {}, {} minutes have no row; read the parts "
                                 "apart, or with --lenient as minutes without requests",
                                 first * 60, last * 60, missing));
  }
  const bool delays =
      std::any_of(context_.files.begin(), context_.files.end(),
                  [](const InputFile& file) { return MetricOf(file.name) == Metric::kDelay; });
  for (const Count& c : counts_) {
    context_.builder.AddCount(static_cast<int>(c.minute - first), c.function, c.count);
    if (delays) requests_[{c.minute, c.function.index()}] = c.count;
  }
  counts_ = {};
  context_.builder.set_first_minute(static_cast<int>(first));
  context_.builder.set_minimum_duration(SimTime::Minutes(last - first + 1));
  return absl::OkStatus();
}

void HuaweiReader::Finish(Function& function) {
  FunctionProfile& profile = context_.builder.function(function.id);
  if (function.delays.empty()) {
    profile.duration_ms = StandInDurationMs();
    ++context_.report.functions_without_durations;
  } else {
    const PercentileSummary summary = SummarizeWeighted(function.delays);
    const auto fitted = FitDistribution(summary, kClockTickMs);
    profile.duration_ms = fitted.distribution;
    profile.duration_known = true;
    context_.report.means_missed += fitted.mean_kept ? 0 : 1;
    context_.report.durations_raised += summary.values.front() < kClockTickMs ? 1 : 0;
  }
  double limit = 0, pods = 0;
  for (const auto& [minute, mb] : function.limit_mb) {
    const auto instances = function.instances.find(minute);
    if (instances == function.instances.end() || !(instances->second > 0)) continue;
    limit += mb;
    pods += instances->second;
  }
  if (pods > 0 && limit > 0) {
    profile.memory = ToMebibytes(limit / pods);
  } else {
    ++context_.report.functions_without_memory;
  }
}

// --- 2025

// "pool22-300-128-0000618412" -> "pool22-300-128"
std::string_view PoolOf(std::string_view pod) {
  return pod.substr(0, pod.rfind('-'));
}

void ReadRequestTable(const InputFile& input, ReadContext& context, TimedRows& rows) {
  CsvTable table(input, context);
  if (!table.ReadHeader()) return;
  const int function = table.Required("funcName"), user = table.Required("userID");
  const int pod = table.Required("podID");
  const int cold = table.Column("totalCost_cold_start");
  const bool requests = cold == CsvTable::kNone;
  const int time = requests ? table.Required("time_worker") : 0;
  const int cost = requests ? table.Required("totalCost_worker") : cold;
  if (std::min({function, user, pod, time, cost}) < 0) return;

  while (table.Next()) {
    const auto cost_s = table.NonNegative(cost);
    if (!cost_s) continue;
    const auto end_s = requests ? table.NonNegative(time) : std::optional<double>(0);
    if (!end_s) continue;
    const auto cost_us = ToMicros(*cost_s, 1e6), end_us = ToMicros(*end_s, 1e6);
    if (!cost_us || !end_us) {
      table.Bad(Problem::kTooLarge, cost_us ? time : cost, "beyond all reason; it is in seconds");
      continue;
    }
    const std::string_view pool = PoolOf(table.cell(pod));
    if (table.cell(function).empty() || pool.empty()) {
      table.Bad(Problem::kBadText, pool.empty() ? pod : function, "the name is empty, fill it in");
      continue;
    }
    const std::string name =
        fmt::format("{}---{}---{}", table.cell(function), table.cell(user), pool);
    const FunctionId id = rows.Function(table.cell(user), name, name);
    if (requests) {
      rows.Add(id, *end_us - *cost_us, *cost_us);
    } else {
      rows.AddColdStart(id, static_cast<double>(*cost_us) / 1e3);
    }
    double memory_mb;
    if (!ParseNonNegative(pool.substr(pool.rfind('-') + 1), memory_mb) && memory_mb > 0) {
      context.builder.function(id).memory = ToMebibytes(memory_mb);
    }
  }
}

}  // namespace

absl::Status ReadHuawei(ReadContext& context) {
  return HuaweiReader(context).Read();
}

absl::Status ReadHuaweiRequests(ReadContext& context) {
  TimedRows rows(context);
  for (const InputFile& file : context.files) ReadRequestTable(file, context, rows);
  return rows.Finish(TimedRows::Shift::kEarliest);
}

}  // namespace reeve
