#include "agents/adapt/recovery_watch.h"

#include <algorithm>

#include "agents/adapt/safety_meter.h"

namespace reeve {

void RecoveryWatch::LearnerActs(const Snapshot& snapshot) {
  const FunctionWindows& w = snapshot.functions;
  recovered_ = false;
  learner_time_ = snapshot.time;
  healthy_since_ = SimTime::Max();
  owed_.resize(w.size());
  healthy_.assign(w.size(), 0);
  for (size_t f = 0; f < w.size(); ++f) {
    owed_[f] = static_cast<double>(w.queued[f]) + w.in_flight[f];
  }
}

bool RecoveryWatch::Healthy(const Snapshot& snapshot, std::span<const Decision> wishes,
                            size_t f) const {
  const FunctionWindows& w = snapshot.functions;
  const int32_t wish = wishes[f].replicas.value_or(0);
  return owed_[f] <= 0 && w.queued[f] <= queue_ &&
         w.containers_ready[f] >= static_cast<uint32_t>(std::max(wish, 0));
}

bool RecoveryWatch::AllWereHealthy(const Snapshot& snapshot, std::span<const Decision> wishes) {
  bool all = true;
  for (size_t f = 0; f < snapshot.functions.size(); ++f) {
    if (healthy_[f] != 0) continue;
    owed_[f] -= RequestsLeft(snapshot.functions, f);
    healthy_[f] = Healthy(snapshot, wishes, f) ? 1 : 0;
    all = all && healthy_[f] != 0;
  }
  return all;
}

bool RecoveryWatch::Settled(const Snapshot& snapshot) {
  if (healthy_since_ != SimTime::Max()) {
    const FunctionWindows& w = snapshot.functions;
    for (size_t f = 0; f < w.size(); ++f) {
      left_ += RequestsLeft(w, f);
      violations_ += w.slo_violations[f];
    }
    if (snapshot.time - healthy_since_ < spec_.settle) return false;
    if (violations_ <= spec_.healthy_share * left_) return true;
  }
  healthy_since_ = snapshot.time;
  left_ = violations_ = 0;
  return spec_.settle == SimTime();
}

bool RecoveryWatch::Add(const Snapshot& snapshot, std::span<const Decision> wishes) {
  if (recovered_) return true;
  if (!AllWereHealthy(snapshot, wishes) || !Settled(snapshot)) return false;
  SimTime keep_alive = spec_.keep_alive;
  for (const Decision& wish : wishes) {
    if (wish.keep_alive) keep_alive = std::max(keep_alive, *wish.keep_alive);
  }
  recovered_ = snapshot.time - learner_time_ >= keep_alive;
  return false;  // the window that ends now still was on the way
}

}  // namespace reeve
