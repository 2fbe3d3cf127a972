// A control loop on Knative under random faults, in virtual time, with everything that must hold
// looked at in each tick: the real loop, platform, client and store; in memory the API server and
// the queue-proxies.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/control_loop.h"
#include "controller/knative/knative_platform.h"
#include "controller/store/store_writer.h"
#include "core/random.h"
#include "tests/controller/chaos/faulty_cluster.h"
#include "tests/controller/chaos/step_clock.h"

namespace reeve {

struct ChaosOptions {
  uint64_t seed = 1;
  int faults = 200;
  std::string folder;  // empty; for the store
};

struct ChaosResult {
  std::vector<std::string> complaints;  // what did not hold
  std::map<FaultKind, std::vector<double>> recovery_periods;
  uint64_t ticks = 0, faults = 0, restarts = 0;
  uint64_t held = 0, fallen_back = 0, handed_back = 0;  // functions, ticks
  uint64_t changes = 0;                                 // of scales, written to the API server
  uint64_t windows = 0, decisions = 0;                  // in the store
  uint64_t fingerprint = 0;                             // of all decisions, and when they were made
};

// The policy and the loop's fallback, so that whose decision was carried out can be seen: a
// container for two requests at once, and one for each.
int32_t PolicyWish(double requests_at_once);
int32_t FallbackWish(double requests_at_once);

class ChaosRun : public LoopSink, private StepClock::Agenda {
 public:
  explicit ChaosRun(const ChaosOptions& options);
  ~ChaosRun() override;
  ChaosResult Run();

  void OnTick(const TickRecord& tick) override;
  void OnEvent(const EventRecord& event) override;

 private:
  static constexpr SimTime kPeriod = SimTime::Seconds(2);
  static constexpr SimTime kMaxAge = SimTime::Seconds(6);
  static constexpr SimTime kCoolDown = SimTime::Seconds(3);
  static constexpr size_t kMostComplaints = 20;

  struct Fault {
    FaultKind kind;
    SimTime begin, end;
    double share = 1;
    bool begun = false, ended = false;
  };

  // Agenda: the load, the cluster, and faults.
  SimTime Next() override;
  void At(SimTime now) override;
  void PlanFault(SimTime from);
  void BeginFault(Fault& fault);
  void EndFault(Fault& fault);
  double Draw() { return random_.Uniform(draws_++); }

  // One life of the controller.
  void Live();
  void Die();
  void CheckStore();

  // Of a tick.
  void CheckScales();
  void CheckNumbers(const TickRecord& tick);
  void CheckDecisions(const TickRecord& tick);
  bool Recovered(const TickRecord& tick) const;
  void CheckRecovery(const TickRecord& tick);
  void AddToFingerprint(const TickRecord& tick);
  void Complain(const std::string& what);

  const ChaosOptions options_;
  const RandomStream random_;
  uint64_t draws_ = 0;
  std::unique_ptr<FaultyCluster> cluster_;
  StepClock clock_;
  ChaosResult result_;

  // The controller that lives.
  std::unique_ptr<KnativePlatform> platform_;
  std::unique_ptr<StoreWriter> store_;
  std::unique_ptr<TenantModes> modes_;
  std::unique_ptr<ControlLoop> loop_;
  bool die_ = false;  // in the midst of a life
  SimTime down_until_, jumped_at_;

  SimTime next_period_;       // of the agenda
  std::deque<Fault> faults_;  // under way, or the next one
  int planned_ = 0;
  // Since the last fault ended.
  std::optional<FaultKind> recovering_from_;
  SimTime ended_at_;
  std::optional<SimTime> good_since_;

  // What is known of each function.
  struct Known {
    std::deque<std::pair<SimTime, double>> demands;      // since when
    std::optional<double> sound;                         // the last number that counted
    std::deque<int32_t> asked;                           // what the loop asked for lately
    std::optional<std::pair<SimTime, int32_t>> applied;  // what was, and when, of this life
  };
  std::array<Known, FaultyCluster::kFunctions> known_;
  // What the store must hold, in the order of writing.
  std::vector<std::map<std::string, double>> windows_told_;
  uint64_t decisions_told_ = 0;
};

}  // namespace reeve
