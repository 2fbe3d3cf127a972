// Whose decision counts for a function, and what of it reaches the platform.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/control_loop.h"
#include "core/status.h"

namespace reeve {

void ControlLoop::Choose(TickRecord& record) {
  for (size_t i = 0; i < records_.size(); ++i) ChooseFor(i, record);
}

void ControlLoop::ChooseFor(size_t index, const TickRecord& tick) {
  const size_t at = functions_->slot(index);
  Slot& slot = slots_[at];
  FunctionRecord& record = records_[index];
  record = FunctionRecord{};
  record.slot = static_cast<uint32_t>(at);
  record.mode = modes_.Of(functions_->tenants()[index]);
  record.stage = slot.trust.stage();
  record.actuation = platform_.Status()[at].actuation;
  record.ours = slot.ours;
  record.sound = sound_[index] != 0;
  record.led = tick.acting && Led(at);
  // What another instance wrote meanwhile is not known: the next decision is written whole.
  if (record.led && !std::exchange(slot.led, record.led)) writes_.Forget(at);
  slot.led = record.led;
  if (record.mode.mode == ControlMode::kOff) {
    record.why = "off";
    return;
  }
  TrustStage stage = record.stage;
  // Nobody to hand back to.
  if (stage == TrustStage::kHandedBack && !can_.hand_back && slot.ours) {
    stage = TrustStage::kFallback;
  }
  switch (stage) {
    case TrustStage::kTrusted:
      record.wished = wished_[index];
      record.decider =
          policy_.by_safeguard && policy_.by_safeguard(FunctionId(static_cast<uint32_t>(index)))
              ? Decider::kSafeguard
              : Decider::kPolicy;
      break;
    case TrustStage::kHold:
      record.decider = Decider::kHold;
      record.why = slot.fault;
      break;
    case TrustStage::kFallback:
      record.decider = fallback_failed_ ? Decider::kHold : Decider::kFallback;
      record.wished = fallback_wished_[index];
      record.why = slot.fault.empty() ? "not_yet_trusted" : slot.fault;
      break;
    case TrustStage::kHandedBack:
      record.why = slot.fault.empty() ? "not_yet_trusted" : slot.fault;
      break;
  }
  if (record.mode.mode == ControlMode::kShadow) {
    record.why = "shadow";
  } else if (record.mode.paused) {
    record.why = "paused";
  } else if (!record.led) {
    record.why = "not_leading";
  }
}

bool ControlLoop::Wanted(const FunctionRecord& record) const {
  return record.mode.mode == ControlMode::kActive &&
         (record.stage != TrustStage::kHandedBack || (record.ours && !can_.hand_back));
}

void ControlLoop::Act(TickRecord& record, SimTime deadline) {
  const SimTime begin = clock_.Now();
  record.overrun = begin > deadline;
  if (record.acting) {
    HandBackOwed(record);
    if (!record.overrun) {
      TakeOverNew(record);
      Apply(record);
    }
  }
  if (record.overrun) {
    for (FunctionRecord& function : records_) {
      if (function.why.empty()) function.why = "late";
    }
  }
  record.apply = clock_.Now() - begin;
}

void ControlLoop::HandBackOwed(TickRecord& record) {
  if (!can_.hand_back) return;
  std::vector<FunctionId> back;
  for (const FunctionRecord& function : records_) {
    Slot& slot = slots_[function.slot];
    if (!slot.ours || !function.led || function.mode.paused || Wanted(function)) {
      slot.hand_back_tried = false;
      continue;
    }
    if (slot.hand_back_tried && record.time - slot.hand_back_at < spec_.writes.retry) continue;
    slot.hand_back_tried = true;
    slot.hand_back_at = record.time;
    back.emplace_back(function.slot);
  }
  if (back.empty()) return;
  const absl::Status status = platform_.HandBack(back);
  Tell({.kind = EventKind::kHandBack,
        .warning = !status.ok(),
        .message = status.ok() ? fmt::format("{} functions handed back", back.size())
                               : "cannot hand back: " + MessageOf(status)});
  if (!status.ok()) return;
  record.handed_back = back.size();
  for (const FunctionId function : back) {
    slots_[function.index()].ours = false;
    slots_[function.index()].hand_back_tried = false;
    writes_.Forget(function.index());
  }
  for (FunctionRecord& function : records_) function.ours = slots_[function.slot].ours;
}

void ControlLoop::TakeOverNew(TickRecord& record) {
  std::vector<FunctionId> taken;
  for (const FunctionRecord& function : records_) {
    // Not on numbers that are bad just now: what is would have to be known to be held.
    if (!function.ours && function.led && !function.mode.paused && Wanted(function) &&
        function.stage == TrustStage::kTrusted) {
      taken.emplace_back(function.slot);
    }
  }
  if (taken.empty()) return;
  const absl::Status status = platform_.TakeOver(taken);
  if (!status.ok()) {
    if (!std::exchange(take_over_failing_, true)) {
      Tell({.kind = EventKind::kTakeOver,
            .warning = true,
            .message = "cannot take over: " + MessageOf(status)});
    }
    return;
  }
  take_over_failing_ = false;
  record.taken_over = taken.size();
  for (const FunctionId function : taken) slots_[function.index()].ours = true;
  for (FunctionRecord& function : records_) function.ours = slots_[function.slot].ours;
  Tell({.kind = EventKind::kTakeOver,
        .message = fmt::format("{} functions taken over", taken.size())});
}

void ControlLoop::Apply(TickRecord& record) {
  const Catalogue& catalogue = platform_.catalogue();
  const std::span<const FunctionStatus> status = platform_.Status();
  std::fill(decisions_.begin(), decisions_.end(), Decision{});
  bool any = false;
  for (FunctionRecord& function : records_) {
    if (!function.ours || !function.led || function.mode.paused || !Wanted(function)) {
      if (function.why.empty() && Wanted(function)) function.why = "not_taken_over";
      continue;
    }
    if (function.decider != Decider::kPolicy && function.decider != Decider::kSafeguard &&
        function.decider != Decider::kFallback) {
      continue;
    }
    const size_t slot = function.slot;
    const WriteFilter::Result result =
        writes_.Filter(slot, function.wished, catalogue.functions[slot], status[slot],
                       live_.functions.replicas_asked[slot], record.time);
    if (function.why.empty()) function.why = result.held;
    decisions_[slot] = result.write;
    any = any || result.write != Decision{};
  }
  if (!any) return;
  const absl::Status applied = platform_.Apply(decisions_);
  const bool failed_before = std::exchange(apply_failing_, !applied.ok());
  if (!applied.ok() && !failed_before) {
    Tell({.kind = EventKind::kPlatform,
          .warning = true,
          .message = "cannot apply: " + MessageOf(applied)});
  } else if (applied.ok() && failed_before) {
    Tell({.kind = EventKind::kPlatform, .message = "decisions are applied again"});
  }
  for (FunctionRecord& function : records_) {
    const Decision& decision = decisions_[function.slot];
    if (decision == Decision{}) continue;
    const std::string_view failure = NoteOutcome(function.slot, decision, applied, record.time);
    if (failure.empty()) {
      function.applied = decision;
    } else {
      function.why = failure;
    }
  }
}

std::string_view ControlLoop::NoteOutcome(size_t slot, const Decision& decision,
                                          const absl::Status& applied, SimTime now) {
  const FunctionStatus& status = platform_.Status()[slot];
  if (applied.ok() && !status.not_carried_out) {
    writes_.NoteCarriedOut(slot, decision, now);
    return "";
  }
  if (applied.ok() && status.actuation == Actuation::kRefused) {
    writes_.NoteRefused(slot, decision, now);
    return "refused";
  }
  writes_.NoteFailed(slot, decision);
  return "apply_failed";
}

// ---- functions from zero

Decision ControlLoop::WakeDecision(size_t at, SimTime now) {
  Decision decision;
  if (!functions_ || at >= slots_.size() || !slots_[at].ours || !Led(at)) return decision;
  const std::optional<size_t> index = functions_->index(at);
  if (!index) return decision;
  const FunctionId function(static_cast<uint32_t>(*index));
  const bool paused = modes_.Of(functions_->tenants()[*index]).paused;
  const TrustStage stage = slots_[at].trust.stage();
  if (!paused && stage == TrustStage::kTrusted && policy_.policy) {
    policy_.policy->Wake(function, now + policy_shift_, decision);
  } else if (!paused && stage == TrustStage::kFallback && fallback_.policy) {
    fallback_.policy->Wake(function, now + policy_shift_, decision);
  } else {
    decision.replicas = 1;  // whatever is held: a request that waits gets its first container
  }
  decision = writes_.Possible(decision, platform_.catalogue().functions[at]);
  if (decision != Decision{}) ++wakes_;
  return decision;
}

void ControlLoop::HandlePokes() {
  std::vector<size_t> pokes;
  {
    const std::lock_guard lock(mutex_);
    pokes.swap(pokes_);
  }
  if (pokes.empty() || !functions_ || !platform_.MayAct()) return;
  std::fill(decisions_.begin(), decisions_.end(), Decision{});
  bool any = false;
  for (const size_t slot : pokes) {
    if (slot >= decisions_.size()) continue;
    decisions_[slot] = WakeDecision(slot, live_.time);
    any = any || decisions_[slot] != Decision{};
  }
  if (!any) return;
  // Of what fails the next tick's decision tells.
  const absl::Status applied = platform_.Apply(decisions_);
  for (size_t slot = 0; slot < decisions_.size(); ++slot) {
    if (decisions_[slot] != Decision{}) {
      NoteOutcome(slot, decisions_[slot], applied, clock_.Now());
    }
  }
}

// ---- the end

absl::Status ControlLoop::HandBackAtEnd() {
  if (spec_.on_stop == OnStop::kKeep || !can_.hand_back || !platform_.MayAct()) {
    return absl::OkStatus();
  }
  std::vector<FunctionId> ours;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].ours && Led(slot)) ours.emplace_back(static_cast<uint32_t>(slot));
  }
  if (ours.empty()) return absl::OkStatus();
  absl::Status status;
  constexpr int kTries = 3;
  constexpr SimTime kHandBackAtMost = SimTime::Minutes(1);
  const SimTime begin = clock_.Now();
  for (int failed = 0; failed < kTries;) {
    status = platform_.HandBack(ours);
    if (status.ok()) {
      Tell({.kind = EventKind::kHandBack,
            .message = fmt::format("{} functions handed back at the end", ours.size())});
      for (const FunctionId function : ours) slots_[function.index()].ours = false;
      return status;
    }
    // One that only had no time for all of them goes on where it was.
    if (absl::IsCancelled(status) && clock_.Now() - begin < kHandBackAtMost) continue;
    if (++failed < kTries) clock_.WaitUntil(clock_.Now() + SimTime::Seconds(1));
  }
  return absl::Status(status.code(), "not handed back: " + MessageOf(status));
}

}  // namespace reeve
