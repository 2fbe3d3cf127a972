#include "agents/rules/ensure_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/status.h"

namespace reeve {

absl::Status EnsureOptions::Validate() const {
  if (min_cpu > max_cpu) {
    return absl::InvalidArgumentError(fmt::format("min_cpu: {} is more than max_cpu, which is {}",
                                                  min_cpu.value(), max_cpu.value()));
  }
  return absl::OkStatus();
}

void EnsurePolicy::Record(Function& function, uint32_t completions, double median_ms) {
  if (completions == 0 || !(median_ms > 0)) return;
  for (size_t i = 0; i < std::min<size_t>(completions, kWindow); ++i) {
    function.recent_ms[function.next] = median_ms;
    function.next = (function.next + 1) % kWindow;
    function.recorded = std::min<uint32_t>(function.recorded + 1, kWindow);
  }
  if (function.best_ms == 0 || median_ms < function.best_ms) function.best_ms = median_ms;
  function.sum_ms += median_ms * completions;
  function.invocations += completions;
  function.since_decision += completions;
}

double EnsurePolicy::Recent(const Function& function) {
  double sum = 0;
  for (size_t i = 0; i < function.recorded; ++i) sum += function.recent_ms[i];
  return sum / function.recorded;
}

absl::Status EnsurePolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  RETURN_IF_ERROR(clock_.Advance(snapshot, decisions.size(), functions_.size()).status());
  const FunctionWindows& windows = snapshot.functions;
  functions_.resize(windows.size());
  int64_t available =
      snapshot.cluster.cpu_capacity.value() - snapshot.cluster.cpu_limits.value();  // millicores
  for (size_t f = 0; f < windows.size(); ++f) {
    if (options_.replicas) decisions[f].replicas = options_.replicas;
    Function& function = functions_[f];
    Record(function, windows.completions[f], windows.execution_p50_ms[f]);
    if (function.invocations == 0) continue;
    const bool is_long = function.sum_ms / static_cast<double>(function.invocations) >
                         options_.long_execution.millis();
    const int32_t threshold = is_long ? options_.long_invocations : options_.short_invocations;
    if (function.since_decision < static_cast<uint64_t>(threshold)) continue;
    function.since_decision = 0;

    const int64_t cpu = windows.cpu_limit[f].value();
    const int64_t step =
        options_.cpu_step.value() * (is_long ? options_.long_steps : options_.short_steps);
    const int64_t containers =
        std::max<int64_t>(1, int64_t{windows.containers_ready[f]} + windows.containers_starting[f]);
    int64_t wanted = cpu;
    if (available <= step * containers) {
      wanted = cpu - step;
    } else if (Recent(function) / function.best_ms >= options_.latency_threshold) {
      wanted = cpu + step;
    } else {
      continue;
    }
    wanted = std::clamp(wanted, options_.min_cpu.value(), options_.max_cpu.value());
    if (wanted == cpu) continue;
    available -= (wanted - cpu) * containers;
    decisions[f].cpu_limit = Millicores(wanted);
  }
  return absl::OkStatus();
}

}  // namespace reeve
