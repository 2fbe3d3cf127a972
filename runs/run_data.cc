#include "runs/run_data.h"

#include "core/portable_math.h"

namespace reeve {

std::vector<QuantileRow> MakeQuantileRows(const RunHistogram& latency_us,
                                          const RunHistogram& execution_us,
                                          const RunHistogram& wait_us,
                                          const RunHistogram& slowdown_permille) {
  std::vector<QuantileRow> rows;
  if (latency_us.count() == 0) return rows;
  const auto at = [](const RunHistogram& h, double q, double unit) -> std::optional<double> {
    if (h.count() == 0) return std::nullopt;
    return h.Quantile(q) / unit;
  };
  const auto add = [&](double q) {
    rows.push_back({.quantile = q,
                    .latency_ms = at(latency_us, q, 1e3),
                    .execution_ms = at(execution_us, q, 1e3),
                    .wait_ms = at(wait_us, q, 1e3),
                    .slowdown = at(slowdown_permille, q, 1e3)});
  };
  // 1 % steps to 90 %, then ten steps in each decade of 1 - q.
  for (int percent = 1; percent <= 90; ++percent) add(percent / 100.0);
  double tail = 0.1;
  const double smallest = 1 / static_cast<double>(latency_us.count());
  while (tail / 10 >= smallest && tail > 1e-6) {
    for (int step = 9; step >= 1; --step) add(1 - tail * step / 10);
    tail /= 10;
  }
  return rows;
}

std::optional<double> GeometricMeanSlowdown(const std::vector<FunctionRow>& functions) {
  double sum = 0;
  uint64_t count = 0;
  for (const FunctionRow& row : functions) {
    if (!row.slowdown_p99 || *row.slowdown_p99 <= 0) continue;
    sum += PortableLog(*row.slowdown_p99);
    ++count;
  }
  if (count == 0) return std::nullopt;
  return PortableExp(sum / static_cast<double>(count));
}

std::vector<std::string> UnseenFields(const RunSummary& summary) {
  if (!summary.replay) return {};
  std::vector<std::string> unseen = {"containers_started", "container_seconds",
                                     "gb_seconds",         "container_utilisation",
                                     "cpu_utilisation",    "replica_changes_per_hour"};
  if (summary.replay->told == 0) {
    unseen.insert(unseen.end(), {"cold_starts", "cold_start_share"});
  }
  return unseen;
}

}  // namespace reeve
