#include "agents/adapt/fallback_settings.h"

namespace reeve {
namespace {

template <class T>
void Override(std::optional<T>& older, const std::optional<T>& newer) {
  if (newer) older = newer;
}

}  // namespace

void FallbackSettings::Begin(const Snapshot& snapshot) {
  const FunctionWindows& w = snapshot.functions;
  settings_.assign(w.size(), Decision());
  touched_.assign(w.size(), 0);
  for (size_t f = 0; f < w.size(); ++f) {
    Decision& s = settings_[f];
    s.replicas = static_cast<int32_t>(w.replicas_asked[f]);
    // A platform that shows no limit has none that could be put back.
    if (w.cpu_limit[f] > Millicores()) s.cpu_limit = w.cpu_limit[f];
    if (w.memory_limit[f] > Mebibytes()) s.memory_limit = w.memory_limit[f];
    s.concurrency = w.concurrency_limit[f];
    if (keep_alive_ > SimTime()) s.keep_alive = keep_alive_;
  }
}

void FallbackSettings::NoteOne(FunctionId function, const Decision& fallback) {
  Decision& s = settings_[function.index()];
  Override(s.replicas, fallback.replicas);
  Override(s.cpu_limit, fallback.cpu_limit);
  Override(s.memory_limit, fallback.memory_limit);
  Override(s.concurrency, fallback.concurrency);
  Override(s.keep_alive, fallback.keep_alive);
}

void FallbackSettings::Note(std::span<const Decision> fallback) {
  for (uint32_t f = 0; f < fallback.size(); ++f) NoteOne(FunctionId(f), fallback[f]);
}

void FallbackSettings::PassLearner(size_t f, Decision& decision) {
  const Decision& s = settings_[f];
  const auto pass = [&](auto& field, const auto& before, Field mark) {
    if (!field) return;
    if (before) {
      touched_[f] = static_cast<uint8_t>(touched_[f] | mark);
    } else {
      field.reset();
    }
  };
  pass(decision.replicas, s.replicas, kReplicas);
  pass(decision.cpu_limit, s.cpu_limit, kCpu);
  pass(decision.memory_limit, s.memory_limit, kMemory);
  pass(decision.concurrency, s.concurrency, kConcurrency);
  pass(decision.keep_alive, s.keep_alive, kKeepAlive);
}

void FallbackSettings::Restore(size_t f, Decision& decision) const {
  const Decision& s = settings_[f];
  const auto restore = [&](auto& field, const auto& before, Field mark) {
    if (!field && (touched_[f] & mark) != 0) field = before;
  };
  restore(decision.replicas, s.replicas, kReplicas);
  restore(decision.cpu_limit, s.cpu_limit, kCpu);
  restore(decision.memory_limit, s.memory_limit, kMemory);
  restore(decision.concurrency, s.concurrency, kConcurrency);
  restore(decision.keep_alive, s.keep_alive, kKeepAlive);
}

}  // namespace reeve
