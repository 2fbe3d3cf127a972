#include "traces/readers/azure2019_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace reeve::azure2019_internal {
namespace {

constexpr double kMaxDurationMs = 1e12;  // 30 years
constexpr std::array<const char*, 5> kPercentileColumns = {
    "percentile_Average_1", "percentile_Average_25", "percentile_Average_50",
    "percentile_Average_75", "percentile_Average_99"};

// `columns`: Count, Average, then the seven points.
std::optional<PercentileSummary> ReadSummary(CsvTable& table, const std::array<int, 9>& columns) {
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

// Functions of which a file says nothing: refused, but nothing is skipped under --lenient.
void ReportWithout(Population& population, Problem problem, uint64_t count, const Function* first,
                   std::string_view what) {
  if (count == 0 || population.context.options.lenient) return;
  population.context.log.Add(problem, first->file, first->line, "HashFunction",
                             fmt::format("this function and {} more {}", count - 1, what), count);
}

}  // namespace

FunctionTable::Interned Population::Intern(std::string_view owner, std::string_view app,
                                           std::string_view function) {
  const auto interned = names.Intern(owner, app, function);
  if (!interned.fresh) return interned;
  const auto [entry, fresh_app] =
      app_index.try_emplace(JoinedKey({owner, app}), static_cast<uint32_t>(apps.size()));
  if (fresh_app) apps.emplace_back();
  ++apps[entry->second].functions;
  functions.emplace_back().app = entry->second;
  return interned;
}

void ReadDurations(const InputFile& input, int ordinal, Population& population) {
  CsvTable table(input, population.context);
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
    const auto id = population.names.Find(table.cell(owner), table.cell(app), table.cell(function));
    if (!id) continue;  // not invoked on these days
    int& seen = population.functions[id->index()].durations_file;
    if (seen == ordinal) {
      table.Bad(Problem::kDuplicate, function,
                fmt::format("function {} stands in this file twice, remove one",
                            Quoted(table.cell(function))));
      continue;
    }
    seen = ordinal;
    population.summaries.emplace_back(id->index(), *summary);
  }
}

void ReadMemory(const InputFile& input, int ordinal, Population& population) {
  CsvTable table(input, population.context);
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
      const auto id =
          population.names.Find(table.cell(owner), table.cell(app), table.cell(function));
      if (id) add(population.functions[id->index()], *megabytes, *count, function);
    } else {
      const auto found = population.app_index.find(JoinedKey({table.cell(owner), table.cell(app)}));
      if (found != population.app_index.end())
        add(population.apps[found->second], *megabytes, *count, app);
    }
  }
}

void FinishDurations(Population& population) {
  std::stable_sort(population.summaries.begin(), population.summaries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  size_t next = 0;
  uint64_t without = 0;
  const Function* first = nullptr;
  std::vector<PercentileSummary> parts;
  for (uint32_t f = 0; f < population.functions.size(); ++f) {
    parts.clear();
    for (; next < population.summaries.size() && population.summaries[next].first == f; ++next) {
      parts.push_back(population.summaries[next].second);
    }
    FunctionProfile& profile = population.context.builder.function(FunctionId(f));
    profile.duration_known = !parts.empty();
    if (parts.empty()) {
      profile.duration_ms = StandInDurationMs();
      if (++without == 1) first = &population.functions[f];
      continue;
    }
    const PercentileSummary all = Combine(parts);
    const auto fitted = FitDistribution(all, kClockTickMs);
    profile.duration_ms = fitted.distribution;
    population.context.report.means_missed += fitted.mean_kept ? 0 : 1;
    population.context.report.durations_raised += all.values.front() < kClockTickMs ? 1 : 0;
  }
  population.context.report.functions_without_durations = without;
  ReportWithout(population, Problem::kNoDurations, without, first,
                "have no durations on any day; add their rows to the durations file, or take the "
                "stand-in that --lenient gives them");
}

void FinishMemory(Population& population) {
  uint64_t without = 0;
  const Function* first = nullptr;
  for (uint32_t f = 0; f < population.functions.size(); ++f) {
    const Function& function = population.functions[f];
    const App& app = population.apps[function.app];
    if (function.memory_samples > 0) {
      population.context.builder.function(FunctionId(f)).memory =
          ToMebibytes(function.memory_sum / function.memory_samples);
    } else if (app.memory_samples > 0) {
      population.context.builder.function(FunctionId(f)).memory =
          ToMebibytes(app.memory_sum / app.memory_samples / app.functions);
    } else if (++without == 1) {
      first = &function;
    }
  }
  population.context.report.functions_without_memory = without;
  ReportWithout(population, Problem::kNoMemory, without, first,
                "have no memory on any day; add their rows to the memory file, or leave it "
                "unknown with --lenient");
}

}  // namespace reeve::azure2019_internal
