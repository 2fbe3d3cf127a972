// How fast the simulator is, as a ratio to the least that any event-driven simulator must do.
//
//   sim_bench [--quick] [--trace PATH] [--only NAME]
//
// Each workload is run twice in this process: once through a bare loop that only merges arrivals
// and pushes and pops completions, and once through the simulator with its control period, metering
// and histograms. Times are of one core; the bare loop gets the same arrival stream.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <queue>
#include <string>

#include "core/check.h"
#include "core/status.h"
#include "sim/cluster.h"
#include "traces/arrival_stream.h"
#include "traces/generator.h"
#include "traces/load_trace.h"
#include "traces/trace.h"
#include "traces/trace_edit.h"

namespace reeve {
namespace {

double Seconds() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

double PeakMiB() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

struct Workload {
  std::string name;
  Trace trace;
  ClusterSpec cluster;
  double most_ratio;  // the simulator's time over the bare loop's
  double least_rate;  // invocations per second
  int repeats = 3;
};

struct Completion {
  int64_t time_us;
  uint32_t function;
};

// A heap that anyone has at hand, so that the yardstick does not move with the simulator's own.
struct Later {
  bool operator()(const Completion& a, const Completion& b) const {
    return a.time_us != b.time_us ? a.time_us > b.time_us : a.function > b.function;
  }
};

// Returns a checksum, so that nothing is optimised away.
uint64_t BareLoop(const Trace& trace, uint64_t& invocations) {
  auto source = MakeArrivalSource(trace, {.seed = 1, .within_minute = WithinMinute::kUniform});
  std::priority_queue<Completion, std::vector<Completion>, Later> heap;
  ArrivalBatch batch;
  uint64_t sum = 0;
  while (source->Next(batch)) {
    for (const Arrival& a : batch.arrivals) {
      const int64_t now = batch.start.micros() + a.offset_us;
      while (!heap.empty() && heap.top().time_us <= now) {
        sum += static_cast<uint64_t>(heap.top().time_us);
        heap.pop();
      }
      heap.push({now + a.work_us, a.function});
      ++invocations;
    }
  }
  return sum + heap.size();
}

uint64_t Simulate(const Workload& w, uint64_t& invocations) {
  SimulatedCluster cluster(
      w.trace, w.cluster, 1,
      MakeArrivalSource(w.trace, {.seed = 1, .within_minute = WithinMinute::kUniform}));
  Snapshot snapshot;
  for (SimTime t; t < w.trace.duration();) {
    t = std::min(t + w.cluster.control_period, w.trace.duration());
    cluster.AdvanceTo(t);
    REEVE_CHECK(cluster.Observe(snapshot).ok());
  }
  invocations = cluster.invocations();
  uint64_t completions = 0;
  for (uint32_t f = 0; f < cluster.function_count(); ++f) {
    completions += cluster.totals(FunctionId(f)).completions;
  }
  // Else the two loops would not have done the same work.
  REEVE_CHECK(completions >= invocations - invocations / 50);
  return completions;
}

// `total_rps` spread over functions as 1 / rank^exponent.
Trace ZipfTrace(int functions, double total_rps, int minutes, double exponent, double mean_ms) {
  TraceBuilder builder;
  double norm = 0;
  for (int i = 1; i <= functions; ++i) norm += std::pow(i, -exponent);
  for (int i = 0; i < functions; ++i) {
    FunctionProfile profile;
    profile.name = fmt::format("f{}", i);
    profile.tenant = builder.Tenant(fmt::format("t{}", i % 100));
    profile.app = builder.App(profile.name);
    profile.trigger = Trigger::kHttp;
    profile.memory = Mebibytes(128);
    profile.duration_ms = Distribution::Exponential(mean_ms);
    const FunctionId id = builder.AddFunction(profile);
    double owed = 0;
    for (int m = 0; m < minutes; ++m) {
      owed += total_rps * 60 * std::pow(i + 1, -exponent) / norm;
      const double count = std::floor(owed);
      owed -= count;
      builder.AddCount(m, id, static_cast<uint32_t>(count));
    }
  }
  builder.set_minimum_duration(SimTime::Minutes(minutes));
  return *builder.Build();
}

ClusterSpec Cluster(int nodes, int cores, ScalingMode scaling) {
  ClusterSpec spec;
  spec.scaling = scaling;
  spec.router = scaling == ScalingMode::kOnDemand ? RouterStrategy::kMostRecent
                                                  : RouterStrategy::kLeastOutstanding;
  spec.nodes = {NodeGroupSpec{nodes, Millicores::Cores(cores), Mebibytes(1 << 22)}};
  spec.cold_start.time_ms = Distribution::Constant(200);
  return spec;
}

// The real trace where it is to be had, else a generated population of the same size.
absl::StatusOr<Trace> Functions250(const std::string& path, uint64_t invocations) {
  Trace trace;
  if (!path.empty()) {
    ASSIGN_OR_RETURN(ReadResult read, LoadTrace(path, {.lenient = true}));
    trace = std::move(read.trace);
  } else {
    GeneratorConfig config;
    config.functions = 250;
    config.length = SimTime::Hours(8);
    // Scaled up, functions of minutes would ask for more than the cluster has: requests that are
    // given up are no work.
    config.execution.max_mean = SimTime::Seconds(10);
    ASSIGN_OR_RETURN(trace, GenerateTrace(config));
  }
  return ScaleTrace(trace, {.total_invocations = invocations});
}

absl::StatusOr<std::vector<Workload>> MakeWorkloads(bool quick, const std::string& trace,
                                                    std::string_view only) {
  const int minutes = quick ? 1 : 10;
  std::vector<Workload> all;
  const auto wanted = [&](std::string_view name) {
    return name.find(only) != std::string_view::npos;
  };
  if (const char* name = "warm, no contention"; wanted(name)) {
    // 100 functions, 10,000 rps, 1,000 requests in flight, twice the CPU they need.
    all.push_back({name, ZipfTrace(100, 10'000, minutes, 0.5, 100),
                   Cluster(10, 200, ScalingMode::kOnDemand), 3, 4e6});
  }
  if (const char* name = "warm, CPU contention"; wanted(name)) {
    // The same requests on nodes with 5 % more CPU than the mean demand: contended nearly always.
    all.push_back({name, ZipfTrace(100, 10'000, minutes, 0.5, 100),
                   Cluster(10, 105, ScalingMode::kOnDemand), 5, 2e6});
  }
  if (const char* name = "20,000 functions, Zipf"; wanted(name)) {
    // Exponent 1.3: the top 1 % of functions have 86 % of the invocations, as in Azure's day.
    all.push_back({name, ZipfTrace(20'000, 20'000, minutes, 1.3, 100),
                   Cluster(20, 400, ScalingMode::kOnDemand), 3, 0});
  }
  if (const char* name = "250 functions, 8 h"; wanted(name)) {
    ASSIGN_OR_RETURN(Trace scaled, Functions250(trace, quick ? 10'000'000 : 100'000'000));
    all.push_back({name, std::move(scaled), Cluster(100, 1000, ScalingMode::kOnDemand), 3, 0});
    all.back().repeats = quick ? 3 : 1;
  }
  return all;
}

struct Measured {
  uint64_t invocations = 0;
  double bare_s = 1e300, simulated_s = 1e300, peak_mib = 0;
};

// In a process of its own, so that its peak memory is its own.
Measured Measure(const Workload& w) {
  int fds[2];
  REEVE_CHECK(pipe(fds) == 0);
  Measured m;
  const pid_t child = fork();
  REEVE_CHECK(child >= 0);
  if (child == 0) {
    uint64_t sum = 0;
    for (int repeat = 0; repeat < w.repeats; ++repeat) {  // the best: noise only adds
      m.invocations = 0;
      double start = Seconds();
      sum += BareLoop(w.trace, m.invocations);
      m.bare_s = std::min(m.bare_s, Seconds() - start);
      start = Seconds();
      sum += Simulate(w, m.invocations);
      m.simulated_s = std::min(m.simulated_s, Seconds() - start);
    }
    REEVE_CHECK(sum > 0);
    m.peak_mib = PeakMiB();
    REEVE_CHECK(write(fds[1], &m, sizeof(m)) == sizeof(m));
    _exit(0);
  }
  REEVE_CHECK(read(fds[0], &m, sizeof(m)) == sizeof(m));
  close(fds[0]);
  close(fds[1]);
  waitpid(child, nullptr, 0);
  return m;
}

int Main(bool quick, const std::string& trace, const std::string& only) {
  const auto workloads = MakeWorkloads(quick, trace, only);
  if (!workloads.ok()) {
    fmt::print(stderr, "sim_bench: {}\n", MessageOf(workloads.status()));
    return 3;
  }
  bool met = true;
  fmt::print("{:<24}{:>14}{:>12}{:>14}{:>8}{:>8}{:>10}\n", "workload", "invocations", "bare /s",
             "simulator /s", "ratio", "limit", "peak MiB");
  for (const Workload& w : *workloads) {
    const Measured m = Measure(w);
    const double n = static_cast<double>(m.invocations), ratio = m.simulated_s / m.bare_s;
    fmt::print("{:<24}{:>14}{:>12.0f}{:>14.0f}{:>8.2f}{:>8.1f}{:>10.0f}\n", w.name, m.invocations,
               n / m.bare_s, n / m.simulated_s, ratio, w.most_ratio, m.peak_mib);
    std::fflush(stdout);
    met &= ratio <= w.most_ratio && n / m.simulated_s >= w.least_rate;
  }
  fmt::print("{}\n", met ? "all within their limits" : "NOT all within their limits");
  return met ? 0 : 1;
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  bool quick = false;
  std::string trace, only;
  CLI::App app{"Speed of the simulator beside a bare loop of arrivals and completions"};
  app.add_flag("--quick", quick, "A tenth of the invocations");
  app.add_option("--trace", trace,
                 "Trace of the 250-function workload (anything that `reeve trace import` reads); "
                 "default: a generated population");
  app.add_option("--only", only, "Workloads whose name contains this");
  CLI11_PARSE(app, argc, argv);
  return reeve::Main(quick, trace, only);
}
