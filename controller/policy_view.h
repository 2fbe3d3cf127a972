// What the policy is shown of a live platform: the functions that are there, in windows of the
// length it knows, on a time of its own, without numbers that cannot be true.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/live_platform.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// The present functions of a catalogue, numbered 0 .. N - 1 in the order of their slots.
// Not thread-safe.
class PolicyView {
 public:
  // For another generation. `period` is the length of the windows that the policy is to see.
  PolicyView(const Catalogue& catalogue, SimTime period);

  size_t size() const { return slots_.size(); }  // N
  size_t slot(size_t index) const { return slots_[index]; }
  // Where a slot's function is; nothing when it is absent.
  std::optional<size_t> index(size_t slot) const;
  const std::vector<std::string>& names() const { return names_; }      // [N]
  const std::vector<std::string>& tenants() const { return tenants_; }  // [N]

  // Fills `view` with the rows of `live` (F slots, fewer in windows of older catalogues: what is
  // missing is zero) and its cluster and time. Windows of another length are brought to `period`:
  // what differs by more than 2 % has its counts of events scaled; a policy that was trained on
  // periods of 2 s is shown what 2 s would have been. Histograms are passed on only where nothing
  // had to be changed.
  void Project(const Snapshot& live, Snapshot& view) const;

  // Puts the numbers of rows that are not `sound` [N] right: what is measured is as it was when it
  // was sound last (zero before that); what the control plane knows stays, if it can be. Remembers
  // sound rows.
  void Repair(std::span<const uint8_t> sound, Snapshot& view);

 private:
  const SimTime period_;
  bool whole_ = false;  // every slot is present
  std::vector<size_t> slots_;
  std::vector<std::optional<size_t>> indices_;  // [F]
  std::vector<std::string> names_, tenants_;
  FunctionWindows last_sound_;  // [N]
};

}  // namespace reeve
