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

}  // namespace reeve
