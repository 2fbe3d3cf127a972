// The control loop: any policy on any live platform, tick by tick.
//
// A tick observes, decides whose numbers can be believed (trust.h), lets the policy and the
// fallback decide for all functions, chooses whose decision counts for each, and writes what
// changed (write_filter.h) for the tenants whose mode is active. Ticks are at start + k * period
// by the monotonic clock; one that could only begin after the next was due is left out.
//
// Nothing is done on numbers that are missing, stale or impossible, nothing by a policy that fails,
// nothing late: a tick that took longer than a period is thrown away before it is applied.
//
// A policy is made for the functions that are there. When functions come or go it is made anew, and
// the last windows are played to it, so that it knows the past; what it decides then is not
// applied. The same after a restart, from what was stored.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/live_platform.h"
#include "controller/loop_clock.h"
#include "controller/loop_records.h"
#include "controller/loop_spec.h"
#include "controller/policy_view.h"
#include "controller/tenant_modes.h"
#include "controller/trust.h"
#include "controller/write_filter.h"
#include "core/policy.h"

namespace reeve {

struct LivePolicy {
  std::unique_ptr<Policy> policy;
  // Whether the safeguard's fallback chose for this function at the last Decide; empty: there is no
  // safeguard.
  std::function<bool(FunctionId)> by_safeguard = {};
  // Told after each Decide which of its decisions are carried out [N]: none in shadow mode or while
  // it is shown the past, not those that were held back. Empty: nobody asks.
  std::function<void(std::span<const uint8_t>)> carried_out = {};
  // How its learning stands; empty: it does not learn.
  std::function<AdaptationNow()> adaptation = {};
};

// Makes the policy for these functions [N], with their tenants [N].
using LivePolicyMaker = std::function<absl::StatusOr<LivePolicy>(
    const std::vector<std::string>& functions, const std::vector<std::string>& tenants)>;

// A window of the past, with the functions it was of.
struct PastWindow {
  int64_t wall_us = 0;           // of its end, since 1970 UTC
  std::vector<std::string> ids;  // [rows] LiveFunction::id
  Snapshot snapshot;             // [rows]; its time does not matter
};

struct LoopOptions {
  LoopSpec spec;
  LivePolicyMaker make_policy;
  LivePolicyMaker make_fallback;    // for functions whose numbers are bad
  std::vector<PastWindow> history;  // of an earlier run, oldest first
  // Ids of functions that an earlier run had taken over and did not hand back.
  std::vector<std::string> left_taken;
  std::vector<LoopSink*> sinks;  // outlive the loop
};

// What an operator is shown. Plain data.
struct FunctionState {
  LiveFunction function;
  FunctionRecord record;
  Decision in_force;  // what of our decisions is
  uint32_t containers_ready = 0, containers_starting = 0, replicas_asked = 0;
  SimTime metrics_age;
  std::string detail;
};
struct LoopState {
  uint64_t ticks = 0, skipped = 0;
  int64_t wall_us = 0;  // of the last tick
  SimTime time;         // the same by the loop's clock
  bool observed = false, acting = false, policy_ready = false;
  std::optional<AdaptationNow> adaptation;  // of a policy that learns
  std::vector<FunctionState> functions;     // [N]
};

class ControlLoop {
 public:
  // `platform`, `modes` and `clock` outlive the loop.
  ControlLoop(LoopOptions options, LivePlatform& platform, TenantModes& modes, LoopClock& clock);
  ~ControlLoop();

  // Ticks until Stop, until `stop` (may be empty; asked a few times a second at most) says so, or
  // until the platform has ended; then hands back what is to be. Errors are those of handing back.
  // What goes wrong on the way is told to the sinks and does not end it. Once.
  absl::Status Run(const std::function<bool()>& stop = {});
  // Any thread, and more than once: Run ends soon.
  void Stop();

  // As of the last tick. Any thread; null before the first.
  std::shared_ptr<const LoopState> state() const;
  // Ids of the functions that are taken over; the loop's thread, or after Run.
  std::vector<std::string> Ours() const;
  // Any thread: the modes changed; the next tick says so. (It acts on them anyway.)
  void NoteModeChange(const std::string& tenant, const TenantMode& mode);

 private:
  struct Slot {
    FunctionTrust trust;
    std::string_view fault = "";  // why numbers are bad; empty: they are sound
    bool ours = false;
    bool led = false;              // MayActOn, at the last tick
    bool hand_back_tried = false;  // and failed, at hand_back_at
    SimTime hand_back_at;
  };
  struct HistoryEntry {
    SimTime time;       // the platform's
    Snapshot snapshot;  // [F] by slot, as many as there were
  };

  // A tick, in the order of its parts.
  void Tick(uint64_t tick, SimTime due, uint64_t skipped);
  void Observe(TickRecord& record);
  void Judge(const TickRecord& record);
  void Decide(TickRecord& record);
  void Choose(TickRecord& record);
  void Act(TickRecord& record, SimTime deadline);
  bool Led(size_t slot) const {
    return platform_.MayActOn(FunctionId(static_cast<uint32_t>(slot)));
  }
  void TellCarriedOut();
  void Finish(TickRecord& record);

  std::string_view ClusterFault(bool first, SimTime last) const;
  std::string_view FaultOf(const FunctionStatus& status, size_t slot) const;
  bool Ask(LivePolicy& policy, std::string_view what, std::span<Decision> decisions,
           bool failed_before);
  void ChooseFor(size_t index, const TickRecord& tick);
  bool Wanted(const FunctionRecord& record) const;  // to be ours, by mode and trust
  void HandBackOwed(TickRecord& record);
  void TakeOverNew(TickRecord& record);
  void Apply(TickRecord& record);
  // What became of a decision that Apply was given; why it was not carried out, or nothing.
  std::string_view NoteOutcome(size_t slot, const Decision& decision, const absl::Status& applied,
                               SimTime now);
  void Publish(const TickRecord& record);

  void OnCatalogue(uint64_t generation);
  void MakePolicies(SimTime now);
  void MakePoliciesAgain(SimTime now);
  void Replay();
  void SetHistory();
  void Remember();

  // Answers for functions from zero; empty when they are not ours.
  Decision WakeDecision(size_t slot, SimTime now);
  void HandlePokes();
  absl::Status HandBackAtEnd();

  void TellModeChanges();
  void TellChanges(const TickRecord& record);
  void Tell(EventRecord event);

  const LoopSpec spec_;
  const LivePolicyMaker make_policy_, make_fallback_;
  const std::vector<LoopSink*> sinks_;
  LivePlatform& platform_;
  TenantModes& modes_;
  LoopClock& clock_;
  const PlatformCapabilities can_;

  // The loop's thread only.
  // Until the first catalogue is known.
  std::vector<PastWindow> past_;
  std::vector<std::string> left_taken_;
  Snapshot live_, observed_;  // [F] by slot: the last that came, and where the next one goes
  Snapshot view_;             // [N] as the policy sees it
  uint64_t generation_ = 0;
  std::optional<PolicyView> functions_;  // unset before the first observation
  WriteFilter writes_;
  std::vector<Slot> slots_;                         // [F]
  std::vector<FunctionRecord> records_, before_;    // [N] of this tick and of the last
  std::vector<uint8_t> sound_, carried_out_;        // [N]
  std::vector<Decision> wished_, fallback_wished_;  // [N]
  std::vector<Decision> decisions_;                 // [F]
  LivePolicy policy_, fallback_;
  bool policy_failed_ = false, fallback_failed_ = false;
  SimTime policies_made_at_;
  SimTime policy_shift_;              // a policy's time is the platform's plus this
  std::deque<HistoryEntry> history_;  // oldest first
  std::string_view cluster_fault_ = "";
  bool last_observed_ = true, last_acting_ = true;
  bool apply_failing_ = false, take_over_failing_ = false;
  uint64_t wakes_ = 0, ticks_ = 0, skipped_ = 0;

  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::shared_ptr<const LoopState> state_;
  std::vector<size_t> pokes_;
  std::vector<std::pair<std::string, TenantMode>> mode_changes_;
};

}  // namespace reeve
