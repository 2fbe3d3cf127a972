// The one in-memory form of every workload: functions, and when they are invoked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/distribution.h"
#include "core/ids.h"
#include "core/units.h"

namespace reeve {

inline constexpr SimTime kMinute = SimTime::Minutes(1);
inline constexpr int kMinutesPerDay = 1440;

// What sets a function off; the names are those of the Azure 2019 release.
enum class Trigger : uint8_t { kHttp, kTimer, kEvent, kQueue, kStorage, kOrchestration, kOthers };
inline constexpr int kTriggers = 7;
std::string_view TriggerName(Trigger trigger);
std::optional<Trigger> TriggerFromName(std::string_view name);  // exact names only

struct FunctionProfile {
  std::string name;  // unique in its trace
  TenantId tenant;   // index into Trace::tenants()
  AppId app;         // index into Trace::apps()
  Trigger trigger = Trigger::kOthers;
  Mebibytes memory{0};         // a container's footprint; 0 = unknown
  Distribution duration_ms;    // execution time on an idle machine, without cold start
  bool duration_known = true;  // false: the source had none, duration_ms is a stand-in
  std::optional<Distribution> cold_start_ms;  // unset: the cluster's own
};

// `count` invocations of `function` within one minute.
struct MinuteCount {
  uint32_t function;  // index
  uint32_t count;     // >= 1
};

// One invocation with its time. The layout is that of the binary file.
struct TimedInvocation {
  static constexpr int64_t kDrawDuration = -1;
  int64_t start_us;     // since the start of the trace, >= 0
  int64_t duration_us;  // kDrawDuration: drawn from the function's distribution
  uint32_t function;    // index
  uint32_t reserved;    // 0
};
static_assert(sizeof(TimedInvocation) == 24);

// Immutable; may be shared by threads. Holds per-minute counts or timed invocations, not both.
class Trace {
 public:
  std::span<const FunctionProfile> functions() const { return functions_; }
  std::span<const std::string> tenants() const { return tenants_; }
  std::span<const std::string> apps() const { return apps_; }

  // Length; every invocation starts before it.
  SimTime duration() const { return duration_; }
  // Minute of the day (or of the release) at which the trace starts: for labels only.
  int first_minute() const { return first_minute_; }
  uint64_t total_invocations() const { return total_; }

  bool timed() const { return timed_; }
  // Per-minute form: the number of minutes, and the counts of one, by rising function, each once.
  int minutes() const { return offsets_.empty() ? 0 : static_cast<int>(offsets_.size()) - 1; }
  std::span<const MinuteCount> minute(int m) const {
    return counts_.subspan(offsets_[m], offsets_[m + 1] - offsets_[m]);
  }
  // Timed form: by rising (start, function).
  std::span<const TimedInvocation> invocations() const { return invocations_; }

 private:
  friend class TraceBuilder;
  friend class TraceFile;

  std::vector<FunctionProfile> functions_;
  std::vector<std::string> tenants_, apps_;
  SimTime duration_;
  int first_minute_ = 0;
  uint64_t total_ = 0;
  bool timed_ = false;

  // Views into storage_: vectors of this process, or a mapped file.
  std::span<const uint64_t> offsets_;  // [minutes + 1] into counts_
  std::span<const MinuteCount> counts_;
  std::span<const TimedInvocation> invocations_;
  std::shared_ptr<const void> storage_;
};

// Collects functions and invocations in any order. Not thread-safe.
class TraceBuilder {
 public:
  // Interns names; the same name gives the same id.
  TenantId Tenant(std::string_view name);
  AppId App(std::string_view name);

  // Adds a function. Its name must be new (see FindFunction).
  FunctionId AddFunction(FunctionProfile profile);
  std::optional<FunctionId> FindFunction(std::string_view name) const;
  FunctionProfile& function(FunctionId id);
  size_t function_count() const;

  // Per-minute form: adds `count` (0 is ignored) to a minute >= 0 counted from the trace's start.
  void AddCount(int minute, FunctionId function, uint32_t count);
  // Timed form: start >= 0.
  void AddInvocation(TimedInvocation invocation);

  void set_first_minute(int minute);
  // At least this long, even if nothing happens at the end.
  void set_minimum_duration(SimTime duration);

  // The trace; the builder is empty afterwards. InvalidArgument when both counts and timed
  // invocations were added, or a function has 2^32 or more invocations in a minute.
  absl::StatusOr<Trace> Build();

  TraceBuilder();
  ~TraceBuilder();
  TraceBuilder(TraceBuilder&&) noexcept;
  TraceBuilder& operator=(TraceBuilder&&) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve
