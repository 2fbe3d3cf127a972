// Small traces, and a comparison of whole traces, for the tests of this folder.
#pragma once

#include <algorithm>

#include <string>
#include <vector>

#include "traces/trace.h"

namespace reeve {

// Everything that a Trace exposes is the same.
inline bool SameTrace(const Trace& a, const Trace& b) {
  const auto same_profile = [](const FunctionProfile& x, const FunctionProfile& y) {
    return x.name == y.name && x.tenant == y.tenant && x.app == y.app && x.trigger == y.trigger &&
           x.memory == y.memory && x.duration_ms == y.duration_ms &&
           x.duration_known == y.duration_known && x.cold_start_ms == y.cold_start_ms;
  };
  const auto same_count = [](MinuteCount x, MinuteCount y) {
    return x.function == y.function && x.count == y.count;
  };
  const auto same_timed = [](const TimedInvocation& x, const TimedInvocation& y) {
    return x.start_us == y.start_us && x.duration_us == y.duration_us && x.function == y.function;
  };
  if (a.duration() != b.duration() || a.first_minute() != b.first_minute() ||
      a.total_invocations() != b.total_invocations() || a.timed() != b.timed() ||
      a.minutes() != b.minutes() || !std::ranges::equal(a.tenants(), b.tenants()) ||
      !std::ranges::equal(a.apps(), b.apps()) ||
      !std::ranges::equal(a.functions(), b.functions(), same_profile) ||
      !std::ranges::equal(a.invocations(), b.invocations(), same_timed)) {
    return false;
  }
  for (int m = 0; m < a.minutes(); ++m) {
    if (!std::ranges::equal(a.minute(m), b.minute(m), same_count)) return false;
  }
  return true;
}

// Adds a function whose tenant and application are made as needed.
inline FunctionId AddTestFunction(TraceBuilder& builder, const std::string& name,
                                  const std::string& app = "app", const std::string& tenant = "t",
                                  Trigger trigger = Trigger::kHttp) {
  FunctionProfile profile;
  profile.name = name;
  profile.tenant = builder.Tenant(tenant);
  profile.app = builder.App(app);
  profile.trigger = trigger;
  profile.memory = Mebibytes(128);
  profile.duration_ms = Distribution::Exponential(100);
  return builder.AddFunction(std::move(profile));
}

// Count of a function in a minute.
inline uint32_t CountAt(const Trace& trace, int minute, uint32_t function) {
  for (const MinuteCount& c : trace.minute(minute)) {
    if (c.function == function) return c.count;
  }
  return 0;
}

// Invocations of each function of a trace of counts.
inline std::vector<uint64_t> TotalsOf(const Trace& trace) {
  std::vector<uint64_t> totals(trace.functions().size());
  for (int m = 0; m < trace.minutes(); ++m) {
    for (const MinuteCount& c : trace.minute(m)) totals[c.function] += c.count;
  }
  return totals;
}

}  // namespace reeve
