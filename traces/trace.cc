#include "traces/trace.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <unordered_map>

#include "core/check.h"

namespace reeve {
namespace {

constexpr std::array<std::string_view, kTriggers> kTriggerNames = {
    "http", "timer", "event", "queue", "storage", "orchestration", "others"};

struct CountRow {
  int32_t minute;
  uint32_t function;
  uint32_t count;
};

struct CountStorage {
  std::vector<uint64_t> offsets;
  std::vector<MinuteCount> counts;
};

bool Before(const CountRow& a, const CountRow& b) {
  return std::tie(a.minute, a.function) < std::tie(b.minute, b.function);
}

// Sorts by (minute, function), in linear time when functions come in order, as readers add them.
void SortByMinute(std::vector<CountRow>& rows, int minutes) {
  std::vector<size_t> next(static_cast<size_t>(minutes) + 1, 0);
  for (const CountRow& row : rows) ++next[static_cast<size_t>(row.minute) + 1];
  for (size_t m = 1; m < next.size(); ++m) next[m] += next[m - 1];
  std::vector<CountRow> sorted(rows.size());
  for (const CountRow& row : rows) sorted[next[static_cast<size_t>(row.minute)]++] = row;
  if (!std::is_sorted(sorted.begin(), sorted.end(), Before)) {
    std::sort(sorted.begin(), sorted.end(), Before);
  }
  rows = std::move(sorted);
}

// Names are looked up when building only; iteration order is never used.
class Interner {
 public:
  uint32_t Add(std::string_view name) {
    const auto [it, fresh] = index_.try_emplace(std::string(name), names.size());
    if (fresh) names.emplace_back(name);
    return it->second;
  }
  std::vector<std::string> names;

 private:
  std::unordered_map<std::string, uint32_t> index_;
};

}  // namespace

std::string_view TriggerName(Trigger trigger) {
  return kTriggerNames[static_cast<size_t>(trigger)];
}

std::optional<Trigger> TriggerFromName(std::string_view name) {
  const auto found = std::find(kTriggerNames.begin(), kTriggerNames.end(), name);
  if (found == kTriggerNames.end()) return std::nullopt;
  return static_cast<Trigger>(found - kTriggerNames.begin());
}

struct TraceBuilder::State {
  Interner tenants, apps;
  std::vector<FunctionProfile> functions;
  std::unordered_map<std::string, uint32_t> function_index;
  std::vector<CountRow> counts;
  std::vector<TimedInvocation> invocations;
  int first_minute = 0;
  SimTime minimum_duration;
};

TraceBuilder::TraceBuilder() : state_(std::make_unique<State>()) {}
TraceBuilder::~TraceBuilder() = default;
TraceBuilder::TraceBuilder(TraceBuilder&&) noexcept = default;
TraceBuilder& TraceBuilder::operator=(TraceBuilder&&) noexcept = default;

TenantId TraceBuilder::Tenant(std::string_view name) {
  return TenantId(state_->tenants.Add(name));
}
AppId TraceBuilder::App(std::string_view name) {
  return AppId(state_->apps.Add(name));
}

FunctionId TraceBuilder::AddFunction(FunctionProfile profile) {
  const uint32_t index = static_cast<uint32_t>(state_->functions.size());
  const bool fresh = state_->function_index.try_emplace(profile.name, index).second;
  REEVE_CHECK(fresh);
  state_->functions.push_back(std::move(profile));
  return FunctionId(index);
}

std::optional<FunctionId> TraceBuilder::FindFunction(std::string_view name) const {
  const auto found = state_->function_index.find(std::string(name));
  if (found == state_->function_index.end()) return std::nullopt;
  return FunctionId(found->second);
}

FunctionProfile& TraceBuilder::function(FunctionId id) {
  return state_->functions[id.index()];
}
size_t TraceBuilder::function_count() const {
  return state_->functions.size();
}

void TraceBuilder::AddCount(int minute, FunctionId function, uint32_t count) {
  REEVE_CHECK(minute >= 0 && function.index() < state_->functions.size());
  if (count > 0) state_->counts.push_back({minute, function.index(), count});
}

void TraceBuilder::AddInvocation(TimedInvocation invocation) {
  REEVE_CHECK(invocation.start_us >= 0 && invocation.function < state_->functions.size());
  state_->invocations.push_back(invocation);
}

void TraceBuilder::set_first_minute(int minute) {
  state_->first_minute = minute;
}
void TraceBuilder::set_minimum_duration(SimTime duration) {
  state_->minimum_duration = std::max(state_->minimum_duration, duration);
}

absl::StatusOr<Trace> TraceBuilder::Build() {
  State& s = *state_;
  if (!s.counts.empty() && !s.invocations.empty()) {
    return absl::InvalidArgumentError(
        "a trace holds per-minute counts or timed invocations, not both");
  }
  Trace trace;
  trace.timed_ = !s.invocations.empty();
  trace.first_minute_ = s.first_minute;

  int minutes = static_cast<int>((s.minimum_duration + kMinute - SimTime::Micros(1)) / kMinute);
  auto storage = std::make_shared<std::pair<CountStorage, std::vector<TimedInvocation>>>();
  if (trace.timed_) {
    std::sort(s.invocations.begin(), s.invocations.end(), [](const auto& a, const auto& b) {
      return std::tie(a.start_us, a.function, a.duration_us) <
             std::tie(b.start_us, b.function, b.duration_us);
    });
    trace.total_ = s.invocations.size();
    trace.duration_ =
        std::max(s.minimum_duration, SimTime::Micros(s.invocations.back().start_us + 1));
    storage->second = std::move(s.invocations);
    trace.invocations_ = storage->second;
  } else {
    for (const CountRow& row : s.counts) minutes = std::max(minutes, row.minute + 1);
    SortByMinute(s.counts, minutes);
    CountStorage& out = storage->first;
    out.offsets.assign(static_cast<size_t>(minutes) + 1, 0);
    out.counts.reserve(s.counts.size());
    for (size_t i = 0; i < s.counts.size(); ++i) {
      const CountRow& row = s.counts[i];
      trace.total_ += row.count;
      if (i > 0 && s.counts[i - 1].minute == row.minute &&
          s.counts[i - 1].function == row.function) {
        const uint64_t sum = uint64_t{out.counts.back().count} + row.count;
        if (sum > std::numeric_limits<uint32_t>::max()) {
          return absl::InvalidArgumentError("function '" + s.functions[row.function].name +
                                            "' has more than 2^32 invocations in minute " +
                                            std::to_string(row.minute));
        }
        out.counts.back().count = static_cast<uint32_t>(sum);
        continue;
      }
      out.counts.push_back({row.function, row.count});
      ++out.offsets[static_cast<size_t>(row.minute) + 1];
    }
    for (size_t m = 1; m < out.offsets.size(); ++m) out.offsets[m] += out.offsets[m - 1];
    trace.duration_ = kMinute * minutes;
    trace.offsets_ = out.offsets;
    trace.counts_ = out.counts;
  }
  trace.functions_ = std::move(s.functions);
  trace.tenants_ = std::move(s.tenants.names);
  trace.apps_ = std::move(s.apps.names);
  trace.storage_ = std::move(storage);
  state_ = std::make_unique<State>();
  return trace;
}

}  // namespace reeve
