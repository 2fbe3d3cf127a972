#include "agents/adapt/safeguarded_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/adapt/around_fallback.h"
#include "core/status.h"

namespace reeve {
namespace {

// Without one no account is kept.
ViolationBudgetSpec BudgetOf(const SafeguardSpec& spec) {
  return spec.budget.value_or(ViolationBudgetSpec());
}

bool CanBe(const Decision& d) {
  return d.replicas.value_or(0) >= 0 && d.cpu_limit.value_or(Millicores(1)) > Millicores() &&
         d.memory_limit.value_or(Mebibytes(1)) > Mebibytes() && d.concurrency.value_or(0) >= 0 &&
         d.keep_alive.value_or(SimTime()) >= SimTime();
}

}  // namespace

SafeguardedPolicy::SafeguardedPolicy(std::unique_ptr<Policy> learner,
                                     std::unique_ptr<Policy> fallback, const SafeguardSpec& spec)
    : spec_(spec),
      per_function_(spec.scope == SafeguardScope::kFunction),
      learner_(std::move(learner)),
      fallback_(std::move(fallback)),
      cluster_guard_(spec),
      meter_(spec.slo_violations.value_or(ViolationTrigger()), per_function_,
             spec.latency.has_value()),
      budget_(BudgetOf(spec)),
      recovery_(BudgetOf(spec), spec.queue.release),
      settings_(BudgetOf(spec).keep_alive) {}

void SafeguardedPolicy::set_value(FunctionId function, double value) {
  if (values_.size() <= function.index()) values_.resize(function.index() + 1);
  values_[function.index()] = value;
}

const SafeguardState& SafeguardedPolicy::state(FunctionId function) const {
  return per_function_ ? function_guards_[function.index()].state() : state();
}

void SafeguardedPolicy::Begin(const Snapshot& snapshot) {
  const size_t functions = snapshot.functions.size();
  settings_.Begin(snapshot);
  overruled_.resize(functions);
  wished_.resize(functions);
  engaged_.assign(functions, 0);
  if (per_function_) function_guards_.assign(functions, Safeguard(spec_));
  last_time_ = snapshot.time - snapshot.window;
}

absl::Status SafeguardedPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  const size_t functions = started_ ? wished_.size() : snapshot.functions.size();
  if (decisions.size() != functions) {
    return absl::InvalidArgumentError(
        fmt::format("safeguard: {} decisions for {} functions", decisions.size(), functions));
  }
  fault_ = spec_.metrics.enabled
               ? CheckMetrics(snapshot, functions, last_time_, !started_, spec_.metrics)
               : MetricsFault::kNone;
  if (fault_ != MetricsFault::kNone) {
    RepeatFallback(decisions);
    Count();
    return absl::OkStatus();
  }
  if (!started_) Begin(snapshot);
  Account(snapshot);
  started_ = true;
  last_time_ = snapshot.time;
  RETURN_IF_ERROR(AskBoth(snapshot, decisions));
  UpdateGuards(snapshot);
  Choose(snapshot, decisions);
  Count();
  return absl::OkStatus();
}

void SafeguardedPolicy::Account(const Snapshot& snapshot) {
  totals_ = TotalsOf(snapshot.functions);
  if (!spec_.budget) return;
  double violations = totals_.violations;
  // Of time of which nothing is known: what was there, and what could have come.
  const SimTime unseen = snapshot.time - snapshot.window - last_time_;
  if (started_ && unseen > SimTime()) {
    violations += last_in_system_ + budget_.peak_rps() * unseen.seconds();
  }
  last_in_system_ = totals_.in_system;
  budget_.AddWindow(snapshot.window, totals_.arrivals, totals_.left);
  if (!recovery_.Add(snapshot, settings_.asked(), settings_.longest_keep_alive())) {
    budget_.Charge(violations);
  }
}

absl::Status SafeguardedPolicy::AskBoth(const Snapshot& snapshot, std::span<Decision> wanted) {
  wished_.assign(wished_.size(), Decision());
  RETURN_IF_ERROR(fallback_->Decide(snapshot, wished_));
  settings_.Note(wished_);
  const absl::Status decided = learner_->Decide(snapshot, wanted);
  learner_failed_ = !decided.ok();
  if (!decided.ok()) {
    if (!spec_.tolerate_errors) return decided;
    learner_status_ = decided;
  }
  for (size_t f = 0; f < wanted.size() && !learner_failed_; ++f) {
    if (CanBe(wanted[f])) continue;
    learner_failed_ = true;
    learner_status_ = absl::InvalidArgumentError(
        fmt::format("{}: an impossible decision for function {}", learner_->name(), f));
  }
  return absl::OkStatus();
}

void SafeguardedPolicy::UpdateGuards(const Snapshot& snapshot) {
  meter_.Add(snapshot, totals_);
  SafetySignals all = meter_.cluster();
  all.value = value_;
  all.learner_failed = learner_failed_;
  if (spec_.budget) {
    const FunctionWindows& w = snapshot.functions;
    Exposure exposure;
    exposure.overdue = overdue_.Add(snapshot);
    for (size_t f = 0; f < w.size(); ++f) {
      exposure.waiting += w.queued[f];
      exposure.in_flight += w.in_flight[f];
      if (settings_.KnowsKeepAlive(f)) exposure.warm += w.containers_ready[f];
    }
    all.budget_exhausted = !budget_.Allows(exposure, snapshot.window);
  }
  if (!per_function_) {
    cluster_guard_.Update(all, snapshot.time);
  } else {
    SafetySignals shared;
    shared.value = all.value;
    shared.learner_failed = all.learner_failed;
    shared.budget_exhausted = all.budget_exhausted;
    cluster_guard_.Update(shared, snapshot.time);
    for (size_t f = 0; f < function_guards_.size(); ++f) {
      SafetySignals own = meter_.function(f);
      if (f < values_.size()) own.value = values_[f];
      function_guards_[f].Update(own, snapshot.time);
    }
  }
  value_.reset();
  std::fill(values_.begin(), values_.end(), std::nullopt);
}

void SafeguardedPolicy::SetEngaged(size_t function, bool engaged, const Safeguard& guard) {
  if (engaged && engaged_[function] == 0) {
    took_over_ = true;
    taken_over_ = taken_over_ | guard.state().engaged_by;
  }
  engaged_[function] = engaged ? 1 : 0;
}

void SafeguardedPolicy::Choose(const Snapshot& snapshot, std::span<Decision> decisions) {
  bool learner_acts = false;
  const bool all = cluster_guard_.state().engaged;
  for (size_t f = 0; f < decisions.size(); ++f) {
    const Safeguard& guard = all || !per_function_ ? cluster_guard_ : function_guards_[f];
    const bool engaged = guard.state().engaged;
    SetEngaged(f, engaged, guard);
    if (engaged) {
      overruled_[f] = decisions[f];
      decisions[f] = wished_[f];
      settings_.Restore(f, decisions[f]);
      continue;
    }
    learner_acts = true;
    if (spec_.around_fallback) {
      HoldAround(*spec_.around_fallback, settings_.of(f), snapshot, f, decisions[f]);
    }
    settings_.PassLearner(f, decisions[f]);
  }
  if (learner_acts && spec_.budget) recovery_.LearnerActs(snapshot);
}

void SafeguardedPolicy::RepeatFallback(std::span<Decision> decisions) {
  SafetySignals signals;
  signals.impossible_metrics = true;
  cluster_guard_.Update(signals, last_time_);  // its own time may be as wrong
  for (size_t f = 0; f < decisions.size(); ++f) {
    if (!started_) break;  // nobody decided anything yet
    SetEngaged(f, true, cluster_guard_);
    decisions[f] = wished_[f];
    settings_.Restore(f, decisions[f]);
  }
}

void SafeguardedPolicy::Count() {
  reasons_ = cluster_guard_.state().active;
  uint64_t engaged = 0;
  for (size_t f = 0; f < engaged_.size(); ++f) {
    engaged += engaged_[f];
    if (per_function_) reasons_ = reasons_ | function_guards_[f].state().active;
  }
  any_engaged_ = engaged > 0 || cluster_guard_.state().engaged;
  ++counts_.periods;
  counts_.engaged_periods += any_engaged_ ? 1 : 0;
  counts_.engagements += took_over_ ? 1 : 0;
  counts_.decisions += engaged_.size();
  counts_.engaged_decisions += engaged;
  for (size_t i = 0; i < kSafeguardReasons; ++i) {
    const auto reason = static_cast<SafeguardReason>(i);
    counts_.periods_by_reason[i] += reasons_.Has(reason) ? 1 : 0;
    counts_.engagements_by_reason[i] += taken_over_.Has(reason) ? 1 : 0;
  }
  took_over_ = false;
  taken_over_ = {};
}

void SafeguardedPolicy::Wake(FunctionId function, SimTime now, Decision& decision) {
  if (!started_) return;
  const size_t f = function.index();
  if (engaged_[f] != 0) {
    fallback_->Wake(function, now, decision);
    settings_.NoteOne(function, decision);
    settings_.Restore(f, decision);
    return;
  }
  learner_->Wake(function, now, decision);
  if (!CanBe(decision)) decision = Decision();
  settings_.PassLearner(f, decision);
}

}  // namespace reeve
