#include "controller/prometheus/row_filling.h"

#include <algorithm>
#include <cmath>

namespace reeve {

uint32_t WholeRequests(double count) {
  if (!(count > 0)) return 0;
  return static_cast<uint32_t>(std::min(std::round(count), 4e9));
}

uint32_t WholeWithCarry(double count, double& carry) {
  const double exact = std::max(0.0, count) + carry;
  const double whole = std::floor(std::min(exact, 4e9));
  carry = std::min(exact - whole, 1.0);
  return static_cast<uint32_t>(whole);
}

void FillQuantiles(const CumulativeHistogram& seconds, size_t row, std::vector<float>& p50_ms,
                   std::vector<float>& p95_ms, std::vector<float>& p99_ms) {
  p50_ms[row] = static_cast<float>(1e3 * seconds.Quantile(0.5));
  p95_ms[row] = static_cast<float>(1e3 * seconds.Quantile(0.95));
  p99_ms[row] = static_cast<float>(1e3 * seconds.Quantile(0.99));
}

void FillFigures(const FunctionFigures& figures, SimTime slo_latency, size_t row,
                 FigureMemory& memory, FunctionWindows& w) {
  const uint32_t answered = WholeWithCarry(figures.completions, memory.completions_carry);
  const uint32_t failed =
      std::min(answered, WholeWithCarry(figures.failures, memory.failures_carry));
  w.completions[row] = answered - failed;
  w.failures[row] = failed;
  w.mean_in_flight[row] = figures.mean_in_flight;
  w.in_flight[row] = WholeRequests(figures.mean_in_flight);
  w.queued[row] = WholeRequests(figures.queued.value_or(0));
  w.mean_queued[row] = figures.queued.value_or(0);
  w.cpu_used_millicores[row] = figures.cpu_used_millicores.value_or(0);
  w.memory_used_mebibytes[row] = figures.memory_used_mebibytes.value_or(0);
  const uint32_t open = w.in_flight[row] + w.queued[row];
  w.arrivals[row] = answered + open >= memory.in_flight ? answered + open - memory.in_flight : 0;
  memory.in_flight = open;
  w.slo_violations[row] = failed;
  if (figures.latency_seconds) {
    FillQuantiles(*figures.latency_seconds, row, w.latency_p50_ms, w.latency_p95_ms,
                  w.latency_p99_ms);
    if (slo_latency != SimTime::Max()) {
      const uint32_t slow =
          WholeRequests(figures.latency_seconds->CountAbove(slo_latency.seconds()));
      w.slo_violations[row] += std::min(slow, w.completions[row]);
    }
  }
  if (figures.execution_seconds) {
    FillQuantiles(*figures.execution_seconds, row, w.execution_p50_ms, w.execution_p95_ms,
                  w.execution_p99_ms);
  }
}

}  // namespace reeve
