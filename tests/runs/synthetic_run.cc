#include "tests/runs/synthetic_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/random.h"

namespace reeve {

const char* const kHostileNames[6] = {
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror=\"window.hacked = 1\">",
    "comma, \"quote\" and\nline break",
    "{{data}} ${window.hacked = 1} <!--",
    "名前-функция-🚀",
    "\x1b[2J\u202Eescape",
};

namespace {

constexpr std::array<const char*, 6> kTriggers = {"http",  "http",  "queue",
                                                  "timer", "event", "storage"};

// Approximately Poisson, good enough to look at.
double Count(double mean, RandomCursor& random) {
  if (mean < 30) {
    double t = random.Exponential();
    double n = 0;
    while (t < mean) {
      ++n;
      t += random.Exponential();
    }
    return n;
  }
  return std::max(0.0, std::round(mean + std::sqrt(mean) * random.Normal()));
}

std::string Name(int f, RandomCursor& random) {
  if (f % 10 == 3 && f / 10 < 6) return kHostileNames[f / 10];
  std::string out;
  for (int i = 0; i < 4; ++i) out += fmt::format("{:016x}", random.Below(~0ull));
  return out;
}

struct FunctionModel {
  double per_minute, duration_s, cold_s, slo_ms, memory_gib, burst_chance;
  double idle_min = 1e9;  // since the last request
  double held = 0;        // containers
};

}  // namespace

RunData SyntheticRun(const SyntheticRunOptions& options) {
  RandomCursor random(RandomStream(options.seed, StreamPurpose::kGenerator, 0));
  RunData run;
  std::vector<FunctionModel> models;
  for (int f = 0; f < options.functions; ++f) {
    FunctionModel m{};
    m.per_minute = 2400.0 / std::pow(f + 1.0, 1.15);
    m.duration_s = std::clamp(std::exp(-1.2 + 1.3 * random.Normal()), 0.005, 40.0);
    m.cold_s = std::exp(-0.3 + 0.6 * random.Normal());
    m.slo_ms = std::max(200.0, 3000 * m.duration_s);
    m.memory_gib = 0.128 * std::pow(2.0, static_cast<double>(random.Below(4)));
    m.burst_chance = random.Uniform() < 0.2 ? 0.03 : 0;
    models.push_back(m);
    FunctionRow row;
    row.name = Name(f, random);
    row.tenant = fmt::format("tenant-{:02}", random.Below(30));
    row.app = fmt::format("app-{:03}", random.Below(120));
    row.trigger = kTriggers[random.Below(kTriggers.size())];
    row.memory_mib = m.memory_gib * 1024;
    row.slo_ms = m.slo_ms;
    run.functions.push_back(row);
  }

  RunSummary& s = run.summary;
  RunHistogram latency, execution, wait, slowdown;
  double busy_s = 0, cpu_s = 0;
  for (int minute = 0; minute < options.minutes; ++minute) {
    IntervalRow all;
    all.time_s = 60.0 * minute;
    all.cpu_capacity_cores = 192;
    all.memory_capacity_gib = 384;
    const double wave = 1 + 0.45 * std::sin(2 * 3.14159265 * (minute - 90) / 480.0);
    std::vector<IntervalRow> rows;
    FunctionHistogram window;
    double worst_slowdown = 1;
    for (int f = 0; f < options.functions; ++f) {
      FunctionModel& m = models[f];
      FunctionRow& total = run.functions[f];
      double mean = m.per_minute * wave;
      if (random.Uniform() < m.burst_chance) mean *= 4;
      const double n =
          total.trigger == "timer" ? (minute % 5 == f % 5 ? 1 : 0) : Count(mean, random);
      const double busy = n * m.duration_s / 60;
      const double wanted = n > 0 ? std::ceil(busy * options.headroom) : 0;
      const double cold = std::max(0.0, wanted - m.held);
      m.idle_min = n > 0 ? 0 : m.idle_min + 1;
      m.held = n > 0 ? std::max(wanted, m.held * 0.7)
                     : (m.idle_min < options.keep_alive_min ? std::max(1.0, m.held * 0.5) : 0);
      if (n == 0 && m.held == 0) continue;
      IntervalRow row;
      row.time_s = all.time_s;
      row.function = FunctionId(static_cast<uint32_t>(f));
      row.arrivals = row.completions = static_cast<uint64_t>(n);
      row.cold_starts = static_cast<uint64_t>(std::floor(cold));
      row.mean_in_flight = busy;
      row.mean_queued = cold * m.cold_s / 60;
      row.containers_ready = m.held;
      row.containers_starting = row.mean_queued;
      row.replicas_asked = wanted;
      row.cpu_used_cores = busy * 0.8;
      row.memory_held_gib = m.held * m.memory_gib;
      row.slots_ready = m.held;
      if (n > 0) {
        const double cold_share = std::min(1.0, 2 * cold / n);
        const double typical = 1000 * m.duration_s * (1 + 0.1 * random.Uniform());
        const double tail = typical + (cold_share > 0.01 ? 1000 * m.cold_s : 0.3 * typical);
        row.latency_p50_ms = cold_share > 0.5 ? tail : typical;
        row.latency_p95_ms = cold_share > 0.05 ? tail : 1.2 * typical;
        row.latency_p99_ms = 1.1 * tail;
        row.slowdown_p99 = *row.latency_p99_ms / (1000 * m.duration_s);
        worst_slowdown = std::max(worst_slowdown, *row.slowdown_p99);
        row.slo_violations = static_cast<uint64_t>(tail > m.slo_ms ? std::ceil(0.5 * cold) : 0);
        for (int i = 0; i < 20; ++i) {
          const double share = (i + 0.5) / 20;
          const double ms =
              share > 1 - cold_share ? tail * (0.8 + share / 3) : typical * (0.7 + 0.5 * share);
          const auto times = static_cast<uint32_t>(std::max(1.0, n / 20));
          window.Record(static_cast<int64_t>(ms * 1000), times);
          latency.Record(static_cast<int64_t>(ms * 1000), times);
          execution.Record(static_cast<int64_t>(typical * 1000 * (0.6 + share / 2)), times);
          wait.Record(static_cast<int64_t>(std::max(0.0, ms - typical) * 1000), times);
          slowdown.Record(static_cast<int64_t>(std::max(1.0, ms / (1000 * m.duration_s)) * 1000),
                          times);
        }
      }
      total.arrivals += row.arrivals;
      total.completions += row.completions;
      total.cold_starts += row.cold_starts;
      total.slo_violations += row.slo_violations;
      total.container_seconds += 60 * m.held;
      total.gb_seconds += 60 * row.memory_held_gib * 1.073741824;
      total.busy_share += 60 * busy;  // divided below
      total.replica_changes += cold > 0 ? 1 : 0;
      const auto highest = [](std::optional<double>& to, const std::optional<double>& value) {
        if (value) to = std::max(to.value_or(0), *value);
      };
      highest(total.latency_p99_ms, row.latency_p99_ms);
      highest(total.latency_p95_ms, row.latency_p95_ms);
      if (row.latency_p50_ms && !total.latency_p50_ms) total.latency_p50_ms = row.latency_p50_ms;
      highest(total.slowdown_p99, row.slowdown_p99);
      all.arrivals += row.arrivals;
      all.completions += row.completions;
      all.cold_starts += row.cold_starts;
      all.slo_violations += row.slo_violations;
      all.mean_in_flight += row.mean_in_flight;
      all.mean_queued += row.mean_queued;
      all.containers_ready += row.containers_ready;
      all.containers_starting += row.containers_starting;
      all.replicas_asked += row.replicas_asked;
      all.cpu_used_cores += row.cpu_used_cores;
      all.memory_held_gib += row.memory_held_gib;
      rows.push_back(row);
    }
    all.slots_ready = all.containers_ready;
    if (minute >= 300 && minute < 306) all.rejections = 40;
    if (window.count() > 0) {
      all.latency_p50_ms = window.Quantile(0.5) / 1000;
      all.latency_p95_ms = window.Quantile(0.95) / 1000;
      all.latency_p99_ms = window.Quantile(0.99) / 1000;
      all.slowdown_p99 = worst_slowdown;
    }
    busy_s += 60 * all.mean_in_flight;
    cpu_s += 60 * all.cpu_used_cores;
    s.arrivals += all.arrivals + all.rejections;
    s.completions += all.completions;
    s.rejections += all.rejections;
    s.cold_starts += all.cold_starts;
    s.slo_violations += all.slo_violations;
    run.intervals.push_back(all);
    run.intervals.insert(run.intervals.end(), rows.begin(), rows.end());
  }
  for (FunctionRow& row : run.functions) {
    s.container_seconds += row.container_seconds;
    s.gb_seconds += row.gb_seconds;
    s.replica_changes_per_hour += static_cast<double>(row.replica_changes) * 60 / options.minutes;
    row.busy_share = row.container_seconds > 0 ? row.busy_share / row.container_seconds : 0;
    row.slowdown_p50 = row.slowdown_p99 ? std::optional(1.05) : std::nullopt;
  }
  s.name = s.policy = options.policy;
  s.trace = "azure2019-250f-8h";
  s.cluster = "12 nodes of 16 cores, 32 GiB";
  s.seed = options.seed;
  s.simulated_seconds = 60.0 * options.minutes;
  s.functions = run.functions.size();
  const auto ms = [&](double q) { return latency.Quantile(q) / 1000; };
  const auto factor = [&](double q) { return slowdown.Quantile(q) / 1000; };
  s.latency_p50_ms = ms(0.5), s.latency_p95_ms = ms(0.95), s.latency_p99_ms = ms(0.99);
  s.slowdown_p50 = factor(0.5), s.slowdown_p95 = factor(0.95), s.slowdown_p99 = factor(0.99);
  s.slowdown_p99_geomean = GeometricMeanSlowdown(run.functions);
  const double arrivals = static_cast<double>(std::max<uint64_t>(1, s.arrivals));
  s.cold_start_share = static_cast<double>(s.cold_starts) / arrivals;
  s.slo_violation_share = static_cast<double>(s.slo_violations) / arrivals;
  s.container_utilisation = busy_s / std::max(1.0, s.container_seconds);
  s.cpu_utilisation = cpu_s / (192 * s.simulated_seconds);
  s.bound_gb_seconds = s.gb_seconds / 2.5;
  s.gb_seconds_over_bound = 2.5;
  s.littles_law_error = 0;
  s.host = {.version = "0.1.0",
            .started_at = "2024-05-01T12:00:00Z",
            .wall_seconds = 4.2,
            .invocations_per_second = arrivals / 4.2,
            .peak_memory_mb = 88,
            .threads = 1};
  run.quantiles = MakeQuantileRows(latency, execution, wait, slowdown);
  run.config_yaml = "policy:\n  name: " + options.policy + "\nseed: 1\ncluster:\n  nodes: 12\n";
  return run;
}

}  // namespace reeve
