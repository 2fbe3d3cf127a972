// A replay at a constant rate against a server on another processor: how late requests are sent,
// what it costs, and whether a stall shows in the percentiles.
#include <fmt/format.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "bench/cpu_seconds.h"
#include "controller/replay/replay.h"
#include "tests/controller/replay/load_target.h"

namespace reeve {
namespace {

struct Options {
  double rate_rps = 5000, seconds = 60, stall_s = 0;
  int functions = 100, cpu = 0, target_cpu = 1, max_in_flight = 9000;
};

void RunOn(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0) {
    fmt::print("cannot run on processor {}: it runs on any\n", cpu);
  }
}

absl::StatusOr<Trace> Evenly(const Options& options) {
  TraceBuilder builder;
  for (int f = 0; f < options.functions; ++f) {
    FunctionProfile profile;
    profile.name = fmt::format("f{}", f);
    profile.tenant = builder.Tenant("t");
    profile.app = builder.App("a");
    profile.duration_ms = Distribution::Constant(1);
    builder.AddFunction(profile);
  }
  const auto count = static_cast<int64_t>(options.rate_rps * options.seconds);
  for (int64_t i = 0; i < count; ++i) {
    builder.AddInvocation(
        {.start_us = std::llround(static_cast<double>(i) * 1e6 / options.rate_rps),
         .duration_us = 1000,
         .function = static_cast<uint32_t>(i % options.functions),
         .reserved = 0});
  }
  return builder.Build();
}

int Run(const Options& options) {
  using std::chrono::microseconds;
  const auto micros = [](double s) { return microseconds(std::llround(s * 1e6)); };
  // In the middle of the run.
  Stall stall(micros((options.seconds - options.stall_s) / 2), micros(options.stall_s));
  const bool stalls = options.stall_s > 0;
  LoadTarget target(
      [&](const LoadTarget::Request& request) {
        LoadTarget::Reply reply;
        if (stalls) reply.not_before = stall.AnswerTime(request.at);
        return reply;
      },
      options.target_cpu);
  // Before the replay makes its own threads: they stay on this processor too.
  RunOn(options.cpu);
  const auto trace = Evenly(options);
  LiveReplaySpec spec;
  spec.target.url = target.url() + "/{function}";
  spec.max_in_flight = options.max_in_flight;
  const double cpu_before = ThreadCpuSeconds();
  const auto data = trace.ok() ? RunReplay(*trace, spec) : absl::StatusOr<RunData>(trace.status());
  if (!data.ok()) {
    fmt::print(stderr, "replay_rate: {}\n", std::string(data.status().message()));
    return 3;
  }
  const double cpu = ThreadCpuSeconds() - cpu_before;
  const RunSummary& s = data->summary;
  const ReplaySummary& r = *s.replay;
  fmt::print("{} requests in {:.2f} s: {:.1f} a second; {} answered, {} not\n", s.arrivals,
             s.simulated_seconds, static_cast<double>(s.arrivals) / s.simulated_seconds,
             s.completions, s.arrivals - s.completions);
  fmt::print("timing error: p50 {:.3f} ms, p99 {:.3f} ms, worst {:.3f} ms; {} later than 1 ms\n",
             r.timing_error_p50_ms, r.timing_error_p99_ms, r.timing_error_max_ms, r.late);
  fmt::print("sending: {:.2f} of one core, {:.1f} us a request, {} connections, {} at once\n",
             cpu / s.simulated_seconds, cpu * 1e6 / static_cast<double>(s.arrivals), r.connections,
             r.most_in_flight);
  fmt::print("latency: p50 {:.2f} ms, p95 {:.2f} ms, p99 {:.2f} ms\n", *s.latency_p50_ms,
             *s.latency_p95_ms, *s.latency_p99_ms);
  bool fine = s.completions == s.arrivals && r.timing_error_p99_ms < 1;
  if (stalls) {
    // Of all requests stall/seconds wait, evenly from the stall's length down to nothing.
    for (const QuantileRow& row : data->quantiles) {
      for (const double q : {0.93, 0.95, 0.97, 0.99, 0.999}) {
        if (std::abs(row.quantile - q) > 1e-9) continue;
        const double expected_ms = 1000 * (options.stall_s - (1 - q) * options.seconds);
        if (expected_ms <= 0) continue;
        fmt::print("q {:.3f}: {:.0f} ms, must be {:.0f} ms\n", q, *row.latency_ms, expected_ms);
        fine = fine && std::abs(*row.latency_ms / expected_ms - 1) < 0.05;
      }
    }
  }
  return fine ? 0 : 1;
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  reeve::Options options;
  CLI::App app(
      "Replay at a constant rate; exit code 1: timing error p99 of 1 ms or more, or a "
      "stall that does not show as it must");
  app.add_option("--rate", options.rate_rps, "Requests a second")->capture_default_str();
  app.add_option("--seconds", options.seconds, "Length")->capture_default_str();
  app.add_option("--stall", options.stall_s, "Seconds for which the server stalls")
      ->capture_default_str();
  app.add_option("--functions", options.functions)->capture_default_str();
  app.add_option("--max-in-flight", options.max_in_flight,
                 "Connections at most, each with two open files here")
      ->capture_default_str();
  app.add_option("--cpu", options.cpu, "Processor of the replay")->capture_default_str();
  app.add_option("--target-cpu", options.target_cpu, "Processor of the server")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  return reeve::Run(options);
}
