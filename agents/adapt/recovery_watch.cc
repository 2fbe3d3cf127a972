#include "agents/adapt/recovery_watch.h"

#include <algorithm>
#include <cmath>

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
    owed_[f] = int64_t{w.queued[f]} + w.in_flight[f];
  }
}

// A function is healthy once what was there under the learner has left, no more wait than the
// fallback would leave waiting, and it has the containers that the fallback wished for. Whole
// numbers and no branch: this is done for every function in every period that a learner drives.
bool RecoveryWatch::AllWereHealthy(const Snapshot& snapshot, std::span<const int32_t> asked) {
  const FunctionWindows& w = snapshot.functions;
  const auto queue = static_cast<uint32_t>(std::clamp(std::floor(queue_), 0.0, 4e9));
  uint8_t all = 1;
  for (size_t f = 0; f < w.size(); ++f) {
    const int64_t left =
        int64_t{w.completions[f]} + w.failures[f] + w.timeouts[f] + w.rejections[f];
    owed_[f] -= healthy_[f] != 0 ? 0 : left;
    const bool repaired = owed_[f] <= 0;
    const bool few_wait = w.queued[f] <= queue;
    const bool as_asked = w.containers_ready[f] >= static_cast<uint32_t>(asked[f]);
    const bool now = repaired & few_wait & as_asked;
    healthy_[f] = static_cast<uint8_t>(healthy_[f] | static_cast<uint8_t>(now));
    all &= healthy_[f];
  }
  return all != 0;
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

bool RecoveryWatch::Add(const Snapshot& snapshot, std::span<const int32_t> asked,
                        SimTime keep_alive) {
  if (recovered_) return true;
  if (!AllWereHealthy(snapshot, asked) || !Settled(snapshot)) return false;
  recovered_ = snapshot.time - learner_time_ >= std::max(spec_.keep_alive, keep_alive);
  return false;  // the window that ends now still was on the way
}

}  // namespace reeve
