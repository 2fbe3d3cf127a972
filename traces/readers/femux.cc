#include "traces/readers/femux.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "traces/readers/percentiles.h"

namespace reeve {
namespace {

constexpr std::string_view kCountsFile = "vanilla_per_app_cold_starts.csv";
constexpr std::string_view kUseFile = "vanilla_per_app_alloc_util.csv";
constexpr std::string_view kNamePrefix = "application-";
constexpr size_t kNameDigits = 8;
constexpr uint64_t kMostRequestsAMinute = 200;  // see "Rows that cannot be meant"
constexpr double kMostOfAnything = 1e9;         // requests of a day, containers of a minute

// By the first digits of the application's hash.
using ValueByName = std::map<std::string, double, std::less<>>;

// Reads APP_NAME and `value` of a table.
void ReadValues(const InputFile& input, ReadContext& context, std::string_view value,
                ValueByName& values) {
  CsvTable table(input, context);
  if (!table.ReadHeader()) return;
  const int name = table.Required("APP_NAME"), column = table.Required(value);
  if (std::min(name, column) < 0) return;
  while (table.Next()) {
    std::string_view key = table.cell(name);
    if (!key.starts_with(kNamePrefix)) {
      table.Bad(Problem::kBadText, name, "an application is called application-XXXXXXXX");
      continue;
    }
    key.remove_prefix(kNamePrefix.size());
    const auto number = table.NonNegative(column);
    if (!number) continue;
    if (!values.try_emplace(std::string(key), *number).second) {
      table.Bad(Problem::kDuplicate, name, "the application stands here twice, remove one");
    }
  }
}

std::optional<double> Find(const ValueByName& values, std::string_view hash) {
  const auto found = values.find(hash.substr(0, kNameDigits));
  if (found == values.end()) return std::nullopt;
  return found->second;
}

class FemuxReader {
 public:
  explicit FemuxReader(ReadContext& context) : context_(context), names_(context.builder) {}

  absl::Status Read() {
    for (const InputFile& file : context_.files) {
      const std::string_view name = BaseName(file.name);
      if (name == kCountsFile) {
        counted_ = true;
        ReadValues(file, context_, "REQUEST_COUNT", requests_);
      } else if (name == kUseFile) {
        ReadValues(file, context_, "MEM_UTIL", use_);
      }
    }
    bool found = false;
    for (const InputFile& file : context_.files) {
      if (!IsContainersPerMinute(file)) continue;
      found = true;
      ReadApplications(file);
    }
    if (found) return absl::OkStatus();
    return absl::InvalidArgumentError("there is no table with HashApp and containers c1, c2, …");
  }

 private:
  void ReadApplications(const InputFile& input);
  void ReadApplication(CsvTable& table, int hash, int invocations, int memory);

  ReadContext& context_;
  FunctionTable names_;
  std::vector<int> minutes_;  // column of each minute
  std::vector<uint32_t> containers_;
  bool counted_ = false;  // requests_ was there
  ValueByName requests_, use_;
};

void FemuxReader::ReadApplications(const InputFile& input) {
  CsvTable table(input, context_);
  if (!table.ReadHeader()) return;
  const int hash = table.Required("HashApp"), invocations = table.Required("NumInvocations");
  const int memory = table.Required("AverageMemUsageMb"), first = table.Required("c1");
  if (std::min({hash, invocations, memory, first}) < 0) return;
  minutes_.clear();
  for (size_t c = static_cast<size_t>(first); c < table.header().size(); ++c) {
    if (table.header()[c] != fmt::format("c{}", minutes_.size() + 1)) break;
    minutes_.push_back(static_cast<int>(c));
  }
  context_.builder.set_minimum_duration(SimTime::Minutes(static_cast<int64_t>(minutes_.size())));
  while (table.Next()) ReadApplication(table, hash, invocations, memory);
}

void FemuxReader::ReadApplication(CsvTable& table, int hash, int invocations, int memory) {
  const std::string_view name = table.cell(hash);
  if (name.empty()) {
    table.Bad(Problem::kBadText, hash, "the name is empty, fill it in");
    return;
  }
  containers_.clear();
  for (const int column : minutes_) {
    uint32_t containers = 0;
    if (const auto problem = ParseCount(table.cell(column), containers)) {
      table.Bad(*problem, column);
      return;
    }
    if (containers > kMostOfAnything) {
      table.Bad(Problem::kTooLarge, column, "beyond all reason");
      return;
    }
    containers_.push_back(containers);
  }
  const auto of_day = table.NonNegative(invocations), memory_mb = table.NonNegative(memory);
  if (!of_day || !memory_mb) return;
  const auto counted = Find(requests_, name);
  if (counted_ && !counted) return;
  const double requests = counted.value_or(*of_day);
  if (requests > kMostOfAnything) {
    table.Bad(Problem::kTooLarge, invocations, "beyond all reason, or so is REQUEST_COUNT");
    return;
  }

  const size_t to = counted ? std::min(femux_internal::kCountedTo, containers_.size()) : 0;
  const size_t from = std::min(femux_internal::kCountedFrom, to);
  const std::vector<uint64_t> placed =
      femux_internal::PlaceRequests(containers_, static_cast<uint64_t>(requests + 0.5), from, to);
  if (std::any_of(placed.begin(), placed.end(), [](uint64_t n) { return n > kMostOfAnything; })) {
    table.Bad(Problem::kTooLarge, invocations, "more requests in a minute than can be meant");
    return;
  }
  const auto interned = names_.Intern(name, name, name);
  if (!interned.fresh) {
    table.Bad(Problem::kDuplicate, hash, "the application stands here twice, remove one");
    return;
  }
  for (size_t m = 0; m < placed.size(); ++m) {
    context_.builder.AddCount(static_cast<int>(m), interned.id, static_cast<uint32_t>(placed[m]));
  }
  FunctionProfile& profile = context_.builder.function(interned.id);
  if (*memory_mb > 0) {
    profile.memory = ToMebibytes(*memory_mb);
  } else {
    ++context_.report.functions_without_memory;
  }
  const double megabyte_seconds = Find(use_, name).value_or(0);
  const double duration_ms = 1000 * megabyte_seconds / (*memory_mb * requests);
  profile.duration_known = megabyte_seconds > 0 && duration_ms > 0 && duration_ms < 1e12;
  profile.duration_ms =
      profile.duration_known ? Distribution::Constant(duration_ms) : StandInDurationMs();
  if (!profile.duration_known) ++context_.report.functions_without_durations;
}

__extension__ using Wide = unsigned __int128;

// Adds `total` to `placed`, in proportion to `weights`; what is not whole goes to the next minute.
void Spread(uint64_t total, std::span<const uint32_t> weights, std::vector<uint64_t>& placed) {
  const uint64_t sum = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  if (sum == 0) return;
  uint64_t passed = 0, done = 0;
  for (size_t m = 0; m < weights.size(); ++m) {
    passed += weights[m];
    const auto due = static_cast<uint64_t>(Wide{total} * passed / sum);
    placed[m] += due - done;
    done = due;
  }
}

}  // namespace

bool IsContainersPerMinute(const InputFile& file) {
  CsvScanner scanner(file.bytes);
  std::vector<std::string_view> cells;
  if (!scanner.Next() || !scanner.Split(cells)) return false;
  const auto has = [&](std::string_view name) {
    return std::any_of(cells.begin(), cells.end(),
                       [&](std::string_view cell) { return Trimmed(cell) == name; });
  };
  return has("HashApp") && has("c1");
}

absl::Status ReadFemux(ReadContext& context) {
  return FemuxReader(context).Read();
}

namespace femux_internal {

std::vector<uint64_t> PlaceRequests(std::span<const uint32_t> containers, uint64_t requests,
                                    size_t from, size_t to) {
  const size_t minutes = containers.size();
  std::vector<uint64_t> placed(minutes, 0);
  if (minutes == 0 || requests == 0) return placed;
  std::vector<uint32_t> weights(containers.begin(), containers.end());
  const auto busy = static_cast<uint64_t>(
      std::count_if(weights.begin(), weights.end(), [](uint32_t w) { return w > 0; }));
  if (requests > kMostRequestsAMinute * busy) weights.assign(minutes, 1);

  const auto sum = [&](size_t begin, size_t end) {
    const auto at = [&](size_t m) { return weights.begin() + static_cast<std::ptrdiff_t>(m); };
    return std::accumulate(at(begin), at(end), uint64_t{0});
  };
  const uint64_t all = sum(0, minutes), counted = from == to ? all : sum(from, to);
  const uint64_t total =
      counted == 0 ? requests
                   : static_cast<uint64_t>((Wide{requests} * all + counted / 2) / counted);
  if (total >= all) {
    Spread(total, weights, placed);
    return placed;
  }
  std::vector<uint32_t> rises(minutes), rest(minutes);
  for (size_t m = 0; m < minutes; ++m) {
    const uint32_t before = m == 0 ? 0 : weights[m - 1];
    rises[m] = weights[m] - std::min(weights[m], before);
    rest[m] = weights[m] - rises[m];
  }
  const uint64_t starts = std::accumulate(rises.begin(), rises.end(), uint64_t{0});
  Spread(std::min(total, starts), rises, placed);
  if (total > starts) Spread(total - starts, rest, placed);
  return placed;
}

}  // namespace femux_internal
}  // namespace reeve
