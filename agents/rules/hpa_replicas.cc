#include "agents/rules/hpa_replicas.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

// Amounts beyond this say no more than "too much"; their sums stay exact.
constexpr double kMost = 1e15;

int64_t Thousandths(double value) {
  return std::llround(std::clamp(value * 1000, 0.0, kMost));
}

int32_t CeilToInt32(double value) {
  return static_cast<int32_t>(
      std::clamp(std::ceil(value), 0.0, static_cast<double>(std::numeric_limits<int32_t>::max())));
}

bool Within(HpaTolerance tolerance, double ratio) {
  return 1 - tolerance.down <= ratio && ratio <= 1 + tolerance.up;
}

// Average / target of `pods` pods that use `total` thousandths.
double Ratio(int64_t total, int64_t pods, int64_t request, double target) {
  if (request > 0) {
    // As doubles: the product of two large amounts leaves 64 bits.
    const double requested = static_cast<double>(request) * static_cast<double>(pods);
    const double percent = std::floor(static_cast<double>(total) * 100 / requested);
    return percent / target;
  }
  return static_cast<double>(total / pods) / static_cast<double>(Thousandths(target));
}

}  // namespace

std::optional<int32_t> HpaReplicas(const HpaUsage& usage, double target, HpaTolerance tolerance,
                                   int32_t current) {
  if (usage.measured <= 0) return std::nullopt;
  const int64_t request = Thousandths(usage.request);
  if (usage.request > 0 && request == 0) return std::nullopt;
  int64_t total = Thousandths(usage.total);
  int64_t pods = usage.measured;
  const double ratio = Ratio(total, pods, request, target);
  const bool count_unready = usage.unready > 0 && ratio > 1;
  if (!count_unready && usage.missing <= 0) {
    if (Within(tolerance, ratio)) return current;
    return CeilToInt32(ratio * static_cast<double>(pods));
  }
  // At the target exactly, missing pods of a percentage are left out, those of an amount count as
  // 0.
  if (usage.missing > 0 && (ratio != 1 || request == 0)) {
    const double full = request > 0 ? static_cast<double>(request) * std::max(100.0, target) / 100
                                    : static_cast<double>(Thousandths(target));
    const double more = std::floor(full) * usage.missing;
    if (ratio < 1) total += static_cast<int64_t>(std::min(more, kMost));
    pods += usage.missing;
  }
  if (count_unready) pods += usage.unready;
  const double again = Ratio(total, pods, request, target);
  if (Within(tolerance, again) || (ratio < 1 && again > 1) || (ratio > 1 && again < 1)) {
    return current;
  }
  const int32_t replicas = CeilToInt32(again * static_cast<double>(pods));
  if ((again < 1 && replicas > current) || (again > 1 && replicas < current)) return current;
  return replicas;
}

int32_t HpaExternalReplicas(double total, double target, HpaTolerance tolerance, int32_t current) {
  const double usage = static_cast<double>(Thousandths(total));
  const double each = static_cast<double>(std::max<int64_t>(1, Thousandths(target)));
  if (Within(tolerance, usage / (each * current))) return current;
  return CeilToInt32(usage / each);
}

}  // namespace reeve
