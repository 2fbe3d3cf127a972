// What would be in force if the fallback had decided all along: what a learner changed and the
// fallback never mentions has to be put back when the fallback takes over.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/decision.h"
#include "core/ids.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// Not thread-safe. No allocation once the functions are known.
class FallbackSettings {
 public:
  // `keep_alive`: how long the platform keeps idle containers of which nobody said anything; a
  // snapshot does not show it. Zero: not known.
  explicit FallbackSettings(SimTime keep_alive) : keep_alive_(keep_alive) {}

  // The state before anyone decided.
  void Begin(const Snapshot& snapshot);
  // What the fallback decided, acting or not.
  void Note(std::span<const Decision> fallback);
  void NoteOne(FunctionId function, const Decision& fallback);

  // Takes out of a learner's decision what could not be put back (a keep-alive time where nobody
  // knows the one before), and remembers the rest. `decision` is about to be applied.
  void PassLearner(size_t function, Decision& decision);
  // Adds to a decision of the fallback what has to be put back.
  void Restore(size_t function, Decision& decision) const;

  // Set are all fields that are known.
  const Decision& of(size_t function) const { return settings_[function]; }

 private:
  enum Field : uint8_t { kReplicas = 1, kCpu = 2, kMemory = 4, kConcurrency = 8, kKeepAlive = 16 };

  const SimTime keep_alive_;
  std::vector<Decision> settings_;  // [F]
  std::vector<uint8_t> touched_;    // [F] set of Field: the learner changed it once
};

}  // namespace reeve
