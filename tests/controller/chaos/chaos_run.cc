#include "tests/controller/chaos/chaos_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "controller/store/store_reader.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr SimTime kPeriod = SimTime::Seconds(2);
constexpr SimTime kMaxAge = SimTime::Seconds(6);
constexpr SimTime kCoolDown = SimTime::Seconds(3);
// What waits beside the loop: six watches, who scrapes, who holds the lease.
constexpr int kThreads = 8;
constexpr int64_t kWallStart = 1'760'000'000'000'000;
constexpr size_t kMostComplaints = 20;

// What is asked of everybody: a container for so many requests at once.
class PerRequests : public Policy {
 public:
  explicit PerRequests(int32_t (*wish)(double)) : wish_(wish) {}
  std::string_view name() const override { return "per_requests"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    for (size_t i = 0; i < decisions.size(); ++i) {
      decisions[i].replicas = wish_(snapshot.functions.mean_in_flight[i]);
    }
    return absl::OkStatus();
  }

 private:
  int32_t (*const wish_)(double);
};

LivePolicyMaker Maker(int32_t (*wish)(double)) {
  return [wish](const auto&, const auto&) -> absl::StatusOr<LivePolicy> {
    LivePolicy live;
    live.policy = std::make_unique<PerRequests>(wish);
    return live;
  };
}

int32_t WithinBounds(int32_t replicas) {
  return std::clamp(replicas, FaultyCluster::kLeast, FaultyCluster::kMost);
}

// Where a function is known by its name, "chaos/f1".
size_t NumberOf(const LiveFunction& function) {
  return static_cast<size_t>(function.name.back() - '0');
}

}  // namespace

int32_t PolicyWish(double requests_at_once) {
  return static_cast<int32_t>(std::ceil(requests_at_once / 2));
}

int32_t FallbackWish(double requests_at_once) {
  return static_cast<int32_t>(std::ceil(requests_at_once));
}

ChaosRun::ChaosRun(const ChaosOptions& options)
    : options_(options),
      random_(options.seed, StreamPurpose::kFailure, 1),
      clock_(kWallStart, [this] { return cluster_ ? cluster_->silent_watches() : 0; }) {
  cluster_ = std::make_unique<FaultyCluster>(clock_, options.seed);
  next_period_ = std::as_const(clock_).Now();
  clock_.SetAgenda(this);
}

ChaosRun::~ChaosRun() = default;

void ChaosRun::Complain(const std::string& what) {
  std::string under_way;
  for (const Fault& fault : faults_) {
    if (!fault.begun) continue;
    under_way += fmt::format(", {} of {:.2f}", NameOf(fault.kind), fault.share);
  }
  result_.complaints.push_back(
      fmt::format("seed {}, {:.2f} s, after {} faults{}: {}", options_.seed,
                  std::as_const(clock_).Now().seconds() - 1000, result_.faults, under_way, what));
}

// ---- the agenda

SimTime ChaosRun::Next() {
  SimTime next = next_period_;
  for (const Fault& fault : faults_) {
    if (!fault.begun) next = std::min(next, fault.begin);
    if (fault.begun && fault.kind != FaultKind::kRestart) next = std::min(next, fault.end);
  }
  return next;
}

void ChaosRun::At(SimTime now) {
  // Just after a tick, so that each window has one load and the same pods from end to end.
  if (next_period_ <= now) {
    next_period_ += kPeriod;
    cluster_->PlayKnative();
    for (int f = 0; f < FaultyCluster::kFunctions; ++f) {
      Known& known = known_[static_cast<size_t>(f)];
      if (!known.demands.empty() && Draw() < 0.4) continue;
      const double demand = std::floor(16 * Draw());
      cluster_->SetDemand(f, demand);
      known.demands.emplace_back(now, demand);
    }
  }
  for (Fault& fault : faults_) {
    if (!fault.begun && fault.begin <= now) BeginFault(fault);
    if (fault.begun && fault.kind != FaultKind::kRestart && fault.end <= now) EndFault(fault);
  }
  std::erase_if(faults_, [](const Fault& fault) { return fault.ended; });
}

void ChaosRun::PlanFault(SimTime from) {
  const auto& kinds = EnumNames(FaultKind());
  Fault fault;
  do {
    fault.kind = kinds[static_cast<size_t>(Draw() * static_cast<double>(kinds.size()))].first;
    // Time-outs are real, and dear.
  } while (fault.kind == FaultKind::kMetricsSilent && Draw() < 0.7);
  fault.begin = from + SimTime::FromSeconds(kPeriod.seconds() * Draw());
  double periods = 0.1 + 2.4 * Draw();
  const bool can_last = IsOfMetrics(fault.kind) || IsOfApiServer(fault.kind);
  const double how_long = Draw();
  if (can_last && fault.kind != FaultKind::kMetricsSilent) {
    if (how_long > 0.8) periods = 2.5 + 5.5 * Draw();
    if (how_long > 0.95) periods = 18 + 4 * Draw();
  }
  fault.end = fault.begin + SimTime::FromSeconds(kPeriod.seconds() * periods);
  fault.share = Draw() < 0.5 ? 1 : 0.2 + 0.7 * Draw();
  faults_.push_back(fault);
  ++planned_;
}

void ChaosRun::BeginFault(Fault& fault) {
  fault.begun = true;
  recovering_from_.reset();
  switch (fault.kind) {
    case FaultKind::kRestart:
      die_ = true;
      down_until_ = fault.end;
      ++result_.restarts;
      if (loop_) loop_->Stop();
      break;
    case FaultKind::kWallClock: {
      // From a second to a year, either way.
      const double seconds = std::pow(10, 7.5 * Draw());
      jumped_at_ = std::as_const(clock_).Now();
      clock_.SetWallOffset(SimTime::FromSeconds(Draw() < 0.5 ? seconds : -seconds));
      break;
    }
    default:
      cluster_->Begin(fault.kind, fault.share);
  }
}

void ChaosRun::EndFault(Fault& fault) {
  if (fault.kind == FaultKind::kWallClock) {
    clock_.SetWallOffset(SimTime());
    jumped_at_ = std::as_const(clock_).Now();
  } else if (fault.kind != FaultKind::kRestart) {
    cluster_->End(fault.kind);
  }
  fault.ended = true;
  ++result_.faults;
  recovering_from_ = fault.kind;
  ended_at_ = std::as_const(clock_).Now();
  good_since_.reset();
}

// ---- lives

ChaosResult ChaosRun::Run() {
  const auto done = [&] {
    return planned_ >= options_.faults && faults_.empty() && !recovering_from_;
  };
  bool first = true;
  while (result_.complaints.size() < kMostComplaints && (first || !done())) {
    first = false;
    Live();
    if (!std::exchange(die_, false)) continue;
    clock_.Expect(0);
    clock_.AdvanceTo(down_until_);
    for (Fault& fault : faults_) {
      if (fault.kind == FaultKind::kRestart && fault.begun) EndFault(fault);
    }
    std::erase_if(faults_, [](const Fault& fault) { return fault.ended; });
  }
  CheckStore();
  return std::move(result_);
}

void ChaosRun::Live() {
  const std::string path = options_.folder + "/reeve.db";
  LoopOptions options;
  options.make_policy = Maker(PolicyWish);
  options.make_fallback = Maker(FallbackWish);
  options.spec.period = kPeriod;
  options.spec.mode = ControlMode::kActive;
  options.spec.numbers = {.max_age = kMaxAge,
                          .hold = SimTime::Seconds(6),
                          .fallback = SimTime::Seconds(24),
                          .sound_for = SimTime()};
  options.spec.writes.cool_down_down = kCoolDown;
  options.spec.writes.retry = kPeriod;
  options.spec.on_stop = OnStop::kKeep;
  auto history = ReadHistory(path, options.spec.replay.windows);
  REEVE_CHECK(history.ok());
  options.history = *std::move(history);
  const auto ours = ReadBlob(path, "state", "ours");
  REEVE_CHECK(ours.ok());
  for (std::string ids = ours->value_or(""); !ids.empty();) {
    const size_t end = ids.find('\n');
    options.left_taken.push_back(ids.substr(0, end));
    ids.erase(0, end + 1);
  }
  StoreSpec keep;
  keep.path = path;
  keep.decisions = KeepDecisions::kAll;
  auto store = StoreWriter::Open(keep);
  REEVE_CHECK(store.ok());
  store_ = *std::move(store);
  options.sinks = {store_.get(), this};

  KnativeConfig config;
  cluster_->Configure(options_.folder, config);
  config.annotated = AnnotatedObject::kRevision;
  config.writes_per_second = 1000;
  config.direct.period = SimTime::Seconds(1);
  config.direct.timeout = SimTime::Millis(250);  // real time
  config.direct.parallel = 4;
  config.lease.identity = "chaos";
  config.lease.retry = SimTime::Seconds(1);
  auto platform = KnativePlatform::Create(
      config, [](const char*) { return nullptr; }, clock_);
  REEVE_CHECK(platform.ok());
  platform_ = *std::move(platform);
  clock_.Expect(kThreads);
  platform_->AwaitLists(kPeriod);
  modes_ = std::make_unique<TenantModes>(TenantMode{ControlMode::kActive, false},
                                         std::map<std::string, TenantMode>());
  loop_ = std::make_unique<ControlLoop>(std::move(options), *platform_, *modes_, clock_);
  next_period_ = std::as_const(clock_).Now() + SimTime::Millis(1);
  if (!die_) {
    const absl::Status ended = loop_->Run();
    if (!ended.ok()) Complain("the loop ended: " + MessageOf(ended));
  }
  Die();
}

// Without farewell: the lease is not given up, nothing is handed back.
void ChaosRun::Die() {
  // The past is dated wrongly: what was sound last cannot be found there.
  const bool jumped = std::as_const(clock_).Now() - jumped_at_ < kPeriod * 61;
  for (Known& known : known_) {
    known.applied.reset();
    if (jumped) known.sound.reset();
  }
  cluster_->Mute(true);
  cluster_->LetGo();
  loop_.reset();
  platform_.reset();
  store_.reset();
  cluster_->Mute(false);
  CheckStore();
}

// ---- what must hold

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
      known.applied = {tick.time, *record.applied.replicas};
      expect(
          !last || last->second <= *record.applied.replicas || tick.time - last->first >= kCoolDown,
          "lowered too soon after the last change");
      expect(wish && record.applied.replicas == WithinBounds(*wish), "not applied as decided");
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
    if (record.why == "cool_down") continue;
    if (!record.why.empty()) return false;
    const auto f = static_cast<int>(NumberOf(tick.catalogue->functions[record.slot]));
    const FaultyCluster::ScaleChange scale = cluster_->ScaleOf(f);
    const int32_t wish = WithinBounds(*record.wished.replicas);
    if (!scale.attached || scale.low != wish || scale.high != wish) return false;
  }
  return true;
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
