#include "controller/openwhisk/window_row.h"

#include <algorithm>
#include <array>

#include "controller/prometheus/row_filling.h"
#include "controller/window_rows.h"
#include "core/histogram.h"

namespace reeve {
namespace {

constexpr std::array<double, 3> kShares = {0.50, 0.95, 0.99};

void SetPercentiles(const std::array<double, 3>& ms, size_t slot, std::vector<float>& p50,
                    std::vector<float>& p95, std::vector<float>& p99) {
  p50[slot] = static_cast<float>(ms[0]);
  p95[slot] = static_cast<float>(ms[1]);
  p99[slot] = static_cast<float>(ms[2]);
}

void FillTimes(const ActionFigures& figures, SimTime slo, size_t slot, FunctionWindows& w,
               WindowHistograms& histograms) {
  const auto function = static_cast<uint32_t>(slot);
  for (const ActionFigures::Times& times : figures.completed) {
    const int64_t slowdown = 1000 * times.latency_ms / std::max<int64_t>(1, times.execution_ms);
    histograms.Record(
        function,
        {static_cast<uint16_t>(InvocationHistogram::BucketOfSigned(1000 * times.latency_ms)),
         static_cast<uint16_t>(InvocationHistogram::BucketOfSigned(1000 * times.execution_ms)),
         static_cast<uint16_t>(InvocationHistogram::BucketOfSigned(slowdown))});
    w.slo_violations[slot] += slo != SimTime::Max() && SimTime::Millis(times.latency_ms) > slo;
  }
  const auto in_ms = [](std::array<double, 3> us) {
    for (double& value : us) value /= 1000;
    return us;
  };
  SetPercentiles(in_ms(histograms.Quantiles(function, kShares, kLatencyLane)), slot,
                 w.latency_p50_ms, w.latency_p95_ms, w.latency_p99_ms);
  SetPercentiles(in_ms(histograms.Quantiles(function, kShares, kExecutionLane)), slot,
                 w.execution_p50_ms, w.execution_p95_ms, w.execution_p99_ms);
}

void FillFromCounters(const ActionFigures& figures, SimTime slo, size_t slot, FunctionWindows& w) {
  std::array<double, 3> execution{}, latency{};
  for (size_t i = 0; i < kShares.size(); ++i) {
    execution[i] = 1e3 * figures.duration_seconds->Quantile(kShares[i]);
    latency[i] = execution[i];
    if (figures.wait_seconds) latency[i] += 1e3 * figures.wait_seconds->Quantile(kShares[i]);
  }
  SetPercentiles(latency, slot, w.latency_p50_ms, w.latency_p95_ms, w.latency_p99_ms);
  SetPercentiles(execution, slot, w.execution_p50_ms, w.execution_p95_ms, w.execution_p99_ms);
  if (slo == SimTime::Max()) return;
  const uint32_t slow = WholeRequests(figures.duration_seconds->CountAbove(slo.seconds()));
  w.slo_violations[slot] += std::min(slow, figures.completions);
}

}  // namespace

void FillWhiskRow(const ActionFigures& figures, const WhiskLimits& limits, SimTime slo_latency,
                  const WhiskAssumedSpec& assumed, size_t slot, FunctionWindows& w,
                  WindowHistograms& histograms) {
  ClearRow(slot, w);
  w.arrivals[slot] = figures.arrivals;
  w.completions[slot] = figures.completions;
  w.failures[slot] = figures.failures;
  w.timeouts[slot] = figures.timeouts;
  w.cold_starts[slot] = figures.cold_starts;
  w.containers_started[slot] = figures.containers_started;
  w.slo_violations[slot] = figures.failures + figures.timeouts;
  w.in_flight[slot] = figures.in_flight;
  w.mean_in_flight[slot] = figures.mean_in_flight;
  w.queued[slot] = WholeRequests(figures.mean_queued);
  w.mean_queued[slot] = figures.mean_queued;
  w.containers_ready[slot] = figures.containers;
  w.memory_used_mebibytes[slot] =
      static_cast<double>(figures.containers) * static_cast<double>(limits.memory.value());
  w.cpu_limit[slot] = assumed.cpu;
  w.memory_limit[slot] = limits.memory;
  w.concurrency_limit[slot] = limits.concurrency;
  w.slo_latency[slot] = slo_latency;
  if (figures.duration_seconds) {
    FillFromCounters(figures, slo_latency, slot, w);
  } else {
    FillTimes(figures, slo_latency, slot, w, histograms);
  }
}

}  // namespace reeve
