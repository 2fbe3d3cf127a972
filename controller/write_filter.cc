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

template <class T>
bool Differs(const std::optional<T>& wanted, const std::optional<T>& before) {
  return wanted && wanted != before;
}

template <class T>
void TakeOver(std::optional<T>& field, const std::optional<T>& news) {
  if (news) field = news;
}

template <class T>
void ForgetTried(std::optional<T>& field, const std::optional<T>& tried) {
  if (tried) field.reset();
}

// visit(field of `to`, the same field of `from`), for each.
template <class Visit>
void VisitFields(Decision& to, const Decision& from, Visit&& visit) {
  visit(to.replicas, from.replicas);
  visit(to.cpu_limit, from.cpu_limit);
  visit(to.memory_limit, from.memory_limit);
  visit(to.concurrency, from.concurrency);
  visit(to.keep_alive, from.keep_alive);
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
  VisitFields(write, f.written,
              [](auto& field, const auto& before) { KeepChanged(field, before); });

  // To bring back what was carried out last is no change: something else may stand there only
  // because a write in between got no answer.
  if (write.replicas && f.replicas_changed && write.replicas != f.carried_out.replicas) {
    const int32_t before = f.carried_out.replicas.value_or(static_cast<int32_t>(replicas_now));
    const SimTime wait = *write.replicas > before ? spec_.cool_down_up : spec_.cool_down_down;
    if (now - f.replicas_at < wait) {
      write.replicas.reset();
      result.held = "cool_down";
    }
  }
  const bool resizes = Differs(write.cpu_limit, f.carried_out.cpu_limit) ||
                       Differs(write.memory_limit, f.carried_out.memory_limit) ||
                       Differs(write.concurrency, f.carried_out.concurrency);
  if (f.size_changed && now - f.size_at < spec_.cool_down_size && resizes) {
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

void WriteFilter::NoteCarriedOut(size_t slot, const Decision& written, SimTime now) {
  Function& f = functions_[slot];
  if (written == Decision{}) return;
  f.tried_at = now;
  const Decision before = f.carried_out;
  for (Decision* known : {&f.written, &f.carried_out}) {
    VisitFields(*known, written, [](auto& field, const auto& news) { TakeOver(field, news); });
  }
  if (before.replicas != f.carried_out.replicas) {
    f.replicas_at = now;
    f.replicas_changed = true;
  }
  if (before.cpu_limit != f.carried_out.cpu_limit ||
      before.memory_limit != f.carried_out.memory_limit ||
      before.concurrency != f.carried_out.concurrency) {
    f.size_at = now;
    f.size_changed = true;
  }
}

void WriteFilter::NoteFailed(size_t slot, const Decision& tried) {
  VisitFields(functions_[slot].written, tried,
              [](auto& field, const auto& of_it) { ForgetTried(field, of_it); });
}

void WriteFilter::NoteRefused(size_t slot, const Decision& refused, SimTime now) {
  Function& f = functions_[slot];
  f.tried_at = now;
  VisitFields(f.written, refused, [](auto& field, const auto& news) { TakeOver(field, news); });
}

}  // namespace reeve
