// A platform and a policy that do what a test says, and remember what was asked of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/control_loop.h"
#include "controller/live_platform.h"
#include "controller/loop_clock.h"
#include "core/policy.h"

namespace reeve {

// Functions "a", "b", … of the tenants given; numbers are sound zeros until a test changes them.
class FakePlatform : public LivePlatform {
 public:
  FakePlatform(VirtualClock& clock, const std::vector<std::string>& tenants) : clock_(clock) {
    for (const std::string& tenant : tenants) Add(tenant);
    can = {.replicas = true,
           .cpu_limit = true,
           .memory_limit = true,
           .concurrency = true,
           .keep_alive = true,
           .scale_to_zero = true,
           .hand_back = true};
  }

  void Add(const std::string& tenant) {
    LiveFunction function;
    function.name = std::string(1, static_cast<char>('a' + cat.functions.size()));
    function.id = "id/" + function.name;
    function.tenant = tenant;
    cat.functions.push_back(function);
    ++cat.generation;
    Resize();
  }
  void Remove(size_t slot) {
    cat.functions[slot].present = false;
    ++cat.generation;
  }

  void SetHooks(Hooks to) override { hooks = std::move(to); }
  std::string_view name() const override { return "fake"; }
  PlatformCapabilities capabilities() const override { return can; }
  absl::Status Observe(Snapshot& snapshot) override {
    ++observations;
    for (FunctionStatus& each : status) each.not_carried_out = false;
    if (on_observe) on_observe(observations);
    clock_.Advance(observe_takes);
    if (!observe_status.ok()) return observe_status;
    numbers.time = clock_.Now();
    numbers.window = observations == 1 ? SimTime() : clock_.Now() - last_;
    if (window) numbers.window = *window;
    last_ = clock_.Now();
    snapshot = numbers;
    return absl::OkStatus();
  }
  absl::Status Apply(std::span<const Decision> decisions) override {
    if (!apply_status.ok()) return apply_status;
    applied.emplace_back(decisions.begin(), decisions.end());
    for (const uint32_t slot : fails) {
      status[slot].not_carried_out = applied.back()[slot] != Decision{};
      applied.back()[slot] = {};
    }
    for (size_t slot = 0; slot < decisions.size(); ++slot) {
      if (applied.back()[slot].replicas) {
        numbers.functions.replicas_asked[slot] = static_cast<uint32_t>(*decisions[slot].replicas);
      }
    }
    return absl::OkStatus();
  }
  const Catalogue& catalogue() const override { return cat; }
  std::span<const FunctionStatus> Status() const override { return status; }
  absl::Status TakeOver(std::span<const FunctionId> functions) override {
    for (const FunctionId f : functions) taken.push_back(f.index());
    return absl::OkStatus();
  }
  absl::Status HandBack(std::span<const FunctionId> functions) override {
    ++hand_backs_tried;
    if (!hand_back_status.ok()) return hand_back_status;
    size_t more = hand_backs_at_once;
    for (const FunctionId f : functions) {
      const bool done = std::count(handed_back.begin(), handed_back.end(), f.index()) > 0;
      if (done && hand_backs_at_once != SIZE_MAX) continue;
      if (more-- == 0) return absl::CancelledError("again");
      handed_back.push_back(f.index());
    }
    return absl::OkStatus();
  }
  bool MayAct() const override { return may_act; }
  bool MayActOn(FunctionId slot) const override {
    return may_act && others.count(slot.index()) == 0;
  }

  // What a test sets.
  PlatformCapabilities can;
  Catalogue cat;
  std::vector<FunctionStatus> status;
  Snapshot numbers;
  std::optional<SimTime> window;
  SimTime observe_takes;
  absl::Status observe_status, apply_status, hand_back_status;
  size_t hand_backs_at_once = SIZE_MAX;  // for more there is no time in a call
  bool may_act = true;
  std::set<uint32_t> fails;             // slots whose decisions are not carried out
  std::set<uint32_t> others;            // slots on which another instance acts
  std::function<void(int)> on_observe;  // given how many there have been, from 1

  // What was asked.
  Hooks hooks;
  int observations = 0, hand_backs_tried = 0;
  std::vector<std::vector<Decision>> applied;
  std::vector<uint32_t> taken, handed_back;

 private:
  void Resize() {
    status.resize(cat.functions.size());
    for (FunctionStatus& each : status) each.metrics_age = SimTime();
    numbers.functions.Resize(cat.functions.size());
    numbers.cluster.memory_capacity = Mebibytes(1000);
  }

  VirtualClock& clock_;
  SimTime last_;
};

// What a policy was shown.
struct Shown {
  SimTime time, window;
  std::vector<uint32_t> arrivals;
};

class FakePolicy : public Policy {
 public:
  using Rule = std::function<absl::Status(const Snapshot&, std::span<Decision>)>;
  FakePolicy(std::vector<Shown>& shown, Rule rule) : shown_(shown), rule_(std::move(rule)) {}

  std::string_view name() const override { return "fake"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override {
    shown_.push_back({snapshot.time, snapshot.window, snapshot.functions.arrivals});
    return rule_(snapshot, decisions);
  }
  void Wake(FunctionId, SimTime, Decision& decision) override { decision.replicas = 7; }

 private:
  std::vector<Shown>& shown_;
  const Rule rule_;
};

// Everybody gets so many replicas.
inline FakePolicy::Rule Always(int32_t replicas) {
  return [replicas](const Snapshot&, std::span<Decision> decisions) {
    for (Decision& decision : decisions) decision.replicas = replicas;
    return absl::OkStatus();
  };
}

// Keeps copies of what the loop tells.
class FakeSink : public LoopSink {
 public:
  struct Tick {
    TickRecord record;  // without what it points to
    std::vector<FunctionRecord> functions;
  };
  struct Event {
    EventKind kind;
    std::string function, tenant, message;
  };

  void OnTick(const TickRecord& tick) override {
    ticks.push_back({tick, {tick.functions.begin(), tick.functions.end()}});
    ticks.back().record.functions = {};
    ticks.back().record.status = {};
  }
  void OnEvent(const EventRecord& event) override {
    events.push_back({event.kind, event.function != nullptr ? event.function->name : "",
                      event.tenant, event.message});
  }
  size_t Count(EventKind kind) const {
    size_t count = 0;
    for (const Event& event : events) count += event.kind == kind;
    return count;
  }

  std::vector<Tick> ticks;
  std::vector<Event> events;
};

// A loop with all of these.
struct LoopFixture {
  explicit LoopFixture(const std::vector<std::string>& tenants, ControlMode mode)
      : clock(1'700'000'000'000'000), platform(clock, tenants), modes({mode, false}, {}) {
    options.make_policy = [this](const auto&, const auto&) {
      ++policies_made;
      return absl::StatusOr<LivePolicy>(
          LivePolicy{std::make_unique<FakePolicy>(shown, rule), nullptr});
    };
    options.make_fallback = [this](const auto&, const auto&) {
      return absl::StatusOr<LivePolicy>(
          LivePolicy{std::make_unique<FakePolicy>(fallback_shown, fallback_rule), nullptr});
    };
    options.spec.numbers = {.max_age = SimTime::Seconds(10),
                            .hold = SimTime::Seconds(6),
                            .fallback = SimTime::Seconds(8),
                            .sound_for = SimTime::Seconds(4)};
    options.sinks = {&sink};
  }

  // So many observations; `at` is called before each, given its number from 1.
  absl::Status Run(int observations, const std::function<void(int)>& at = nullptr) {
    loop.emplace(options, platform, modes, clock);
    platform.on_observe = [this, observations, at](int n) {
      if (at) at(n);
      if (n == observations) loop->Stop();
    };
    return loop->Run();
  }
  // The record of a function (by its number) at a tick.
  const FunctionRecord& At(size_t tick, size_t function) const {
    return sink.ticks.at(tick).functions.at(function);
  }

  VirtualClock clock;
  FakePlatform platform;
  TenantModes modes;
  FakeSink sink;
  std::vector<Shown> shown, fallback_shown;
  FakePolicy::Rule rule = Always(3), fallback_rule = Always(5);
  int policies_made = 0;
  LoopOptions options;
  std::optional<ControlLoop> loop;
};

}  // namespace reeve
