#include "agents/adapt/fallback_settings.h"

#include <algorithm>

namespace reeve {

void FallbackSettings::Begin(const Snapshot& snapshot) {
  const FunctionWindows& w = snapshot.functions;
  const size_t functions = w.size();
  known_.assign(functions, 0);
  touched_.assign(functions, 0);
  asked_.assign(functions, 0);
  replicas_.assign(functions, 0);
  cpu_.assign(functions, Millicores());
  memory_.assign(functions, Mebibytes());
  concurrency_.assign(functions, 0);
  keep_alives_.assign(functions, SimTime());
  for (size_t f = 0; f < functions; ++f) {
    Set(kReplicas, static_cast<int32_t>(w.replicas_asked[f]), f, replicas_);
    // A platform that shows no limit has none that could be put back.
    if (w.cpu_limit[f] > Millicores()) Set(kCpu, w.cpu_limit[f], f, cpu_);
    if (w.memory_limit[f] > Mebibytes()) Set(kMemory, w.memory_limit[f], f, memory_);
    Set(kConcurrency, w.concurrency_limit[f], f, concurrency_);
    if (keep_alive_ > SimTime()) Set(kKeepAlive, keep_alive_, f, keep_alives_);
  }
}

void FallbackSettings::NoteOne(FunctionId function, const Decision& fallback) {
  const size_t f = function.index();
  if (fallback.replicas) Set(kReplicas, *fallback.replicas, f, replicas_);
  if (fallback.cpu_limit) Set(kCpu, *fallback.cpu_limit, f, cpu_);
  if (fallback.memory_limit) Set(kMemory, *fallback.memory_limit, f, memory_);
  if (fallback.concurrency) Set(kConcurrency, *fallback.concurrency, f, concurrency_);
  if (fallback.keep_alive) Set(kKeepAlive, *fallback.keep_alive, f, keep_alives_);
}

void FallbackSettings::Note(std::span<const Decision> fallback) {
  longest_keep_alive_ = SimTime();
  for (uint32_t f = 0; f < fallback.size(); ++f) {
    longest_keep_alive_ = std::max(longest_keep_alive_, fallback[f].keep_alive.value_or(SimTime()));
    asked_[f] = std::max(fallback[f].replicas.value_or(0), 0);
    NoteOne(FunctionId(f), fallback[f]);
  }
}

void FallbackSettings::PassLearner(size_t f, Decision& decision) {
  const auto pass = [&](auto& field, Field mark) {
    if (!field) return;
    if ((known_[f] & mark) != 0) {
      touched_[f] = static_cast<uint8_t>(touched_[f] | mark);
    } else {
      field.reset();
    }
  };
  pass(decision.replicas, kReplicas);
  pass(decision.cpu_limit, kCpu);
  pass(decision.memory_limit, kMemory);
  pass(decision.concurrency, kConcurrency);
  pass(decision.keep_alive, kKeepAlive);
}

void FallbackSettings::Restore(size_t f, Decision& decision) const {
  const auto restore = [&](auto& field, const auto& before, Field mark) {
    if (!field && (touched_[f] & mark) != 0) field = before[f];
  };
  restore(decision.replicas, replicas_, kReplicas);
  restore(decision.cpu_limit, cpu_, kCpu);
  restore(decision.memory_limit, memory_, kMemory);
  restore(decision.concurrency, concurrency_, kConcurrency);
  restore(decision.keep_alive, keep_alives_, kKeepAlive);
}

Decision FallbackSettings::of(size_t f) const {
  Decision settings;
  if (Knows(f, kReplicas)) settings.replicas = replicas_[f];
  if (Knows(f, kCpu)) settings.cpu_limit = cpu_[f];
  if (Knows(f, kMemory)) settings.memory_limit = memory_[f];
  if (Knows(f, kConcurrency)) settings.concurrency = concurrency_[f];
  if (Knows(f, kKeepAlive)) settings.keep_alive = keep_alives_[f];
  return settings;
}

}  // namespace reeve
