#include "traces/trace_shift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/random.h"
#include "core/status.h"
#include "traces/function_streams.h"

namespace reeve {
namespace {

// Where in a function's stream which draws start: apart from those of trace_edit.cc, whose stream
// is the same. Minutes and times stay below 2^58.
constexpr uint64_t kShiftRounding = uint64_t{1} << 62;
constexpr uint64_t kShiftCopy = uint64_t{3} << 60;
constexpr uint64_t kShiftCrowd = uint64_t{5} << 60;
constexpr uint64_t kShiftExchange = uint64_t{6} << 60;

class Changes {
 public:
  Changes(const Trace& trace, const WorkloadChanges& changes, uint64_t seed);

  // Resolves names; call once, before the others.
  absl::Status Prepare();
  absl::Status ChangeCounts(TraceBuilder& builder);
  absl::Status ChangeTimed(TraceBuilder& builder);

 private:
  // `share` of the functions, by their draws with this index: in the order of the draws.
  std::vector<uint32_t> Choose(double share, size_t at_least, uint64_t draw) const;
  absl::StatusOr<std::vector<bool>> FindNames(const std::vector<std::string>& names) const;
  // Makes the exchanges that are due; times do not fall.
  void ExchangeUntil(SimTime time);
  // Product of all factors of the function, at a time or in the mean over [begin, end).
  template <class ShiftFactor, class CrowdFactor>
  double FactorOf(uint32_t function, ShiftFactor shift_factor, CrowdFactor crowd_factor) const;
  double FactorAt(uint32_t function, SimTime time) const;
  double MeanFactor(uint32_t function, SimTime begin, SimTime end) const;

  const Trace& trace_;
  const WorkloadChanges& changes_;
  std::vector<RandomStream> streams_;         // [F]
  std::vector<std::vector<bool>> concerned_;  // [crowds][F]
  std::vector<size_t> by_time_;               // shifts
  size_t exchanges_made_ = 0;                 // of by_time_
  std::vector<uint32_t> receiver_;            // [F] who now gets the load of a function
};

Changes::Changes(const Trace& trace, const WorkloadChanges& changes, uint64_t seed)
    : trace_(trace),
      changes_(changes),
      by_time_(changes.shifts.size()),
      receiver_(trace.functions().size()) {
  for (const FunctionProfile& f : trace.functions()) streams_.push_back(EditStream(f, seed));
  std::iota(by_time_.begin(), by_time_.end(), size_t{0});
  std::stable_sort(by_time_.begin(), by_time_.end(),
                   [&](size_t a, size_t b) { return changes.shifts[a].at < changes.shifts[b].at; });
  std::iota(receiver_.begin(), receiver_.end(), 0u);
}

absl::Status Changes::Prepare() {
  for (size_t i = 0; i < changes_.flash_crowds.size(); ++i) {
    const FlashCrowd& crowd = changes_.flash_crowds[i];
    std::vector<bool>& concerned = concerned_.emplace_back(trace_.functions().size(), false);
    if (!crowd.functions.empty()) {
      ASSIGN_OR_RETURN(concerned, FindNames(crowd.functions));
    } else {
      for (const uint32_t f : Choose(crowd.share, 1, kShiftCrowd + i)) concerned[f] = true;
    }
  }
  for (const WorkloadShift& shift : changes_.shifts) {
    if (shift.exchange > 0 && !trace_.timed() && shift.at % kMinute != SimTime()) {
      return absl::InvalidArgumentError(fmt::format(
          "workload_changes: the functions of a trace of counts per minute can exchange their "
          "loads at whole minutes only, not at {} s",
          shift.at.seconds()));
    }
  }
  return absl::OkStatus();
}

std::vector<uint32_t> Changes::Choose(double share, size_t at_least, uint64_t draw) const {
  std::vector<std::pair<uint64_t, uint32_t>> drawn;
  for (uint32_t f = 0; f < streams_.size(); ++f) drawn.emplace_back(streams_[f].Bits(draw), f);
  std::sort(drawn.begin(), drawn.end());
  const auto wanted = static_cast<size_t>(share * static_cast<double>(drawn.size()) + 0.5);
  drawn.resize(std::min(drawn.size(), std::max(at_least, wanted)));
  std::vector<uint32_t> chosen;
  for (const auto& [bits, f] : drawn) chosen.push_back(f);
  return chosen;
}

absl::StatusOr<std::vector<bool>> Changes::FindNames(const std::vector<std::string>& names) const {
  std::vector<std::string> known;
  for (const FunctionProfile& f : trace_.functions()) known.push_back(f.name);
  std::vector<bool> found(known.size(), false);
  for (const std::string& name : names) {
    const auto place = std::find(known.begin(), known.end(), name);
    if (place == known.end()) {
      return absl::InvalidArgumentError(
          fmt::format("workload_changes: the trace has no function '{}'{}", name,
                      known.size() <= 2000 ? config_internal::Suggest(name, known)
                                           : "; 'reeve trace stats' tells what is in a trace"));
    }
    found[static_cast<size_t>(place - known.begin())] = true;
  }
  return found;
}

void Changes::ExchangeUntil(SimTime time) {
  for (; exchanges_made_ < by_time_.size(); ++exchanges_made_) {
    const size_t index = by_time_[exchanges_made_];
    const WorkloadShift& shift = changes_.shifts[index];
    if (shift.at > time) return;
    if (shift.exchange == 0) continue;
    // In random order each hands its load to the next, the last to the first: everyone's changes.
    const std::vector<uint32_t> chosen = Choose(shift.exchange, 2, kShiftExchange + index);
    std::vector<uint32_t> next(receiver_.size());
    std::iota(next.begin(), next.end(), 0u);
    for (size_t i = 0; i < chosen.size(); ++i) next[chosen[i]] = chosen[(i + 1) % chosen.size()];
    for (uint32_t& receiver : receiver_) receiver = next[receiver];
  }
}

template <class ShiftFactor, class CrowdFactor>
double Changes::FactorOf(uint32_t function, ShiftFactor shift_factor,
                         CrowdFactor crowd_factor) const {
  double factor = 1;
  for (const WorkloadShift& shift : changes_.shifts) factor *= shift_factor(shift);
  for (size_t i = 0; i < concerned_.size(); ++i) {
    if (concerned_[i][function]) factor *= crowd_factor(changes_.flash_crowds[i]);
  }
  return factor;
}

double Changes::FactorAt(uint32_t function, SimTime time) const {
  return FactorOf(
      function, [time](const WorkloadShift& s) { return time < s.at ? 1 : s.rate; },
      [time](const FlashCrowd& c) { return c.FactorAt(time); });
}

double Changes::MeanFactor(uint32_t function, SimTime begin, SimTime end) const {
  return FactorOf(
      function,
      [=](const WorkloadShift& s) {
        const SimTime at = std::clamp(s.at, begin, end);
        return ((at - begin).seconds() + s.rate * (end - at).seconds()) / (end - begin).seconds();
      },
      [=](const FlashCrowd& c) { return c.MeanFactor(begin, end); });
}

absl::Status Changes::ChangeCounts(TraceBuilder& builder) {
  for (int m = 0; m < trace_.minutes(); ++m) {
    const SimTime begin = kMinute * m;
    ExchangeUntil(begin);
    for (const MinuteCount& c : trace_.minute(m)) {
      const uint32_t function = receiver_[c.function];
      const double factor = MeanFactor(function, begin, begin + kMinute);
      const double u = streams_[function].Uniform(kShiftRounding + static_cast<uint64_t>(m));
      const double count = factor == 1 ? c.count : std::floor(c.count * factor + u);
      if (count > std::numeric_limits<uint32_t>::max()) {
        return absl::InvalidArgumentError(fmt::format(
            "workload_changes: function '{}' would have {:.0f} invocations in minute {}, more than "
            "a trace can hold",
            trace_.functions()[function].name, count, m));
      }
      builder.AddCount(m, FunctionId(function), static_cast<uint32_t>(count));
    }
  }
  return absl::OkStatus();
}

absl::Status Changes::ChangeTimed(TraceBuilder& builder) {
  std::vector<uint64_t> seen(receiver_.size(), 0);  // invocations of each function so far
  for (TimedInvocation i : trace_.invocations()) {
    const SimTime start = SimTime::Micros(i.start_us);
    ExchangeUntil(start);
    const uint32_t from = std::exchange(i.function, receiver_[i.function]);
    if (i.function != from) i.duration_us = TimedInvocation::kDrawDuration;
    const uint64_t number = seen[from]++;
    const double factor = FactorAt(i.function, start);
    const double u = streams_[from].Uniform(kShiftRounding + number);
    const auto copies = static_cast<uint32_t>(factor == 1 ? 1 : std::floor(factor + u));
    if (copies == 0) continue;
    builder.AddInvocation(i);
    const SimTime minute = kMinute * (start / kMinute);
    const SimTime length = std::min(kMinute, trace_.duration() - minute);
    for (uint32_t copy = 1; copy < copies; ++copy) {
      const uint64_t draw = kShiftCopy + (number << 20) + copy;
      const uint64_t place = streams_[from].Below(draw, static_cast<uint64_t>(length.micros()));
      i.start_us = (minute + SimTime::Micros(static_cast<int64_t>(place))).micros();
      builder.AddInvocation(i);
    }
  }
  return absl::OkStatus();
}

}  // namespace

double FlashCrowd::FactorAt(SimTime time) const {
  const SimTime since = time - at;
  const SimTime until = at + ramp * 2 + length - time;
  const SimTime inside = std::min(since, until);
  if (since < SimTime() || until <= SimTime()) return 1;
  if (inside >= ramp) return factor;
  return 1 + (factor - 1) * inside.seconds() / ramp.seconds();
}

double FlashCrowd::MeanFactor(SimTime begin, SimTime end) const {
  // Of the trapezium's height, 0 to 1, from `at` on.
  const auto integral = [this](SimTime until) {
    const double t = (until - at).seconds(), r = ramp.seconds(), l = length.seconds();
    const double rising = std::clamp(t, 0.0, r);
    const double flat = std::clamp(t - r, 0.0, l);
    const double falling = std::clamp(t - r - l, 0.0, r);
    const double ramps = rising * rising - falling * falling;
    return (ramps > 0 ? ramps / (2 * r) : 0) + flat + falling;
  };
  if (end <= at || begin >= at + ramp * 2 + length) return 1;
  const double mean = (integral(end) - integral(begin)) / (end - begin).seconds();
  return 1 + (factor - 1) * mean;
}

absl::StatusOr<Trace> ChangeWorkload(const Trace& trace, const WorkloadChanges& changes,
                                     uint64_t seed) {
  TraceBuilder builder;
  for (FunctionProfile profile : trace.functions()) {
    profile.tenant = builder.Tenant(trace.tenants()[profile.tenant.index()]);
    profile.app = builder.App(trace.apps()[profile.app.index()]);
    builder.AddFunction(std::move(profile));
  }
  builder.set_first_minute(trace.first_minute());
  builder.set_minimum_duration(trace.duration());
  Changes applied(trace, changes, seed);
  RETURN_IF_ERROR(applied.Prepare());
  RETURN_IF_ERROR(trace.timed() ? applied.ChangeTimed(builder) : applied.ChangeCounts(builder));
  ASSIGN_OR_RETURN(Trace changed, builder.Build());
  if (changed.total_invocations() == 0 && trace.total_invocations() > 0) {
    return absl::InvalidArgumentError("workload_changes: they leave no invocation of the trace");
  }
  return changed;
}

}  // namespace reeve
