#include "controller/store/recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "controller/store/window_percentiles.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr std::array kTracePoints = {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0};
static_assert(kTracePoints.size() <= Distribution::kMaxQuantiles);

template <class Histogram>
void SetQuantiles(const Histogram& h, std::optional<double>& p50, std::optional<double>& p95,
                  std::optional<double>& p99) {
  if (h.count() == 0) return;
  const auto [a, b, c] = h.Quantiles(std::array{0.50, 0.95, 0.99});
  p50 = a / 1000;
  p95 = b / 1000;
  p99 = c / 1000;
}

double Share(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

// Sums over the windows of an interval; means are weighted by the windows' lengths.
struct Sums {
  IntervalRow row;
  double slots = 0, span_s = 0;
  bool unlimited = false;
  FunctionHistogram latency_us;

  void Add(const FunctionWindows& w, size_t f, double seconds) {
    row.arrivals += w.arrivals[f];
    row.completions += w.completions[f];
    row.failures += w.failures[f];
    row.timeouts += w.timeouts[f];
    row.rejections += w.rejections[f];
    row.cold_starts += w.cold_starts[f];
    row.containers_started += w.containers_started[f];
    row.slo_violations += w.slo_violations[f];
    row.mean_in_flight += w.mean_in_flight[f] * seconds;
    row.mean_queued += w.mean_queued[f] * seconds;
    row.containers_ready += w.containers_ready[f] * seconds;
    row.containers_starting += w.containers_starting[f] * seconds;
    row.replicas_asked += w.replicas_asked[f] * seconds;
    row.cpu_used_cores += w.cpu_used_millicores[f] / 1000 * seconds;
    row.memory_held_gib += w.memory_used_mebibytes[f] / 1024 * seconds;
    slots += static_cast<double>(w.containers_ready[f]) * w.concurrency_limit[f] * seconds;
    unlimited = unlimited || w.concurrency_limit[f] == 0;
  }
  // The row of an interval that has so many seconds of windows.
  IntervalRow Close(double time_s, double seconds) {
    IntervalRow out = std::exchange(row, {});
    out.time_s = time_s;
    for (double* mean : {&out.mean_in_flight, &out.mean_queued, &out.containers_ready,
                         &out.containers_starting, &out.replicas_asked, &out.cpu_used_cores,
                         &out.memory_held_gib, &out.cpu_capacity_cores, &out.memory_capacity_gib}) {
      *mean = Share(*mean, seconds);
    }
    if (!unlimited) out.slots_ready = Share(slots, seconds);
    SetQuantiles(latency_us, out.latency_p50_ms, out.latency_p95_ms, out.latency_p99_ms);
    latency_us.Clear();
    slots = 0;
    unlimited = false;
    return out;
  }
};

// One function over the whole recording.
struct Recorded {
  StoredFunction function;
  FunctionRow row;
  RunHistogram latency_us, execution_us;
  double latency_sum_us = 0, ready_s = 0, in_flight_s = 0, memory_mib_s = 0, memory_mib = 0;
  uint64_t draws = 0;
  Sums interval;
};

}  // namespace

struct RecordingBuilder::State {
  SimTime interval;
  SimTime start, end;  // of the last window
  SimTime interval_start;
  int64_t last_tick = -1, last_wall_us = 0;
  double span_s = 0;                    // of the windows in the present interval
  std::map<std::string, size_t> index;  // by id
  std::vector<std::unique_ptr<Recorded>> functions;
  std::vector<TimedInvocation> invocations;  // function: index into functions
  Sums total;
  RunHistogram latency_us, execution_us;
  std::vector<IntervalRow> rows;
  double cpu_capacity_s = 0, cpu_used_s = 0;
  int64_t windows = 0;

  Recorded& Of(const StoredFunction& function) {
    const auto [known, added] = index.emplace(function.id, functions.size());
    if (added) {
      functions.push_back(std::make_unique<Recorded>());
      functions.back()->function = function;
    }
    return *functions[known->second];
  }

  void MoveTo(const StoredTick& tick) {
    const SimTime window = tick.snapshot->window;
    if (windows > 0) {
      const int64_t ticks = tick.tick - last_tick;
      const SimTime later =
          ticks > 0 ? window * ticks : SimTime::Micros(tick.wall_us - last_wall_us);
      end += std::max(later, window);
    } else {
      end = window;
    }
    start = end - window;
    last_tick = tick.tick;
    last_wall_us = tick.wall_us;
    ++windows;
  }

  void AddRow(size_t index_of, const FunctionWindows& w, size_t f, double seconds) {
    Recorded& own = *functions[index_of];
    own.row.arrivals += w.arrivals[f];
    own.row.completions += w.completions[f];
    own.row.failures += w.failures[f];
    own.row.timeouts += w.timeouts[f];
    own.row.rejections += w.rejections[f];
    own.row.cold_starts += w.cold_starts[f];
    own.row.containers_started += w.containers_started[f];
    own.row.slo_violations += w.slo_violations[f];
    own.row.unfinished = uint64_t{w.queued[f]} + w.in_flight[f];
    if (w.slo_latency[f] != SimTime::Max() && w.slo_latency[f] > SimTime()) {
      own.row.slo_ms = w.slo_latency[f].millis();
    }
    const double containers = static_cast<double>(w.containers_ready[f]) + w.containers_starting[f];
    own.row.container_seconds += containers * seconds;
    own.ready_s += w.containers_ready[f] * seconds;
    own.in_flight_s += w.mean_in_flight[f] * seconds;
    own.memory_mib_s += w.memory_used_mebibytes[f] * seconds;
    own.memory_mib = std::max(own.memory_mib, static_cast<double>(w.memory_limit[f].value()));
    own.interval.Add(w, f, seconds);
    total.Add(w, f, seconds);
    const uint32_t n = w.completions[f];
    if (n > 0) {
      RunHistogram latency;
      AddPercentiles(n, w.latency_p50_ms[f] * 1000.0, w.latency_p95_ms[f] * 1000.0,
                     w.latency_p99_ms[f] * 1000.0, true, latency);
      for (uint32_t b = latency.lowest_bucket(); b <= latency.highest_bucket(); ++b) {
        const uint32_t count = latency.bucket_count(b);
        if (count == 0) continue;
        const auto value = static_cast<int64_t>(RunHistogram::LowerEdge(b));
        own.interval.latency_us.Record(value, count);
        total.latency_us.Record(value, count);
        own.latency_sum_us += static_cast<double>(value) * count;
      }
      own.latency_us.Merge(latency);
      if (w.execution_p99_ms[f] > 0) {
        AddPercentiles(n, w.execution_p50_ms[f] * 1000.0, w.execution_p95_ms[f] * 1000.0,
                       w.execution_p99_ms[f] * 1000.0, true, own.execution_us);
      }
    }
    // Their places in the window do not depend on other functions.
    const RandomStream stream(0, StreamPurpose::kArrivals, static_cast<uint32_t>(index_of));
    for (uint32_t i = 0; i < w.arrivals[f]; ++i) {
      const double place = stream.Uniform(own.draws++);
      const auto offset = static_cast<int64_t>(place * static_cast<double>((end - start).micros()));
      invocations.push_back({(start + SimTime::Micros(offset)).micros(),
                             TimedInvocation::kDrawDuration, static_cast<uint32_t>(index_of), 0});
    }
  }

  void CloseInterval() {
    if (span_s == 0) return;
    const double time_s = interval_start.seconds();
    rows.push_back(total.Close(time_s, span_s));
    const IntervalRow all = rows.back();
    for (uint32_t f = 0; f < functions.size(); ++f) {
      IntervalRow row = functions[f]->interval.Close(time_s, span_s);
      row.function = FunctionId(f);
      row.cpu_capacity_cores = all.cpu_capacity_cores;
      row.memory_capacity_gib = all.memory_capacity_gib;
      // A function without requests and containers has nothing to tell.
      if (row.arrivals + row.completions > 0 ||
          row.containers_ready + row.containers_starting > 0 || row.mean_queued > 0) {
        rows.push_back(row);
      }
    }
    span_s = 0;
  }

  // [F] Unique names.
  std::vector<std::string> Names() const {
    std::map<std::string, int> times;
    for (const auto& f : functions) ++times[f->function.name];
    std::vector<std::string> names;
    std::set<std::string> taken;
    for (const auto& f : functions) {
      std::string name = f->function.name;
      if (times[name] > 1) name = f->function.tenant + "/" + name;
      if (!taken.insert(name).second) name = f->function.id;  // which is unique
      taken.insert(name);
      names.push_back(std::move(name));
    }
    return names;
  }
};

RecordingBuilder::RecordingBuilder(SimTime interval) : state_(std::make_unique<State>()) {
  state_->interval = interval;
}
RecordingBuilder::~RecordingBuilder() = default;

void RecordingBuilder::Add(const StoredTick& tick) {
  State& s = *state_;
  if (tick.snapshot->window <= SimTime()) return;  // nothing was measured yet
  s.MoveTo(tick);
  // A window belongs to the interval in which it begins.
  while (s.start - s.interval_start >= s.interval) {
    s.CloseInterval();
    s.interval_start += s.interval;
  }
  const double seconds = tick.snapshot->window.seconds();
  for (size_t row = 0; row < tick.functions.size(); ++row) {
    if (tick.functions[row] == nullptr) continue;
    s.Of(*tick.functions[row]);
    s.AddRow(s.index.at(tick.functions[row]->id), tick.snapshot->functions, row, seconds);
  }
  const ClusterState& cluster = tick.snapshot->cluster;
  s.total.row.cpu_capacity_cores += cluster.cpu_capacity.cores() * seconds;
  s.total.row.memory_capacity_gib += cluster.memory_capacity.gib() * seconds;
  s.cpu_capacity_s += cluster.cpu_capacity.cores() * seconds;
  s.cpu_used_s += cluster.cpu_used_millicores / 1000 * seconds;
  s.span_s += seconds;
}

absl::StatusOr<Recording> RecordingBuilder::Finish() {
  State& s = *state_;
  s.CloseInterval();
  if (s.invocations.empty()) {
    return absl::NotFoundError("there was no request in this stretch");
  }
  const std::vector<std::string> names = s.Names();
  Recording out;
  RunSummary& summary = out.observed.summary;
  TraceBuilder builder;
  RunHistogram empty;
  double latency_sum_us = 0, ready_s = 0, busy_s = 0;
  for (size_t f = 0; f < s.functions.size(); ++f) {
    Recorded& r = *s.functions[f];
    FunctionProfile profile;
    profile.name = names[f];
    profile.tenant = builder.Tenant(r.function.tenant.empty() ? "default" : r.function.tenant);
    profile.app = builder.App(names[f]);
    profile.memory = Mebibytes(static_cast<int64_t>(r.memory_mib));
    // Where executions were not measured, latencies are the nearest there is.
    const RunHistogram& times = r.execution_us.count() > 0 ? r.execution_us : r.latency_us;
    profile.duration_known = times.count() > 0;
    profile.duration_ms = Distribution::Constant(100);
    if (times.count() > 0) {
      std::array<double, kTracePoints.size()> values = times.Quantiles(kTracePoints);
      for (double& value : values) value /= 1000;
      ASSIGN_OR_RETURN(profile.duration_ms, Distribution::Quantiles(kTracePoints, values));
    }
    builder.AddFunction(std::move(profile));

    FunctionRow row = r.row;
    row.name = names[f];
    row.tenant = r.function.tenant;
    row.app = names[f];
    row.trigger = TriggerName(Trigger::kOthers);
    row.memory_mib = r.memory_mib;
    if (r.latency_us.count() > 0) {
      row.latency_mean_ms = r.latency_sum_us / static_cast<double>(r.latency_us.count()) / 1000;
      SetQuantiles(r.latency_us, row.latency_p50_ms, row.latency_p95_ms, row.latency_p99_ms);
    }
    if (r.execution_us.count() > 0) {
      row.execution_p50_ms = r.execution_us.Quantile(0.5) / 1000;
      row.execution_p99_ms = r.execution_us.Quantile(0.99) / 1000;
    }
    row.gb_seconds = r.memory_mib_s / 1024;
    row.busy_share = std::min(1.0, Share(r.in_flight_s, r.ready_s));
    latency_sum_us += r.latency_sum_us;
    ready_s += r.ready_s;
    busy_s += std::min(r.ready_s, r.in_flight_s);
    s.latency_us.Merge(r.latency_us);
    s.execution_us.Merge(r.execution_us);
    summary.arrivals += row.arrivals;
    summary.completions += row.completions;
    summary.failures += row.failures;
    summary.timeouts += row.timeouts;
    summary.rejections += row.rejections;
    summary.unfinished += row.unfinished;
    summary.cold_starts += row.cold_starts;
    summary.containers_started += row.containers_started;
    summary.slo_violations += row.slo_violations;
    summary.container_seconds += row.container_seconds;
    summary.gb_seconds += row.gb_seconds;
    out.observed.functions.push_back(std::move(row));
  }
  for (const TimedInvocation& invocation : s.invocations) builder.AddInvocation(invocation);
  builder.set_minimum_duration(s.end);
  ASSIGN_OR_RETURN(out.trace, builder.Build());

  const double arrivals = static_cast<double>(summary.arrivals);
  summary.policy = "live";
  summary.simulated_seconds = s.end.seconds();
  summary.interval_s = s.interval.seconds();
  summary.functions = s.functions.size();
  summary.cold_start_share = Share(static_cast<double>(summary.cold_starts), arrivals);
  summary.slo_violation_share = Share(static_cast<double>(summary.slo_violations), arrivals);
  summary.container_utilisation = Share(busy_s, ready_s);
  summary.cpu_utilisation = Share(s.cpu_used_s, s.cpu_capacity_s);
  if (s.latency_us.count() > 0) {
    summary.latency_mean_ms = latency_sum_us / static_cast<double>(s.latency_us.count()) / 1000;
    SetQuantiles(s.latency_us, summary.latency_p50_ms, summary.latency_p95_ms,
                 summary.latency_p99_ms);
  }
  out.observed.quantiles = MakeQuantileRows(s.latency_us, s.execution_us, empty, empty);
  out.observed.intervals = std::move(s.rows);
  return out;
}

absl::StatusOr<Recording> ReadRecording(const std::string& path, std::optional<int64_t> since_us,
                                        std::optional<int64_t> until_us) {
  RecordingBuilder builder;
  ASSIGN_OR_RETURN(const int64_t damaged,
                   VisitWindows(path, since_us, until_us, [&](const StoredTick& tick) {
                     builder.Add(tick);
                     return absl::OkStatus();
                   }));
  absl::StatusOr<Recording> recording = builder.Finish();
  if (!recording.ok()) {
    return absl::Status(
        recording.status().code(),
        fmt::format("{}: {}{}", path, std::string(recording.status().message()),
                    damaged > 0 ? fmt::format(" ({} damaged windows)", damaged) : ""));
  }
  return recording;
}

}  // namespace reeve
