#include "agents/rules/aimd_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/status.h"

namespace reeve {
namespace {

// `value` after one decision, whole units, within its bounds. Doubles are exact here: the bounds of
// every quantity are far below 2^53.
int64_t Next(int64_t value, bool missed, double factor, int64_t step, int64_t least, int64_t most) {
  const double grown = std::ceil(static_cast<double>(value) * factor);
  if (!missed) return std::clamp(value - step, least, most);
  return grown >= static_cast<double>(most) ? most
                                            : std::clamp(static_cast<int64_t>(grown), least, most);
}

absl::Status Ordered(const char* least_name, int64_t least, const char* most_name, int64_t most) {
  if (least <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{}: {} is more than {}, which is {}", least_name, least, most_name, most));
}

}  // namespace

absl::Status AimdOptions::Validate() const {
  RETURN_IF_ERROR(Ordered("min_cpu", min_cpu.value(), "max_cpu", max_cpu.value()));
  RETURN_IF_ERROR(Ordered("min_memory", min_memory.value(), "max_memory", max_memory.value()));
  return Ordered("min_replicas", min_replicas, "max_replicas", max_replicas);
}

void AimdPolicy::Change(const FunctionWindows& windows, size_t f, bool missed,
                        Decision& decision) const {
  const AimdOptions& o = options_;
  if (o.scale_cpu) {
    const int64_t cpu = windows.cpu_limit[f].value();
    const int64_t next = Next(cpu, missed, o.increase_factor, o.cpu_step.value(), o.min_cpu.value(),
                              o.max_cpu.value());
    if (next != cpu) decision.cpu_limit = Millicores(next);
  }
  if (o.scale_memory) {
    const int64_t memory = windows.memory_limit[f].value();
    const int64_t next = Next(memory, missed, o.increase_factor, o.memory_step.value(),
                              o.min_memory.value(), o.max_memory.value());
    if (next != memory) decision.memory_limit = Mebibytes(next);
  }
  if (o.scale_replicas) {
    const int64_t replicas = windows.replicas_asked[f];
    const int64_t next =
        Next(replicas, missed, o.increase_factor, o.replicas_step, o.min_replicas, o.max_replicas);
    if (next != replicas) decision.replicas = static_cast<int32_t>(next);
  }
}

absl::Status AimdPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  ASSIGN_OR_RETURN(const bool due, clock_.Advance(snapshot, decisions.size(), evidence_.size()));
  const FunctionWindows& windows = snapshot.functions;
  const size_t known = evidence_.size();
  evidence_.resize(windows.size());
  for (size_t f = 0; f < windows.size(); ++f) {
    Evidence& evidence = evidence_[f];
    evidence.ended += uint64_t{windows.completions[f]} + windows.failures[f] + windows.timeouts[f] +
                      windows.rejections[f];
    evidence.missed += windows.slo_violations[f];
    if (f >= known) {
      const auto replicas = static_cast<int64_t>(windows.replicas_asked[f]);
      if (options_.scale_replicas && replicas < options_.min_replicas) {
        decisions[f].replicas = options_.min_replicas;
      }
      continue;
    }
    if (!due) continue;
    const bool waiting = windows.queued[f] > 0 || windows.in_flight[f] > 0;
    if (evidence.ended > 0 || !waiting) {
      const bool missed = static_cast<double>(evidence.missed) >
                          options_.slo_violation_limit * static_cast<double>(evidence.ended);
      Change(windows, f, missed, decisions[f]);
    }
    evidence = {};
  }
  return absl::OkStatus();
}

void AimdPolicy::Wake(FunctionId function, SimTime, Decision& decision) {
  if (function.index() >= evidence_.size() || !options_.scale_replicas) return;
  decision.replicas = std::max(1, options_.min_replicas);
}

}  // namespace reeve
