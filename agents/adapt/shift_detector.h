// Which environment is this? From contexts (context.h), one a control period, to the environment in
// force: one that is known, or a new one.
//
//   ShiftDetector detector(spec, tracker.size());
//   tracker.Update(snapshot);
//   const Detection d = detector.Observe(snapshot.time, tracker.context());
//   if (d.changed) d.is_new ? library.Open(d.environment) : library.Recall(d.environment);
//
// A ShiftRule (by DetectorSpec::kind) judges each context by itself; around it, the same for all
// kinds, is what keeps a noisy minute from opening an environment:
//
// - An environment opens with the first context, and with whatever is new for long enough. For
//   `learn` it takes in everything. If by then (second half of that time) the contexts pass as
//   those of an older one, that one is in force again, and the new one keeps only what opened it.
// - Contexts that are judged to be of the environment in force are taken into its statistics; a
//   stretch of others is kept aside. Uncertain ones do neither.
// - A stretch is acted on when it has lasted `confirm`, its last half with one and the same
//   verdict, and the last change is `min_dwell` ago. If the verdict is a known environment and the
//   mean of the stretch passes as that one (EnvironmentBook::Passes), that one comes into force.
//   Else the mean is held against all that are known: where it passes as one of them it is that
//   one, be it the one in force (whose statistics then take the stretch in: it drifted) or one from
//   before (a season's return); what passes as none opens a new environment, from the stretch's
//   contexts. In this second case the environment in force is not left while the present context
//   by itself passes as it.
// - One context that is of the environment in force ends a stretch; so do uncertain ones for half
//   of `confirm`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "agents/adapt/detector_spec.h"
#include "agents/adapt/environment_book.h"
#include "agents/adapt/shift_rule.h"
#include "agents/adapt/state_vectors.h"
#include "core/units.h"

namespace reeve {

struct Detection {
  int64_t environment = kNoEnvironment;  // in force from now on; never kNoEnvironment after Observe
  bool changed = false;                  // it was another one (or none) before
  bool is_new = false;                   // with `changed`: it was never in force before
  bool learning = false;                 // it is new and takes in everything
  // How sure the rule is that the environment in force is the right one, by this context alone: its
  // confidence in it, or 1 - its confidence in another; 0.5 where it is uncertain.
  double confidence = 0;
  // What this context looks like by itself, before hysteresis.
  Judgement raw = Judgement::kUncertain;
  int64_t raw_environment = kNoEnvironment;  // with kKnown
};

// Not thread-safe. Deterministic: the same contexts give the same detections, to the bit.
class ShiftDetector {
 public:
  // `spec` has passed Validate(), and an oracle has its schedule; D dimensions, at least one.
  ShiftDetector(const DetectorSpec& spec, size_t dimensions);
  ~ShiftDetector();
  ShiftDetector(ShiftDetector&&) noexcept;
  ShiftDetector& operator=(ShiftDetector&&) noexcept;

  // `now` rises from call to call; `context` [D] is finite. No allocation.
  Detection Observe(SimTime now, std::span<const double> context);

  int64_t environment() const;  // in force; kNoEnvironment before the first Observe
  SimTime time() const;         // of the last Observe
  // All that are known, with what their contexts were like and how far they are apart.
  const EnvironmentBook& environments() const;

  // `from` becomes part of `into`; if it was in force, `into` is. NotFound for unknown ids;
  // InvalidArgument when they are the same.
  absl::Status Merge(int64_t into, int64_t from);
  // NotFound when unknown, FailedPrecondition when in force.
  absl::Status Forget(int64_t id);

  // Everything, under "book.", "rule." and "shift.". A restored detector goes on with the same
  // bits, if it has the same specification. Restore leaves it as it was unless it returns OK.
  void Save(StateVectors& state) const;
  absl::Status Restore(const StateVectors& state);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve
