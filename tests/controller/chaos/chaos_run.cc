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

// What waits beside the loop: six watches, who scrapes, who holds the lease.
constexpr int kThreads = 8;
constexpr int64_t kWallStart = 1'760'000'000'000'000;

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
  clock_.AdvanceTo(std::as_const(clock_).Now());  // all of them wait, the lists are there
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
  cluster_->AwaitNoWatches();
  cluster_->Mute(false);
  CheckStore();
}

}  // namespace reeve
