#include "agents/adapt/bounded_policy.h"

#include <algorithm>

#include "core/status.h"

namespace reeve {
namespace {

template <class T>
absl::Status Ordered(const char* name, const std::optional<T>& least,
                     const std::optional<T>& most) {
  if (!least || !most || *least <= *most) return absl::OkStatus();
  return absl::InvalidArgumentError(std::string("min_") + name + ": it is more than max_" + name);
}

template <class T>
T Clamp(T value, const std::optional<T>& least, const std::optional<T>& most) {
  if (least) value = std::max(value, *least);
  if (most) value = std::min(value, *most);
  return value;
}

// `now` is in force.
template <class T>
void Hold(std::optional<T>& decided, T now, const std::optional<T>& least,
          const std::optional<T>& most) {
  const T held = Clamp(decided.value_or(now), least, most);
  if (decided || held != now) decided = held;
}

}  // namespace

absl::Status BoundsSpec::Validate() const {
  RETURN_IF_ERROR(Ordered("replicas", min_replicas, max_replicas));
  RETURN_IF_ERROR(Ordered("cpu", min_cpu, max_cpu));
  RETURN_IF_ERROR(Ordered("memory", min_memory, max_memory));
  return Ordered("keep_alive", min_keep_alive, max_keep_alive);
}

BoundedPolicy::BoundedPolicy(std::unique_ptr<Policy> inner, const BoundsSpec& spec)
    : inner_(std::move(inner)), spec_(spec) {}

absl::Status BoundedPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  RETURN_IF_ERROR(inner_->Decide(snapshot, decisions));
  const FunctionWindows& w = snapshot.functions;
  for (size_t f = 0; f < decisions.size(); ++f) {
    Decision& d = decisions[f];
    Hold(d.replicas, static_cast<int32_t>(w.replicas_asked[f]), spec_.min_replicas,
         spec_.max_replicas);
    Hold(d.cpu_limit, w.cpu_limit[f], spec_.min_cpu, spec_.max_cpu);
    Hold(d.memory_limit, w.memory_limit[f], spec_.min_memory, spec_.max_memory);
    if (d.keep_alive) {
      d.keep_alive = Clamp(*d.keep_alive, spec_.min_keep_alive, spec_.max_keep_alive);
    }
  }
  return absl::OkStatus();
}

void BoundedPolicy::Wake(FunctionId function, SimTime now, Decision& d) {
  inner_->Wake(function, now, d);
  if (d.replicas) d.replicas = Clamp(*d.replicas, spec_.min_replicas, spec_.max_replicas);
  if (d.cpu_limit) d.cpu_limit = Clamp(*d.cpu_limit, spec_.min_cpu, spec_.max_cpu);
  if (d.memory_limit) d.memory_limit = Clamp(*d.memory_limit, spec_.min_memory, spec_.max_memory);
  if (d.keep_alive) {
    d.keep_alive = Clamp(*d.keep_alive, spec_.min_keep_alive, spec_.max_keep_alive);
  }
}

}  // namespace reeve
