// How many containers of an action there are, from its activations: OpenWhisk tells nobody.
//
// An invoker gives an activation the container that became free last, and reclaims those that were
// idle for the keep-alive time. So the k-th container of an action lives as long as k were in use
// at once within that time: the count is the largest number in use at once within the last
// keep-alive time. It is not less than the number of containers that were started for activations
// which ended within it: these may be on several invokers, whose idle ones a request does not find.
//
// Too high where memory was short (the invoker ends idle containers earlier), too low by those that
// idle on other invokers; containers that start now are not in it. With `concurrency` c, ceil of
// the number in use over c.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/units.h"

namespace reeve {

// Times are of one clock, ms; they may come in any order. Memory: some bytes for each activation
// within keep-alive. Not thread-safe.
class WarmContainers {
 public:
  explicit WarmContainers(SimTime keep_alive) : keep_alive_ms_(keep_alive.micros() / 1000) {}

  // One began to be in use, and one is in use no more; `cold`: it was started for that.
  void Begin(int64_t ms) { Note(ms, 1, false); }
  void End(int64_t ms, bool cold) { Note(ms, -1, cold); }
  // The action was changed: what there was is not used again. Ends of what began before are not to
  // be told any more.
  void Clear();

  // At `now_ms`, which does not go back by more than a keep-alive time.
  uint32_t Count(int64_t now_ms, int32_t concurrency);
  // When at least `containers` were in use at once last (to the second, and as of the last Count);
  // nullopt: not within keep-alive. When they are used again before then plus keep-alive, that many
  // stay.
  std::optional<int64_t> LastInUse(uint32_t containers, int32_t concurrency) const;

 private:
  // A second.
  struct Bucket {
    std::vector<std::pair<int16_t, int8_t>> events;  // ms within it, and +1 or -1
    int32_t net = 0;                                 // their sum
    int32_t peak = 0;                                // largest sum of the first of them, or 0
    uint32_t cold = 0;                               // ends of those that were started
    bool sorted = true;
  };
  void Note(int64_t ms, int8_t change, bool cold);
  static void Sort(Bucket& bucket);

  const int64_t keep_alive_ms_;
  std::map<int64_t, Bucket> seconds_;
  int64_t base_ = 0;                    // in use before the first of them
  int64_t dropped_before_ = INT64_MIN;  // second: what is earlier is in base_
};

}  // namespace reeve
