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
  Decision of(size_t function) const;
  bool KnowsKeepAlive(size_t function) const { return Knows(function, kKeepAlive); }
  // [F] Containers that the fallback asked for at the last Note; 0 where it left them as they were.
  std::span<const int32_t> asked() const { return asked_; }
  // The longest that it asked for then; zero: none.
  SimTime longest_keep_alive() const { return longest_keep_alive_; }

 private:
  enum Field : uint8_t { kReplicas = 1, kCpu = 2, kMemory = 4, kConcurrency = 8, kKeepAlive = 16 };

  bool Knows(size_t function, Field field) const { return (known_[function] & field) != 0; }
  template <class T>
  void Set(Field field, const T& value, size_t function, std::vector<T>& column) {
    column[function] = value;
    known_[function] = static_cast<uint8_t>(known_[function] | field);
  }

  const SimTime keep_alive_;
  std::vector<uint8_t> known_;    // [F] set of Field
  std::vector<uint8_t> touched_;  // [F] set of Field: the learner changed it once
  std::vector<int32_t> asked_;    // [F]
  SimTime longest_keep_alive_;
  // [F] each, column by column: a fallback mentions one or two of them, for thousands of functions.
  std::vector<int32_t> replicas_;
  std::vector<Millicores> cpu_;
  std::vector<Mebibytes> memory_;
  std::vector<int32_t> concurrency_;
  std::vector<SimTime> keep_alives_;
};

}  // namespace reeve
