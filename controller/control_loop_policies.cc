// Policies for the functions that are there: made, and shown the past.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "controller/control_loop.h"
#include "controller/window_rows.h"
#include "core/status.h"

namespace reeve {

void ControlLoop::OnCatalogue(uint64_t generation) {
  const Catalogue& catalogue = platform_.catalogue();
  const size_t before = functions_ ? functions_->size() : 0;
  const bool first = !functions_;
  generation_ = generation;
  slots_.resize(catalogue.functions.size());
  writes_.Resize(slots_.size());
  decisions_.resize(slots_.size());
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (catalogue.functions[slot].present) continue;
    slots_[slot] = Slot{};
    writes_.Forget(slot);
  }
  functions_.emplace(catalogue, spec_.period);
  const size_t n = functions_->size();
  records_.assign(n, FunctionRecord{});
  sound_.assign(n, 0);
  carried_out_.assign(n, 0);
  wished_.assign(n, Decision{});
  fallback_wished_.assign(n, Decision{});
  if (first) SetHistory();
  Tell({.kind = EventKind::kCatalogue,
        .message = first ? fmt::format("{} functions", n)
                         : fmt::format("{} functions, {} before", n, before)});
  MakePolicies(clock_.Now());
}

void ControlLoop::MakePoliciesAgain(SimTime now) {
  // Not at every tick: making one may read files.
  if (now - policies_made_at_ < std::max(spec_.period, SimTime::Seconds(30))) return;
  MakePolicies(now);
  if (functions_->size() == 0) return;
  view_.time = live_.time + policy_shift_;
}

void ControlLoop::MakePolicies(SimTime now) {
  policies_made_at_ = now;
  policy_ = {};
  fallback_ = {};
  policy_shift_ = std::max(SimTime(), live_.window - live_.time);
  if (functions_->size() == 0) return;
  const auto make = [&](const LivePolicyMaker& maker, const char* what, LivePolicy& policy) {
    absl::StatusOr<LivePolicy> made = maker(functions_->names(), functions_->tenants());
    if (made.ok()) {
      policy = *std::move(made);
    } else {
      Tell({.kind = EventKind::kPolicy,
            .warning = true,
            .message = fmt::format("cannot make {}: {}", what, MessageOf(made.status()))});
    }
  };
  make(make_policy_, "the policy", policy_);
  make(make_fallback_, "the fallback", fallback_);
  policy_failed_ = policy_.policy == nullptr;
  fallback_failed_ = fallback_.policy == nullptr;
  Replay();
}

// What an earlier run left, now that it is known which slots its functions have.
void ControlLoop::SetHistory() {
  const int64_t wall_now = clock_.WallMicros();
  std::map<std::string_view, size_t> slot_of;
  const Catalogue& catalogue = platform_.catalogue();
  for (size_t slot = 0; slot < catalogue.functions.size(); ++slot) {
    if (catalogue.functions[slot].present) slot_of[catalogue.functions[slot].id] = slot;
  }
  for (const PastWindow& past : past_) {
    // A wall clock that was set back makes the past the future: of no use then.
    if (past.wall_us >= wall_now) continue;
    HistoryEntry& entry = history_.emplace_back();
    entry.time = live_.time - SimTime::Micros(wall_now - past.wall_us);
    entry.snapshot.window = past.snapshot.window;
    entry.snapshot.cluster = past.snapshot.cluster;
    entry.snapshot.functions.Resize(slots_.size());
    // What was not stored did nothing; its limits and objective are what they are now.
    VisitKnownColumns([](const auto& now, auto& then) { then = now; }, live_.functions,
                      entry.snapshot.functions);
    for (const auto& [id, slot] : slot_of) {
      entry.snapshot.functions.containers_ready[slot] = 0;
      entry.snapshot.functions.containers_starting[slot] = 0;
      entry.snapshot.functions.replicas_asked[slot] = 0;
    }
    for (size_t row = 0; row < past.ids.size(); ++row) {
      const auto found = slot_of.find(past.ids[row]);
      if (found == slot_of.end()) continue;
      CopyRow(past.snapshot.functions, row, entry.snapshot.functions, found->second);
    }
  }
  past_.clear();
  past_.shrink_to_fit();
  // Ours still, so that they are driven again, or handed back at last.
  for (const std::string& id : left_taken_) {
    const auto found = slot_of.find(id);
    if (found == slot_of.end()) continue;
    slots_[found->second].ours = true;
    slots_[found->second].trust.GoOn();
  }
  left_taken_.clear();
}

// What the policy was shown, by slot, so that it still can be shown when functions have come and
// gone.
void ControlLoop::Remember() {
  if (spec_.replay.windows == 0 || view_.window <= SimTime()) return;
  HistoryEntry entry;
  if (history_.size() >= static_cast<size_t>(spec_.replay.windows)) {
    entry = std::move(history_.front());
    history_.pop_front();
  }
  entry.time = live_.time;
  entry.snapshot.window = view_.window;
  entry.snapshot.cluster = view_.cluster;
  entry.snapshot.functions.Resize(slots_.size());
  for (size_t i = 0; i < functions_->size(); ++i) {
    CopyRow(view_.functions, i, entry.snapshot.functions, functions_->slot(i));
  }
  history_.push_back(std::move(entry));
}

void ControlLoop::Replay() {
  if (!policy_.policy && !fallback_.policy) return;
  std::vector<const HistoryEntry*> past;
  for (const HistoryEntry& entry : history_) {
    const bool later = past.empty() || entry.time > past.back()->time;
    if (later && entry.time < live_.time && live_.time - entry.time <= spec_.replay.max_age) {
      past.push_back(&entry);
    }
  }
  const auto most = static_cast<size_t>(spec_.replay.windows);
  if (past.size() > most) past.erase(past.begin(), past.end() - static_cast<ptrdiff_t>(most));
  if (past.empty()) return;
  policy_shift_ = spec_.period - past.front()->time;
  Snapshot shown;
  std::vector<Decision> thrown_away(functions_->size());
  std::fill(carried_out_.begin(), carried_out_.end(), uint8_t{0});
  for (const HistoryEntry* entry : past) {
    functions_->Project(entry->snapshot, shown);
    shown.time = entry->time + policy_shift_;
    for (LivePolicy* policy : {&policy_, &fallback_}) {
      if (!policy->policy) continue;
      std::fill(thrown_away.begin(), thrown_away.end(), Decision{});
      const absl::Status status = policy->policy->Decide(shown, thrown_away);
      if (status.ok()) {
        if (policy->carried_out) policy->carried_out(carried_out_);
        continue;
      }
      Tell({.kind = EventKind::kPolicy,
            .warning = true,
            .message = "cannot be shown the past: " + MessageOf(status)});
      policy->policy.reset();
    }
  }
  // The last that is known of functions whose numbers are bad just now.
  functions_->Repair(std::vector<uint8_t>(functions_->size(), 1), shown);
  policy_failed_ = policy_.policy == nullptr;
  fallback_failed_ = fallback_.policy == nullptr;
  Tell({.kind = EventKind::kPolicy,
        .message = fmt::format("made for {} functions and shown {} windows of the past",
                               functions_->size(), past.size())});
}

}  // namespace reeve
