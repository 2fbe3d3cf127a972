#include "traces/trace_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/config.h"
#include "core/random.h"
#include "core/status.h"
#include "traces/function_streams.h"

namespace reeve {
namespace {

constexpr uint32_t kDropped = std::numeric_limits<uint32_t>::max();

// Where in a function's stream which draws start; minutes and times stay below.
constexpr uint64_t kSampleDraw = uint64_t{1} << 63;

// Adds the functions with keep[i] to `builder`; the new index of each, kDropped for the others.
std::vector<uint32_t> CopyFunctions(const Trace& trace, const std::vector<bool>& keep,
                                    TraceBuilder& builder) {
  std::vector<uint32_t> renumbered(trace.functions().size(), kDropped);
  for (size_t i = 0; i < renumbered.size(); ++i) {
    if (!keep[i]) continue;
    FunctionProfile profile = trace.functions()[i];
    profile.tenant = builder.Tenant(trace.tenants()[profile.tenant.index()]);
    profile.app = builder.App(trace.apps()[profile.app.index()]);
    renumbered[i] = builder.AddFunction(std::move(profile)).index();
  }
  return renumbered;
}

// Marks in `wanted` which of `names` were asked for; empty `asked` means all.
absl::StatusOr<std::vector<bool>> FindNames(const std::vector<std::string>& asked,
                                            const std::vector<std::string>& names,
                                            std::string_view kind) {
  std::vector<bool> wanted(names.size(), asked.empty());
  for (const std::string& name : asked) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      std::string hint = "; 'reeve trace stats' tells what is in a trace";
      if (names.size() <= 2000) hint = config_internal::Suggest(name, names);
      return absl::InvalidArgumentError(
          fmt::format("the trace has no {} '{}'{}", kind, name, hint));
    }
    wanted[static_cast<size_t>(found - names.begin())] = true;
  }
  return wanted;
}

void SampleFunctions(const Trace& trace, const SliceOptions& options, std::vector<bool>& keep) {
  std::vector<std::pair<uint64_t, uint32_t>> drawn;
  for (uint32_t i = 0; i < keep.size(); ++i) {
    if (keep[i])
      drawn.emplace_back(EditStream(trace.functions()[i], options.seed).Bits(kSampleDraw), i);
  }
  std::sort(drawn.begin(), drawn.end());
  for (size_t i = *options.random; i < drawn.size(); ++i) keep[drawn[i].second] = false;
}

absl::StatusOr<std::vector<bool>> ChooseFunctions(const Trace& trace, const SliceOptions& options) {
  std::vector<std::string> names;
  for (const FunctionProfile& f : trace.functions()) names.push_back(f.name);
  ASSIGN_OR_RETURN(std::vector<bool> keep, FindNames(options.functions, names, "function"));
  ASSIGN_OR_RETURN(
      const std::vector<bool> apps,
      FindNames(options.apps, {trace.apps().begin(), trace.apps().end()}, "application"));
  ASSIGN_OR_RETURN(
      const std::vector<bool> tenants,
      FindNames(options.tenants, {trace.tenants().begin(), trace.tenants().end()}, "tenant"));
  for (size_t i = 0; i < keep.size(); ++i) {
    const FunctionProfile& f = trace.functions()[i];
    const bool trigger = options.triggers.empty() ||
                         std::find(options.triggers.begin(), options.triggers.end(), f.trigger) !=
                             options.triggers.end();
    keep[i] = keep[i] && apps[f.app.index()] && tenants[f.tenant.index()] && trigger;
  }
  if (options.random) SampleFunctions(trace, options, keep);
  if (options.first) {
    uint32_t left = *options.first;
    for (size_t i = 0; i < keep.size(); ++i) {
      if (!keep[i]) continue;
      if (left == 0)
        keep[i] = false;
      else
        --left;
    }
  }
  if (std::find(keep.begin(), keep.end(), true) == keep.end()) {
    return absl::InvalidArgumentError("no function of the trace meets the conditions");
  }
  return keep;
}

// Scaled and rounded so that the expectation is exact.
double RandomlyRounded(double value, double u) {
  return std::floor(value + u);
}

absl::Status ScaleCounts(const Trace& trace, const ScaleOptions& options, double rate,
                         TraceBuilder& builder) {
  const double merged = options.speed;
  if (merged < 1 || merged != std::floor(merged) || merged > 1e6) {
    return absl::InvalidArgumentError(fmt::format(
        "speed {} does not fit a trace of counts per minute: it must be a whole number of minutes "
        "that become one",
        options.speed));
  }
  const int per_minute = static_cast<int>(merged);
  std::vector<RandomStream> streams;
  for (const FunctionProfile& f : trace.functions()) streams.push_back(EditStream(f, options.seed));
  for (int m = 0; m < trace.minutes(); ++m) {
    for (const MinuteCount& c : trace.minute(m)) {
      const double scaled = RandomlyRounded(
          c.count * rate, rate == 1 ? 0 : streams[c.function].Uniform(static_cast<uint64_t>(m)));
      if (scaled > std::numeric_limits<uint32_t>::max()) {
        return absl::InvalidArgumentError(
            fmt::format("function '{}' would have {:.0f} invocations in minute {}, more "
                        "than a trace can hold",
                        trace.functions()[c.function].name, scaled, m));
      }
      builder.AddCount(m / per_minute, FunctionId(c.function), static_cast<uint32_t>(scaled));
    }
  }
  builder.set_minimum_duration(kMinute * ((trace.minutes() + per_minute - 1) / per_minute));
  return absl::OkStatus();
}

absl::Status ScaleTimed(const Trace& trace, const ScaleOptions& options, double rate,
                        TraceBuilder& builder) {
  if (rate > 1) {
    return absl::InvalidArgumentError(fmt::format(
        "a trace of timed invocations cannot be scaled by {:g}: it can be thinned (rate at most "
        "1), or run faster (speed)",
        rate));
  }
  const auto faster = [&](SimTime time) {
    return options.speed == 1 ? time : SimTime::FromSeconds(time.seconds() / options.speed);
  };
  if (trace.duration().seconds() / options.speed > 1e12)
    return absl::InvalidArgumentError("speed is too small");
  std::vector<RandomStream> streams;
  for (const FunctionProfile& f : trace.functions()) streams.push_back(EditStream(f, options.seed));
  uint64_t same = 0;  // invocations of one function at one time need draws of their own
  const TimedInvocation* previous = nullptr;
  for (const TimedInvocation& i : trace.invocations()) {
    const bool again =
        previous != nullptr && previous->start_us == i.start_us && previous->function == i.function;
    same = again ? same + 1 : 0;
    previous = &i;
    const uint64_t index = static_cast<uint64_t>(i.start_us) ^ same << 48;
    if (rate < 1 && streams[i.function].Uniform(index) >= rate) continue;
    TimedInvocation kept = i;
    kept.start_us = faster(SimTime::Micros(i.start_us)).micros();
    builder.AddInvocation(kept);
  }
  builder.set_minimum_duration(faster(trace.duration()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Trace> SliceTrace(const Trace& trace, const SliceOptions& options) {
  const SimTime to = std::min(options.to, trace.duration());
  const bool whole = options.from == SimTime() && to == trace.duration();  // even of no length
  if (!whole && (options.from < SimTime() || options.from >= to)) {
    return absl::InvalidArgumentError(
        fmt::format("nothing lies between {} s and {} s of a trace of {} s", options.from.seconds(),
                    to.seconds(), trace.duration().seconds()));
  }
  if (!trace.timed() && (options.from % kMinute != SimTime() || to % kMinute != SimTime())) {
    return absl::InvalidArgumentError(
        "a trace of counts per minute can be cut at whole minutes only");
  }
  ASSIGN_OR_RETURN(const std::vector<bool> keep, ChooseFunctions(trace, options));
  TraceBuilder builder;
  const std::vector<uint32_t> renumbered = CopyFunctions(trace, keep, builder);
  if (trace.timed()) {
    for (TimedInvocation i : trace.invocations()) {
      const SimTime start = SimTime::Micros(i.start_us);
      if (start < options.from || start >= to || renumbered[i.function] == kDropped) continue;
      i.start_us = (start - options.from).micros();
      i.function = renumbered[i.function];
      builder.AddInvocation(i);
    }
  } else {
    const int first = static_cast<int>(options.from / kMinute);
    for (int m = first; m < static_cast<int>(to / kMinute); ++m) {
      for (const MinuteCount& c : trace.minute(m)) {
        const uint32_t function = renumbered[c.function];
        if (function != kDropped) builder.AddCount(m - first, FunctionId(function), c.count);
      }
    }
  }
  builder.set_first_minute(trace.first_minute() + static_cast<int>(options.from / kMinute));
  builder.set_minimum_duration(to - options.from);
  return builder.Build();
}

absl::StatusOr<Trace> ScaleTrace(const Trace& trace, const ScaleOptions& options) {
  double rate = options.rate;
  if (options.total_invocations) {
    if (trace.total_invocations() == 0)
      return absl::InvalidArgumentError("the trace has no invocations to scale");
    rate = static_cast<double>(*options.total_invocations) /
           static_cast<double>(trace.total_invocations());
  }
  if (!(rate > 0 && std::isfinite(rate)) || !(options.speed > 0 && std::isfinite(options.speed))) {
    return absl::InvalidArgumentError("rate and speed must be above 0");
  }
  TraceBuilder builder;
  CopyFunctions(trace, std::vector<bool>(trace.functions().size(), true), builder);
  builder.set_first_minute(trace.first_minute());
  RETURN_IF_ERROR(trace.timed() ? ScaleTimed(trace, options, rate, builder)
                                : ScaleCounts(trace, options, rate, builder));
  return builder.Build();
}

absl::StatusOr<Trace> ScaleDurations(const Trace& trace, double factor) {
  if (!(factor > 0 && factor < 1e6)) {
    return absl::InvalidArgumentError(
        "the factor on execution times must be above 0, and below a million");
  }
  TraceBuilder builder;
  CopyFunctions(trace, std::vector<bool>(trace.functions().size(), true), builder);
  for (uint32_t f = 0; f < trace.functions().size(); ++f) {
    FunctionProfile& profile = builder.function(FunctionId(f));
    profile.duration_ms = profile.duration_ms.Scaled(factor);
  }
  for (TimedInvocation i : trace.invocations()) {
    if (i.duration_us != TimedInvocation::kDrawDuration) {
      // Beyond 11 days an execution time is a mistake of the source; it must not overflow.
      const double us = std::min(static_cast<double>(i.duration_us) * factor, 1e12);
      i.duration_us = std::max<int64_t>(1, std::llround(us));
    }
    builder.AddInvocation(i);
  }
  for (int m = 0; m < trace.minutes(); ++m) {
    for (const MinuteCount& c : trace.minute(m)) {
      builder.AddCount(m, FunctionId(c.function), c.count);
    }
  }
  builder.set_first_minute(trace.first_minute());
  builder.set_minimum_duration(trace.duration());
  return builder.Build();
}

}  // namespace reeve
