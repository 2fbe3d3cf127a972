#include "controller/openwhisk/limit_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

// A limit without a value of its own is without limit.
double Instances(const WhiskLimits& limits) {
  return limits.instances ? static_cast<double>(*limits.instances)
                          : std::numeric_limits<double>::infinity();
}

bool ChangesBy(double share, double before, double after) {
  if (before == after) return false;
  if (!std::isfinite(before) || !std::isfinite(after)) return true;
  return std::abs(after - before) >= share * before;
}

bool AnyChangesBy(double share, const WhiskLimits& now, const WhiskLimits& wanted) {
  return ChangesBy(share, static_cast<double>(now.memory.value()),
                   static_cast<double>(wanted.memory.value())) ||
         ChangesBy(share, now.concurrency, wanted.concurrency) ||
         ChangesBy(share, Instances(now), Instances(wanted));
}

// At best, in GiB-seconds; infinite where there is nothing to weigh.
double Gain(const ChangeContext& c, const WhiskChangesSpec& spec) {
  const double horizon = spec.horizon.seconds();
  const double containers = c.containers;
  const double busy_price = c.rate_rps * c.execution_s * horizon * spec.wait_price;
  double gain = 0;
  const double memory = c.now.memory.gib(), memory_then = c.wanted.memory.gib();
  if (memory_then < memory) gain += (memory - memory_then) * containers * horizon;
  if (memory_then > memory) {
    if (c.failing) return std::numeric_limits<double>::infinity();
    gain += busy_price * (1 - memory / memory_then);
  }
  const double concurrency = c.now.concurrency, concurrency_then = c.wanted.concurrency;
  if (concurrency_then > concurrency) {
    gain += memory * containers * (1 - concurrency / concurrency_then) * horizon;
  }
  if (concurrency_then < concurrency) gain += busy_price * (1 - concurrency_then / concurrency);
  const double instances = Instances(c.now), instances_then = Instances(c.wanted);
  if (instances_then < instances) {
    gain += memory * std::max(0.0, containers - instances_then) * horizon;
  }
  if (instances_then > instances && c.in_flight >= instances * concurrency) {
    return std::numeric_limits<double>::infinity();
  }
  return gain;
}

template <class T>
T HeldWithin(T value, std::optional<T> least, std::optional<T> most) {
  if (least) value = std::max(value, *least);
  if (most) value = std::min(value, *most);
  return value;
}

}  // namespace

ChangeVerdict JudgeChange(const ChangeContext& c, const WhiskChangesSpec& spec,
                          SimTime keep_alive) {
  ChangeVerdict verdict;
  if (c.now == c.wanted) return verdict;
  verdict.cost_gib_s =
      c.containers * (c.cold_start_s * spec.wait_price + keep_alive.seconds() * c.now.memory.gib());
  verdict.gain_gib_s = Gain(c, spec);
  if (c.since_last_change < spec.least_interval) {
    verdict.why =
        fmt::format("the last change is {:.0f} s ago, and changes.least_interval {:.0f} s",
                    c.since_last_change.seconds(), spec.least_interval.seconds());
  } else if (!AnyChangesBy(spec.least_change, c.now, c.wanted)) {
    verdict.why =
        fmt::format("it changes by less than changes.least_change, {:g}", spec.least_change);
  } else if (spec.must_pay && verdict.gain_gib_s < verdict.cost_gib_s) {
    verdict.why = fmt::format(
        "it costs {} cold starts, {:.1f} GiB-s in all, and gains {:.1f} at most in {:.0f} s",
        c.containers, verdict.cost_gib_s, verdict.gain_gib_s, spec.horizon.seconds());
  } else {
    verdict.change = true;
  }
  return verdict;
}

std::optional<Mebibytes> ChooseSize(Mebibytes memory, const std::vector<Mebibytes>& sizes,
                                    const WhiskBounds& bounds) {
  std::optional<Mebibytes> chosen;
  for (const Mebibytes size : sizes) {  // rising
    if (HeldWithin(size, bounds.min_memory, bounds.max_memory) != size) continue;
    chosen = size;
    if (size >= memory) break;
  }
  return chosen;
}

int32_t ChooseConcurrency(int32_t concurrency, const WhiskBounds& bounds) {
  // 0: as many as may be.
  const int32_t wanted = concurrency > 0 ? concurrency : std::numeric_limits<int32_t>::max();
  const int32_t most = bounds.max_concurrency.value_or(concurrency > 0 ? wanted : 1);
  return std::max(1, HeldWithin(wanted, bounds.min_concurrency, std::optional(most)));
}

int32_t ChooseInstances(int32_t instances, const WhiskBounds& bounds) {
  return std::max(1, HeldWithin(instances, std::optional(1), bounds.max_instances));
}

}  // namespace reeve
