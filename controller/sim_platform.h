// The simulated cluster as a live platform: a whole control loop without a cluster.
//
// Functions that were not taken over are driven by a policy of the platform's own, as Knative
// drives them by its autoscaler. What the loop decides for those that were is carried out as in
// `reeve simulate`: the same trace, seed, cluster, policy and period give the same decisions.
// Metrics of functions can be made to fail, to see what the loop does then.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "controller/live_platform.h"
#include "controller/loop_clock.h"
#include "core/config.h"
#include "core/policy.h"
#include "sim/cluster.h"
#include "sim/cluster_spec.h"
#include "sim/perturbation.h"
#include "sim/perturbed_platform.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

enum class OutageKind : uint8_t {
  kMissing,     // the platform says that it has no numbers
  kStale,       // the numbers stay what they were, and grow old
  kNotANumber,  // the numbers are NaN
};
constexpr auto EnumNames(OutageKind) {
  return std::array<std::pair<OutageKind, std::string_view>, 3>{
      {{OutageKind::kMissing, "missing"},
       {OutageKind::kStale, "stale"},
       {OutageKind::kNotANumber, "not_a_number"}}};
}

struct OutageSpec {
  SimTime at;
  SimTime length = SimTime::Minutes(1);
  std::string tenant;
  OutageKind kind = OutageKind::kMissing;

  template <class V>
  static void Fields(V& v) {
    v.Field("at", &OutageSpec::at, "When it begins", AtLeast(0));
    v.Field("length", &OutageSpec::length, "How long it lasts", AtLeast(0));
    v.Field("tenant", &OutageSpec::tenant, "Whose functions; empty: all");
    v.Field("kind", &OutageSpec::kind, "What becomes of their numbers");
  }
};

struct SimPlatformSpec {
  std::string trace;
  WithinMinute within_minute = WithinMinute::kByTrigger;
  double speed = 0;
  ClusterSpec cluster;
  PolicySpec own_policy;
  PerturbationSpec perturbations;
  std::vector<OutageSpec> outages;

  template <class V>
  static void Fields(V& v) {
    using S = SimPlatformSpec;
    v.Field("trace", &S::trace,
            "The workload: a .rtrace file, or what `reeve trace import` reads; the loop ends with "
            "it");
    v.Field("within_minute", &S::within_minute,
            "Where the invocations of a per-minute trace fall within their minute");
    v.Field("speed", &S::speed,
            "Simulated seconds per second: 1 is as live; 0 is as fast as it goes", Between(0, 1e6));
    v.Field("cluster", &S::cluster,
            "The simulated cluster; its control period is that of the loop");
    v.Field("own_policy", &S::own_policy,
            "The platform's own autoscaler: what drives functions that are not taken over");
    v.Field("perturbations", &S::perturbations, "What stands between the loop and the cluster");
    v.Field("outages", &S::outages, "When metrics fail");
  }
};

// Not thread-safe.
class SimPlatform : public LivePlatform {
 public:
  // `trace` and `clock` outlive the platform. `spec` has passed Validate(), and its cluster's
  // control period is that of the loop. InvalidArgument for an own policy that cannot be made.
  static absl::StatusOr<std::unique_ptr<SimPlatform>> Create(const SimPlatformSpec& spec,
                                                             const Trace& trace, uint64_t seed,
                                                             const LoopClock& clock);

  void SetHooks(Hooks hooks) override { hooks_ = std::move(hooks); }
  std::string_view name() const override { return "sim"; }
  PlatformCapabilities capabilities() const override;
  // Simulates up to the last whole control period that has passed by the clock.
  absl::Status Observe(Snapshot& snapshot) override;
  absl::Status Apply(std::span<const Decision> decisions) override;
  const Catalogue& catalogue() const override { return catalogue_; }
  std::span<const FunctionStatus> Status() const override { return status_; }
  absl::Status TakeOver(std::span<const FunctionId> functions) override;
  absl::Status HandBack(std::span<const FunctionId> functions) override;
  bool Ended() const override { return started_ && cluster_.now() >= duration_; }

  const SimulatedCluster& cluster() const { return cluster_; }

 private:
  SimPlatform(const SimPlatformSpec& spec, const Trace& trace, uint64_t seed,
              const LoopClock& clock, std::unique_ptr<Policy> own);
  void Wake(FunctionId function, SimTime now, Decision& decision);
  absl::Status ApplyOwn();
  void NoteAsItIs(size_t f, const FunctionWindows& w);
  void BreakMetrics(Snapshot& snapshot);

  const SimPlatformSpec spec_;
  const SimTime duration_;
  const LoopClock& clock_;
  SimulatedCluster cluster_;
  PerturbedPlatform platform_;
  const std::unique_ptr<Policy> own_;
  Snapshot measured_;
  Hooks hooks_;
  Catalogue catalogue_;
  std::vector<FunctionStatus> status_;                  // [F]
  std::vector<uint8_t> taken_;                          // [F]
  std::vector<Decision> asked_, at_first_;              // [F] by the loop; as it was before
  std::vector<Decision> own_decisions_, to_apply_;      // [F]
  std::vector<std::optional<FunctionWindows>> frozen_;  // [outages] what stale numbers were
  bool started_ = false;
  SimTime clock_start_;
};

}  // namespace reeve
