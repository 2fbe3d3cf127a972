// Any Deployment that KEDA scales, as a live platform. A function is a ScaledObject whose trigger
// names us as its external scaler.
//
// Observing: KEDA's questions say which functions there are (controller/keda/scaled_objects.h);
// Prometheus has their figures (controller/keda/deployment_figures.h). Acting: the counts that were
// decided are what KEDA is told when it asks (controller/keda/scaler_service.h). Nothing is written
// anywhere: of us there is nothing to be removed.
//
// What KEDA and its HorizontalPodAutoscaler make of a count: they ask every 15 and 30 s, leave the
// count alone when it is off by at most a tenth, and wait five minutes before they scale down
// unless the ScaledObject says otherwise (docs/keda.md).
//
// Handing back is to be silent: KEDA leaves the count as it is, or follows the ScaledObject's
// `fallback` and its other triggers.
//
// Threads: as live_platform.h; has threads of gRPC's, and one that asks Prometheus.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/keda/deployment_figures.h"
#include "controller/keda/keda_config.h"
#include "controller/keda/scaled_objects.h"
#include "controller/keda/scaler_service.h"
#include "controller/live_platform.h"
#include "controller/net/clock.h"
#include "controller/prometheus/row_filling.h"

namespace reeve {

class KedaPlatform : public LivePlatform {
 public:
  // Listens and begins to ask. Errors: as ScalerService::Start, or a configuration that cannot be.
  // Without `ask_ahead` Observe asks Prometheus itself and waits for it: for tests.
  static absl::StatusOr<std::unique_ptr<KedaPlatform>> Create(const KedaConfig& config,
                                                              NetClock& clock = NetClock::Real(),
                                                              bool ask_ahead = true);
  ~KedaPlatform() override;

  void SetHooks(Hooks) override {}  // requests that wait for a pod are seen by the queries only
  std::string_view name() const override { return "keda"; }
  PlatformCapabilities capabilities() const override {
    return {.replicas = true, .scale_to_zero = true, .hand_back = true};
  }
  absl::Status Observe(Snapshot& snapshot) override;
  absl::Status Apply(std::span<const Decision> decisions) override;
  const Catalogue& catalogue() const override { return catalogue_; }
  std::span<const FunctionStatus> Status() const override { return status_; }
  // Does nothing: the first decision that is applied takes over.
  absl::Status TakeOver(std::span<const FunctionId>) override { return absl::OkStatus(); }
  absl::Status HandBack(std::span<const FunctionId> functions) override;

  int port() const { return service_->port(); }

 private:
  // One function's slot, for good.
  struct Slot {
    ScaledObject object;
    bool present = false;
    SimTime unasked;
    FigureMemory memory;
    std::optional<uint32_t> ready;  // in the last window
    std::optional<int32_t> asked;   // replicas
    SimTime asked_at;
  };

  KedaPlatform(const KedaConfig& config, NetClock& clock);
  void UpdateCatalogue();
  void FillRow(Slot& slot, const DeploymentFigures* figures, size_t row, SimTime window,
               FunctionWindows& windows) const;
  void FillStatus(const Slot& slot, const DeploymentFigures* figures, const DeploymentRound& round,
                  SimTime now, SimTime window, FunctionStatus& status) const;
  void JudgeActuation(const Slot& slot, const DeploymentFigures* figures, SimTime now,
                      FunctionStatus& status) const;
  static void FillCluster(const DeploymentRound& round, const FunctionWindows& windows,
                          ClusterState& cluster);

  const KedaConfig config_;
  NetClock& clock_;
  const SimTime began_;
  ScaledObjects objects_;
  DeploymentSource source_;
  std::unique_ptr<ScalerService> service_;

  // Of the loop's thread.
  std::vector<Slot> slots_;
  std::map<std::string, size_t> slot_of_key_;
  Catalogue catalogue_;
  std::vector<FunctionStatus> status_;
  std::optional<SimTime> observed_at_;
};

}  // namespace reeve
