#include "controller/write_filter.h"

#include <algorithm>

namespace reeve {
namespace {

// Holds a value within limits that may be missing; an owner's upper limit wins over the lower.
template <class T>
void HoldWithin(std::optional<T>& value, const std::optional<T>& least,
                const std::optional<T>& most) {
  if (!value) return;
  if (least) value = std::max(*value, *least);
  if (most) value = std::min(*value, *most);
}

template <class T>
void KeepChanged(std::optional<T>& field, const std::optional<T>& before) {
  if (field && before && *field == *before) field.reset();
}

bool IsTrouble(Actuation actuation) {
  return actuation == Actuation::kRefused || actuation == Actuation::kOverridden;
}

}  // namespace

Decision WriteFilter::Possible(Decision wished, const LiveFunction& function) const {
  if (!can_.replicas) wished.replicas.reset();
  if (!can_.cpu_limit) wished.cpu_limit.reset();
  if (!can_.memory_limit) wished.memory_limit.reset();
  if (!can_.concurrency) wished.concurrency.reset();
  if (!can_.keep_alive) wished.keep_alive.reset();
  if (wished.replicas) {
    const int32_t least = std::max(function.min_replicas, can_.scale_to_zero ? 0 : 1);
    wished.replicas = std::min(std::max(*wished.replicas, least), function.max_replicas);
  }
  HoldWithin(wished.cpu_limit, function.min_cpu, function.max_cpu);
  HoldWithin(wished.memory_limit, function.min_memory, function.max_memory);
  return wished;
}

WriteFilter::Result WriteFilter::Filter(size_t slot, const Decision& wished,
                                        const LiveFunction& function, const FunctionStatus& status,
                                        uint32_t replicas_now, SimTime now) const {
  const Function& f = functions_[slot];
  const Decision possible = Possible(wished, function);
  Result result{possible, ""};
  Decision& write = result.write;
  KeepChanged(write.replicas, f.written.replicas);
  KeepChanged(write.cpu_limit, f.written.cpu_limit);
  KeepChanged(write.memory_limit, f.written.memory_limit);
  KeepChanged(write.concurrency, f.written.concurrency);
  KeepChanged(write.keep_alive, f.written.keep_alive);

  if (write.replicas && f.replicas_changed) {
    const int32_t before = f.written.replicas.value_or(static_cast<int32_t>(replicas_now));
    const SimTime wait = *write.replicas > before ? spec_.cool_down_up : spec_.cool_down_down;
    if (now - f.replicas_at < wait) {
      write.replicas.reset();
      result.held = "cool_down";
    }
  }
  if (f.size_changed && now - f.size_at < spec_.cool_down_size &&
      (write.cpu_limit || write.memory_limit || write.concurrency)) {
    write.cpu_limit.reset();
    write.memory_limit.reset();
    write.concurrency.reset();
    result.held = "cool_down";
  }
  if (write == Decision{} && result.held.empty() && IsTrouble(status.actuation)) {
    // What was asked for is not what is: once more, and not at every tick.
    if (now - f.tried_at >= spec_.retry) {
      write = f.written;
    } else {
      result.held = status.actuation == Actuation::kRefused ? "refused" : "overridden";
    }
  }
  return result;
}

void WriteFilter::NoteWritten(size_t slot, const Decision& written, SimTime now) {
  Function& f = functions_[slot];
  if (written == Decision{}) return;
  f.tried_at = now;
  if (written.replicas && written.replicas != f.written.replicas) {
    f.written.replicas = written.replicas;
    f.replicas_at = now;
    f.replicas_changed = true;
  }
  const Decision before = f.written;
  if (written.cpu_limit) f.written.cpu_limit = written.cpu_limit;
  if (written.memory_limit) f.written.memory_limit = written.memory_limit;
  if (written.concurrency) f.written.concurrency = written.concurrency;
  if (written.keep_alive) f.written.keep_alive = written.keep_alive;
  if (before.cpu_limit != f.written.cpu_limit || before.memory_limit != f.written.memory_limit ||
      before.concurrency != f.written.concurrency) {
    f.size_at = now;
    f.size_changed = true;
  }
}

}  // namespace reeve
