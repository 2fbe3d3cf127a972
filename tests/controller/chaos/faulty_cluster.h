// A Knative cluster in memory whose API server and queue-proxies break as they are told. The load
// is known: what a controller believes, and what it should do, can be held against it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/knative/knative_config.h"
#include "controller/net/clock.h"
#include "core/random.h"
#include "tests/controller/chaos/step_clock.h"
#include "tests/controller/knative/fake_kube.h"
#include "tests/controller/scripted_server.h"

namespace reeve {

enum class FaultKind {
  // Of the API server, of some of the requests to it or of all.
  kConflict,     // 409
  kGone,         // 410, watches too
  kBusy,         // 429
  kError,        // 500
  kUnavailable,  // 503 with Retry-After
  kDelay,        // answers come late
  kReset,        // the connection ends in the middle of the answer; what was asked is done or not
  kTruncated,    // half a body
  kGarbage,      // bytes that mean nothing, into watches too
  kOutage,       // nothing is answered, watches end
  // Of the queue-proxies.
  kMetricsError,
  kMetricsSilent,  // no answer in time
  kMetricsReset,
  kMetricsTruncated,
  kMetricsGarbage,
  kMetricsImpossible,  // numbers that cannot be
  kMetricsStale,       // the same answer as before
  // Of the controller and its machine.
  kRestart,
  kWallClock,
};
constexpr auto EnumNames(FaultKind) {
  using K = FaultKind;
  return std::array<std::pair<FaultKind, std::string_view>, 19>{
      {{K::kConflict, "API server: 409"},
       {K::kGone, "API server: 410"},
       {K::kBusy, "API server: 429"},
       {K::kError, "API server: 500"},
       {K::kUnavailable, "API server: 503"},
       {K::kDelay, "API server: delays"},
       {K::kReset, "API server: resets"},
       {K::kTruncated, "API server: truncated"},
       {K::kGarbage, "API server: garbage"},
       {K::kOutage, "API server: gone"},
       {K::kMetricsError, "metrics: 500"},
       {K::kMetricsSilent, "metrics: no answer"},
       {K::kMetricsReset, "metrics: resets"},
       {K::kMetricsTruncated, "metrics: truncated"},
       {K::kMetricsGarbage, "metrics: garbage"},
       {K::kMetricsImpossible, "metrics: impossible"},
       {K::kMetricsStale, "metrics: stale"},
       {K::kRestart, "controller: killed"},
       {K::kWallClock, "wall clock: jumps"}}};
}
bool IsOfMetrics(FaultKind kind);
bool IsOfApiServer(FaultKind kind);

class FaultyCluster {
 public:
  static constexpr int kFunctions = 3;
  // What the owner of every function allows. Of up to four pods all must answer for their numbers
  // to count: one that is silent is not taken to be like the others.
  static constexpr int kLeast = 1, kMost = 4;

  // A change of a function's scale that somebody made through the API.
  struct ScaleChange {
    int function = 0;
    SimTime at;
    int low = 0, high = 0;
    bool attached = false;  // by us; otherwise it is the owner's again
  };

  FaultyCluster(StepClock& clock, uint64_t seed);

  // How it is reached: all but the lease and the attachment.
  void Configure(const std::string& folder, KnativeConfig& config) const;
  int silent_watches() const { return kube_.silent_watches(); }

  // `share` of the requests are hit.
  void Begin(FaultKind kind, double share);
  void End(FaultKind kind);
  // The API server answers nothing, so that who is about to be killed says no farewell.
  void Mute(bool mute);
  // No watch of a controller that is gone is left.
  void AwaitNoWatches() { kube_.AwaitNoWatches(); }
  // Answers that are late come now.
  void LetGo();
  void SetDemand(int function, double requests_at_once);
  // What Knative does: Deployments follow the annotations, pods their Deployments. Not while the
  // API server is gone.
  void PlayKnative();

  // The function's annotations, as the API server has them.
  ScaleChange ScaleOf(int function) const;
  std::vector<ScaleChange> TakeChanges();
  static std::string Revision(int function);

 private:
  struct Active {
    FaultKind kind;
    double share = 1;
  };

  ScriptedReply Between(const ScriptedRequest& request,
                        const std::function<ScriptedReply()>& answer);
  ScriptedReply Faulty(FaultKind kind, const ScriptedRequest& request,
                       const std::function<ScriptedReply()>& answer);
  ScriptedReply Statistics(const ScriptedRequest& request);
  std::optional<FaultKind> Hit(const ScriptedRequest& request, bool metrics);
  // Each path has draws of its own, so that they do not depend on whose request comes first.
  double Draw(const ScriptedRequest& request);
  void SetPods(int function, int pods);

  StepClock& clock_;
  const uint64_t seed_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, RandomCursor> draws_;  // by path
  bool mute_ = false;
  std::vector<Active> active_;
  std::array<double, kFunctions> demand_{};
  std::array<int, kFunctions> pods_{};
  std::map<std::string, std::string> last_statistics_;  // by path
  std::vector<ScaleChange> changes_;
  std::shared_ptr<StopSignal> late_ = std::make_shared<StopSignal>();
  // The last: their threads use the rest.
  FakeKube kube_;
  ScriptedServer queue_proxies_;
};

}  // namespace reeve
