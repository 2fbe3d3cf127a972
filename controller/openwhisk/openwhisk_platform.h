// OpenWhisk as a live platform, over its REST API with a key for each tenant. A function is an
// action, sequences left out.
//
// Observing: a thread for each tenant lists its actions and reads its activations' records
// (tenant_source.h), or one reads the counters of the user-events service (user_events.h).
//
// Acting: memory, concurrency and instances are set by partial PUTs, when it is worth the
// containers that each change costs (limit_change.h); replicas are kept warm by activations without
// need (prewarm_plan.h). Keep-alive and CPU cannot be set by a tenant. What is set, and what the
// owner had, is remembered on the action itself (attachment.h), so that hand-back restores it after
// a controller that was killed, too.
//
// A PUT whose answer did not come may have happened: the action is read again before anything else
// is done about it. Only one instance of this program may act on a tenant.
//
// Threads: as live_platform.h.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/live_platform.h"
#include "controller/net/clock.h"
#include "controller/openwhisk/activation_ledger.h"
#include "controller/openwhisk/limit_change.h"
#include "controller/openwhisk/openwhisk_config.h"
#include "controller/openwhisk/tenant_source.h"
#include "controller/openwhisk/user_events.h"
#include "controller/openwhisk/whisk_client.h"
#include "controller/openwhisk/whisk_key.h"
#include "controller/openwhisk/whisk_objects.h"
#include "core/window_histograms.h"

namespace reeve {

class OpenWhiskPlatform : public LivePlatform {
 public:
  // Starts reading; returns before anything has come. InvalidArgument for a configuration that
  // cannot be; errors of files name them. `clock` outlives the platform.
  static absl::StatusOr<std::unique_ptr<OpenWhiskPlatform>> Create(
      const OpenWhiskConfig& config, NetClock& clock = NetClock::Real());
  // The same without threads: Observe reads. For tests that move the clock.
  static absl::StatusOr<std::unique_ptr<OpenWhiskPlatform>> CreateWithoutThreads(
      const OpenWhiskConfig& config, NetClock& clock);
  ~OpenWhiskPlatform() override;

  void SetHooks(Hooks) override {}  // it starts containers itself: nobody has to be woken
  std::string_view name() const override { return "openwhisk"; }
  PlatformCapabilities capabilities() const override;
  absl::Status Observe(Snapshot& snapshot) override;
  absl::Status Apply(std::span<const Decision> decisions) override;
  const Catalogue& catalogue() const override { return catalogue_; }
  std::span<const FunctionStatus> Status() const override { return status_; }
  // Writes nothing: a change costs containers, so what the owner had is remembered with the first.
  absl::Status TakeOver(std::span<const FunctionId> functions) override;
  absl::Status HandBack(std::span<const FunctionId> functions) override;

  uint64_t changes() const { return changes_; }      // PUTs that were accepted
  uint64_t prewarmed() const { return prewarmed_; }  // activations without need that were accepted

 private:
  struct Tenant {
    Tenant(const std::string& tenant_name, const WhiskTenantSpec& tenant, SimTime keep_alive)
        : name(tenant_name), spec(tenant), ledger(keep_alive) {}
    std::string name;
    WhiskTenantSpec spec;
    std::unique_ptr<WhiskKey> key;
    std::unique_ptr<TenantSource> source;
    std::unique_ptr<WhiskClient> writer, invoker;
    ActivationLedger ledger;

    std::string ns;
    WhiskBounds bounds;
    bool listed = false;               // its actions are known
    absl::Status status;               // of the last round
    bool fresh = false;                // a round came since the last observation
    std::optional<SimTime> read_at;    // when the last good round began
    int64_t begin_ms = 0, end_ms = 0;  // what its rows are of, by the server's clock
    int64_t ahead_ms = 0;              // of ours
    std::deque<SimTime> prewarms;      // of the last minute
  };
  // One function's, for good.
  struct Slot {
    size_t tenant = 0;
    std::string path;
    std::optional<WhiskAction> action;  // unset: absent
    SimTime known_at;                   // when it was asked for
    SimTime slo_latency = SimTime::Max();

    // Asked for; unset: as it is.
    std::optional<Mebibytes> memory;
    std::optional<int32_t> concurrency, replicas;
    SimTime asked_at;
    bool to_write = false;
    bool unsure = false;       // a PUT may have happened
    bool handed_back = false;  // nothing of ours is to be there
    bool none_left = false;    // and nothing was, when that was looked at
    absl::Status written;      // the last attempt to
    std::string held, told;    // why it is not changed; what of it was changed on the way
    std::optional<SimTime> changed_at;
    std::optional<SimTime> prewarmed_at;
    absl::Status prewarm_status;  // of the last round

    ActionFigures figures;                    // of the last window
    double rate_rps = 0;                      // exponentially weighted
    SimTime failed_at = SimTime::Micros(-1);  // the last window with failures; -1: none
    std::unique_ptr<EventDifferences> events;

    bool asked() const { return memory || concurrency || replicas; }
    void ForgetAsked();
  };

  OpenWhiskPlatform(const OpenWhiskConfig& config, NetClock& clock);
  static absl::StatusOr<std::unique_ptr<OpenWhiskPlatform>> Make(const OpenWhiskConfig& config,
                                                                 NetClock& clock, bool threads);
  bool counts_events() const { return config_.metrics == WhiskMetrics::kUserEvents; }

  // Observing.
  void Collect(SimTime now, SimTime window);
  void Absorb(Tenant& tenant, TenantRound& round, SimTime window);
  void UpdateCatalogue();
  void SetAction(Slot& slot, WhiskAction action, SimTime known_at);
  LiveFunction Describe(const Slot& slot) const;
  void CollectEvents(SimTime now, SimTime window);
  void FillRows(SimTime window, Snapshot& snapshot);
  void Remember(Slot& slot, ActionFigures figures, SimTime window);
  void FillStatus(const Slot& slot, SimTime now, FunctionStatus& status) const;
  void JudgeActuation(const Slot& slot, SimTime now, FunctionStatus& status) const;
  void FillCluster(const FunctionWindows& windows, ClusterState& cluster) const;

  // Acting.
  WhiskLimits WantedLimits(const Slot& slot, std::string* told) const;
  ChangeContext ContextOf(const Slot& slot, const WhiskLimits& wanted) const;
  // `decisions`: [F] of this Apply, or empty where nothing new was decided.
  absl::Status CarryOn(SimTime begin, std::span<const Decision> decisions);
  void NoteWritten(size_t index, bool decided);
  absl::Status CarryOut(Slot& slot);
  absl::Status ReadAgain(Slot& slot);
  absl::Status PutAction(Slot& slot, const nlohmann::json& body);
  void Prewarm(Slot& slot);
  absl::Status HandBackOne(Slot& slot);
  SimTime WriteWithin() const;
  int64_t ServerNow(const Tenant& tenant) const;

  const OpenWhiskConfig config_;
  NetClock& clock_;
  const SimTime began_;
  std::vector<std::unique_ptr<Tenant>> tenants_;
  std::unique_ptr<UserEventsSource> events_;
  std::shared_ptr<const EventRound> event_round_;
  std::optional<SimTime> events_at_;  // the last good reading that was used
  bool events_fresh_ = false;
  SimTime events_window_;

  Catalogue catalogue_;
  std::vector<FunctionStatus> status_;                        // [F]
  std::vector<Slot> slots_;                                   // [F]
  std::map<std::pair<size_t, std::string>, size_t> slot_of_;  // by tenant and path
  WindowHistograms histograms_;
  std::optional<SimTime> observed_at_;
  SimTime window_;
  size_t write_first_ = 0;  // the slot whose turn it is
  uint64_t changes_ = 0, prewarmed_ = 0;
};

}  // namespace reeve
