// What must hold at every tick, and of the store.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "controller/store/store_reader.h"
#include "core/check.h"
#include "tests/controller/chaos/chaos_run.h"

namespace reeve {
namespace {

int32_t WithinBounds(int32_t replicas) {
  return std::clamp(replicas, FaultyCluster::kLeast, FaultyCluster::kMost);
}

// Where a function is known by its name, "chaos/f1".
size_t NumberOf(const LiveFunction& function) {
  return static_cast<size_t>(function.name.back() - '0');
}

}  // namespace

void ChaosRun::OnEvent(const EventRecord&) {}

void ChaosRun::OnTick(const TickRecord& tick) {
  ++result_.ticks;
  if (tick.taken_over + tick.handed_back > 0) {
    std::string ids;
    for (const std::string& id : loop_->Ours()) ids += id + "\n";
    store_->PutBlob("state", "ours", ids, tick.wall_us);
  }
  if (!tick.functions.empty()) {
    decisions_told_ += tick.functions.size();
    if (tick.view != nullptr && tick.view->window > SimTime()) {
      std::map<std::string, double>& told = windows_told_.emplace_back();
      for (size_t i = 0; i < tick.functions.size(); ++i) {
        const LiveFunction& function = tick.catalogue->functions[tick.functions[i].slot];
        told[function.id] = tick.view->functions.mean_in_flight[i];
      }
    }
  }
  CheckNumbers(tick);
  CheckDecisions(tick);
  CheckScales();
  AddToFingerprint(tick);
  CheckRecovery(tick);
  if (result_.complaints.size() >= kMostComplaints) loop_->Stop();
}

// Numbers that count are true: they lie within what the load was while they could be measured.
void ChaosRun::CheckNumbers(const TickRecord& tick) {
  for (size_t i = 0; i < tick.functions.size(); ++i) {
    const FunctionRecord& record = tick.functions[i];
    Known& known = known_[NumberOf(tick.catalogue->functions[record.slot])];
    if (tick.view == nullptr) continue;
    const double shown = tick.view->functions.mean_in_flight[i];
    if (!record.sound) {
      if (known.sound && shown != *known.sound) {
        Complain(
            fmt::format("f{}: shown {}, and {} was the last sound number", i, shown, *known.sound));
      }
      continue;
    }
    known.sound = shown;
    const SimTime oldest = tick.time - kMaxAge - kPeriod * 2;
    while (known.demands.size() > 1 && known.demands[1].first < oldest) known.demands.pop_front();
    double least = known.demands.front().second, most = least;
    for (const auto& [since, demand] : known.demands) {
      least = std::min(least, demand);
      most = std::max(most, demand);
    }
    if (shown < least - 1e-9 || shown > most + 1e-9) {
      Complain(fmt::format("f{}: {} requests at once were believed, of {} to {}", i, shown, least,
                           most));
    }
  }
}

void ChaosRun::CheckDecisions(const TickRecord& tick) {
  for (size_t i = 0; i < tick.functions.size(); ++i) {
    const FunctionRecord& record = tick.functions[i];
    Known& known = known_[NumberOf(tick.catalogue->functions[record.slot])];
    const auto expect = [&](bool holds, const char* what) {
      if (holds) return;
      Complain(fmt::format("f{} at {}: {} (by {}, wished {}, applied {}, why '{}')", i,
                           NameOf(record.stage), what, NameOf(record.decider),
                           record.wished.replicas.value_or(-1),
                           record.applied.replicas.value_or(-1), record.why));
    };
    // Whoever leads anew does not know what stands there, and a cool-down begins when it writes.
    if (!record.led) known.applied.reset();
    std::optional<int32_t> wish;
    switch (record.stage) {
      case TrustStage::kTrusted:
        expect(record.decider == Decider::kPolicy, "the policy is to decide");
        if (known.sound) wish = PolicyWish(*known.sound);
        break;
      case TrustStage::kHold:
        ++result_.held;
        expect(record.decider == Decider::kHold, "nobody is to decide");
        break;
      case TrustStage::kFallback:
        ++result_.fallen_back;
        expect(record.decider == Decider::kFallback, "the fallback is to decide");
        if (tick.view != nullptr && known.sound) wish = FallbackWish(*known.sound);
        break;
      case TrustStage::kHandedBack:
        known.applied.reset();
        ++result_.handed_back;
        expect(record.decider == Decider::kPlatform, "the platform is to decide");
        break;
    }
    if (wish || record.stage == TrustStage::kHold || record.stage == TrustStage::kHandedBack) {
      expect(record.wished.replicas == wish, "that is not what it decides");
    }
    if (record.applied.replicas) {
      const auto last = known.applied;
      if (!last || last->second != *record.applied.replicas) {
        known.applied = {tick.time, *record.applied.replicas};
      }
      expect(
          !last || last->second <= *record.applied.replicas || tick.time - last->first >= kCoolDown,
          "lowered too soon after the last change");
      // The fallback may rest on numbers of a life before, which are not known here where the wall
      // clock has jumped.
      const bool unknown = record.decider == Decider::kFallback && !known.sound;
      const std::optional<int32_t> decided = unknown ? record.wished.replicas : wish;
      expect(decided && record.applied.replicas == WithinBounds(*decided),
             "not applied as decided");
    }
    if (record.applied.replicas || record.why == "apply_failed") {
      known.asked.push_back(WithinBounds(record.wished.replicas.value_or(-1)));
      if (known.asked.size() > 3) known.asked.pop_front();
    }
  }
}

// What has reached the API server.
void ChaosRun::CheckScales() {
  for (const FaultyCluster::ScaleChange& change : cluster_->TakeChanges()) {
    ++result_.changes;
    const auto f = static_cast<size_t>(change.function);
    Known& known = known_[f];
    const std::string what =
        fmt::format("f{}: min-scale {}, max-scale {}", f, change.low, change.high);
    if (!change.attached) {
      if (change.low != FaultyCluster::kLeast || change.high != FaultyCluster::kMost) {
        Complain(what + ": handed back, and not as its owner had it");
      }
      continue;
    }
    if (change.low != change.high || change.low != WithinBounds(change.low)) {
      Complain(what + ": outside of its owner's bounds");
    }
    if (std::find(known.asked.begin(), known.asked.end(), change.low) == known.asked.end()) {
      Complain(what + ": nobody has decided that lately");
    }
  }
}

bool ChaosRun::Recovered(const TickRecord& tick) const {
  if (!tick.observed || !tick.acting || tick.overrun) return false;
  if (tick.functions.size() != FaultyCluster::kFunctions) return false;
  for (const FunctionRecord& record : tick.functions) {
    if (!record.sound || !record.ours || !record.led) return false;
    if (record.decider != Decider::kPolicy || !record.wished.replicas) return false;
    const size_t f = NumberOf(tick.catalogue->functions[record.slot]);
    const FaultyCluster::ScaleChange scale = cluster_->ScaleOf(static_cast<int>(f));
    int32_t wish = WithinBounds(*record.wished.replicas);
    if (record.why == "cool_down") {
      // It has begun with a change that was carried out, and that one stands.
      const auto& last = known_[f].applied;
      if (!last || tick.time - last->first >= kCoolDown) return false;
      wish = last->second;
    } else if (!record.why.empty()) {
      return false;
    }
    if (!scale.attached || scale.low != wish || scale.high != wish) return false;
  }
  return true;
}

void ChaosRun::AddToFingerprint(const TickRecord& tick) {
  std::string text = fmt::format("{} {}", tick.time.micros(), tick.acting);
  for (const FunctionRecord& record : tick.functions) {
    text += fmt::format(" {} {} {} {} {}", record.slot, NameOf(record.decider),
                        record.wished.replicas.value_or(-1), record.applied.replicas.value_or(-1),
                        record.why);
  }
  result_.fingerprint = XXH3_64bits_withSeed(text.data(), text.size(), result_.fingerprint);
}

void ChaosRun::CheckRecovery(const TickRecord& tick) {
  for (const Fault& fault : faults_) {
    if (fault.begun) return;
  }
  const bool good = Recovered(tick);
  if (!good) good_since_.reset();
  if (good && !good_since_) good_since_ = tick.time;
  if (recovering_from_) {
    if (tick.time <= ended_at_) return;
    // The last tick within two periods.
    if (tick.time + kPeriod <= ended_at_ + kPeriod * 2) return;
    if (good) {
      const SimTime took = std::max(SimTime(), *good_since_ - ended_at_);
      result_.recovery_periods[*recovering_from_].push_back(took.seconds() / kPeriod.seconds());
    } else {
      Complain(fmt::format("not recovered {:.2f} periods after the end of '{}'",
                           (tick.time - ended_at_).seconds() / kPeriod.seconds(),
                           NameOf(*recovering_from_)));
      for (size_t i = 0; i < tick.functions.size(); ++i) {
        const FunctionRecord& r = tick.functions[i];
        const auto scale = cluster_->ScaleOf(static_cast<int>(i));
        Complain(fmt::format(
            "  f{}: {} by {}, sound {}, ours {}, led {}, wished {}, why '{}', scale {} to {}; {}",
            i, NameOf(r.stage), NameOf(r.decider), r.sound, r.ours, r.led,
            r.wished.replicas.value_or(-1), r.why, scale.low, scale.high,
            tick.status[r.slot].detail));
      }
    }
    recovering_from_.reset();
  } else if (!good && result_.ticks > 4) {
    Complain("out of order without a fault");
  }
  if (result_.ticks <= 4 || !faults_.empty()) return;
  if (planned_ >= options_.faults) {
    loop_->Stop();
    return;
  }
  PlanFault(tick.time + SimTime::Millis(5));
  // Now and then a second one in the midst of the first.
  if (planned_ < options_.faults && Draw() < 0.05) PlanFault(faults_.front().begin);
}

// Every record of every life is there, whole, and says what was told.
void ChaosRun::CheckStore() {
  const std::string path = options_.folder + "/reeve.db";
  auto db = SqliteDb::Open(path, SqliteDb::Access::kReadOnly);
  REEVE_CHECK(db.ok());
  auto check = db->Prepare("PRAGMA integrity_check");
  REEVE_CHECK(check.ok() && check->Step().value_or(false));
  if (check->Text(0) != "ok") Complain("the store is damaged: " + check->Text(0));
  const int64_t decisions = db->QueryInt("SELECT count(*) FROM decisions").value_or(-1);
  if (decisions != static_cast<int64_t>(decisions_told_)) {
    Complain(fmt::format("{} decisions are in the store, of {}", decisions, decisions_told_));
  }
  const auto history = ReadHistory(path, 10'000'000);
  REEVE_CHECK(history.ok());
  if (history->size() != windows_told_.size()) {
    Complain(fmt::format("{} windows can be read, of {}", history->size(), windows_told_.size()));
    return;
  }
  for (size_t w = 0; w < history->size(); ++w) {
    const PastWindow& past = (*history)[w];
    std::map<std::string, double> read;
    for (size_t row = 0; row < past.ids.size(); ++row) {
      read[past.ids[row]] = past.snapshot.functions.mean_in_flight[row];
    }
    if (read != windows_told_[w]) Complain(fmt::format("window {} is another in the store", w));
  }
  result_.windows = history->size();
  result_.decisions = static_cast<uint64_t>(decisions);
}

}  // namespace reeve
