// Knative as a live platform. A function is a revision that a route leads to.
//
// Observing: watches of services, revisions, PodAutoscalers, Deployments and pods keep caches; the
// figures come from the queue-proxies or from Prometheus. Nothing in Observe waits for the API
// server.
//
// Acting, as config.attach says:
//   annotate   min-scale and max-scale are set to the count, on the object that this release of
//              Knative follows. Knative's autoscaler still decides when to go from one to zero.
//   own_class  the autoscaler class is set to ours and its work done here: ServerlessService,
//   scale,
//              status; to zero by way of the activator, from zero when requests are queued there
//              (which only metrics: prometheus can tell).
// What is set, and what was there before, is remembered on the objects themselves
// (controller/knative/attachment.h): hand-back restores exactly that.
//
// Without a right to write the platform goes on observing, and says so once; such decisions count
// as refused. Only the holder of the lease writes.
//
// Threads: as live_platform.h; has threads of its own that watch, scrape and renew the lease.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/knative/attachment.h"
#include "controller/knative/direct_source.h"
#include "controller/knative/knative_config.h"
#include "controller/knative/object_writer.h"
#include "controller/knative/prometheus_source.h"
#include "controller/knative/revision_view.h"
#include "controller/knative/window_filling.h"
#include "controller/kube/informer.h"
#include "controller/kube/kube_client.h"
#include "controller/kube/shard_elector.h"
#include "controller/live_platform.h"
#include "controller/net/clock.h"

namespace reeve {

// Whether a write has failed for good: as often as it is tried again, until somebody changes
// something, the server says no.
bool IsRefusal(const absl::Status& written);

class KnativePlatform : public LivePlatform {
 public:
  // Connects and starts watching; returns before the first lists have come. `environment` as of
  // FindKubeAccess. Errors: no access configured, or a configuration that cannot be.
  static absl::StatusOr<std::unique_ptr<KnativePlatform>> Create(
      const KnativeConfig& config, const Environment& environment,
      NetClock& clock = NetClock::Real());
  ~KnativePlatform() override;

  // Waits until the first lists have come, or for `most`: a loop that begins then has its first
  // window one period earlier. The loop's thread, before the first Observe.
  void AwaitLists(SimTime most);

  void SetHooks(Hooks hooks) override { hooks_ = std::move(hooks); }
  std::string_view name() const override { return "knative"; }
  PlatformCapabilities capabilities() const override { return capabilities_; }
  absl::Status Observe(Snapshot& snapshot) override;
  absl::Status Apply(std::span<const Decision> decisions) override;
  const Catalogue& catalogue() const override { return catalogue_; }
  std::span<const FunctionStatus> Status() const override { return status_; }
  // Does nothing: the first decision that is applied takes over.
  absl::Status TakeOver(std::span<const FunctionId> functions) override;
  absl::Status HandBack(std::span<const FunctionId> functions) override;
  bool MayAct() const override;
  bool MayActOn(FunctionId function) const override;

  // Who leads, as last seen, separated by commas where there are several shards; "" without a
  // lease.
  std::string Leader() const;
  uint64_t writes() const { return writer_->writes(); }

 private:
  // One function's slot, for good.
  struct Slot {
    std::string ns, name;
    int shard = 0;                       // of its tenant
    const RevisionView* view = nullptr;  // into views_; null: absent
    RowMemory memory;
    std::optional<int32_t> replicas;  // asked for
    std::optional<Millicores> cpu;
    std::optional<Mebibytes> memory_limit;
    SimTime asked_at;
    bool to_write = false;  // what was asked for is still to be written
    bool given_up = false;  // the last decision could not be: it is for the loop to ask again
    std::optional<int32_t> scaled;  // own class: the last count that was sent to /scale
    bool unsure = false;            // a write got no answer: caches may be behind what stands there
    absl::Status written;           // the last attempt to
    std::optional<SimTime> proxied_since;  // own_class
    double queued = 0;                     // at the activator, as far as is known

    void ForgetAsked();
  };

  KnativePlatform(const KnativeConfig& config, KubeAccess access, NetClock& clock);
  void Start();
  void FindCapabilities();
  void FindAnnotatedObject();

  // knative_platform.cc
  absl::Status Healthy() const;
  std::vector<RevisionView> Views() const;  // any thread
  void UpdateCatalogue();
  void FillCluster(ClusterState& cluster) const;
  void FillStatus(const Slot& slot, const FunctionFigures* figures, const FigureRound& round,
                  SimTime now, FunctionStatus& status) const;
  void JudgeActuation(const Slot& slot, SimTime now, FunctionStatus& status) const;
  SimTime OldestContact() const;

  // knative_actions.cc
  Informer& AnnotatedCache();
  const Annotations& AnnotationsFor(const RevisionView& view) const;
  LiveFunction Describe(const RevisionView& view) const;
  int32_t Bounded(const RevisionView& view, int32_t replicas) const;
  // Writes what is still to be written. Of `decisions` [F] (empty: none are new) what cannot be
  // written is given up, and said so in the status: the next tick decides anew. The rest is owed
  // and tried again. Unavailable when nothing could be written.
  absl::Status CarryOn(SimTime begin, std::span<const Decision> decisions);
  void NoteWhatIsBehind();
  SimTime WriteWithin() const;  // the time that a tick has for writing
  absl::Status CarryOut(Slot& slot);
  void LearnAnnotatedObject(SimTime now);
  void ReconcileClass(SimTime now);
  absl::Status ReconcileOne(Slot& slot, SimTime now);
  absl::Status ResizePods(const Slot& slot, std::optional<Millicores> cpu,
                          std::optional<Mebibytes> memory);
  absl::Status HandBackOne(Slot& slot);

  const KnativeConfig config_;
  NetClock& clock_;
  const SimTime began_;
  Hooks hooks_;
  PlatformCapabilities capabilities_;

  KubeCredentials credentials_;
  std::unique_ptr<KubeClient> client_, watch_client_, lease_client_;
  std::unique_ptr<ShardElector> elector_;  // null: no lease
  std::unique_ptr<Informer> services_, revisions_, autoscalers_, deployments_, pods_, nodes_;
  std::unique_ptr<Informer> serverless_services_;  // own_class only
  std::unique_ptr<DirectSource> direct_;
  std::unique_ptr<PrometheusSource> prometheus_;
  std::unique_ptr<ObjectWriter> writer_;

  // Of the loop's thread.
  std::vector<RevisionView> views_;
  std::vector<Slot> slots_;
  std::map<std::string, size_t> slot_of_id_;
  Catalogue catalogue_;
  std::vector<FunctionStatus> status_;
  size_t write_first_ = 0;  // the slot that there was no time for last
  std::optional<SimTime> observed_at_;
  SimTime window_;                            // between the last two observations; zero before
  std::optional<AnnotatedObject> annotated_;  // nullopt: still to be found out
  std::optional<size_t> probe_;               // the slot by which it is found out
  SimTime probed_at_;
};

}  // namespace reeve
