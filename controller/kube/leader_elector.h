// Which of several instances of this program acts: the one that holds a Lease
// (coordination.k8s.io/v1).
//
// The rules are those of client-go's leaderelection: the holder renews every `retry`; whoever sees
// no change of the lease for `lease_duration`, by its own monotonic clock, takes it; a write names
// the version that was read, so one of two that try at once loses. Times written into the lease are
// for people: clocks of other machines are not believed.
//
// A leader that cannot renew stops acting `renew_deadline` after its last success began, which is
// before others may take over. Requests that write must therefore end within
// lease_duration - renew_deadline.
#pragma once

#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/kube/kube_client.h"
#include "controller/net/clock.h"
#include "core/units.h"

namespace reeve {

struct LeaseOptions {
  std::string ns = "default";
  std::string name = "reeve";
  std::string identity = {};                      // differs between instances, also on one machine
  SimTime lease_duration = SimTime::Seconds(15);  // whole seconds, as the lease holds them
  SimTime renew_deadline = SimTime::Seconds(10);
  SimTime retry = SimTime::Seconds(2);

  // Durations in order: retry < renew_deadline < lease_duration.
  absl::Status Validate() const;
};

class LeaderElector {
 public:
  // `client`'s patience and request_timeout should be below options.renew_deadline. It should be
  // one of its own, so that a crowd of other requests does not delay the renewal.
  LeaderElector(KubeClient& client, LeaseOptions options, NetClock& clock);
  ~LeaderElector();
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  void Start();
  // Ends the thread and gives the lease up if it is ours, so that another may take it at once.
  void Stop();

  // Is this the leader, by the clock, right now? Any thread.
  bool IsLeader() const;
  // Who leads, as last read; "" when nobody does. Any thread.
  std::string Leader() const;
  // The last failure to read or write the lease; OK if there was none since the last success.
  absl::Status last_failure() const;

  // Does anybody hold it, as far as is known? Another's lease that has run out does not count. Any
  // thread.
  bool Taken() const;

  // Reads the lease and leaves it as it is. Not together with Start.
  void Look();
  // One attempt to get or to renew the lease; Start calls it every `retry`. For tests, and not
  // together with Start.
  void Attempt();
  void Release();

 private:
  void Note(const absl::Status& status);
  absl::Status LookOnce();
  absl::Status AttemptOnce(SimTime now);
  absl::Status CreateLease(SimTime now);
  absl::Status TakeOrRenew(const nlohmann::json& lease, SimTime now);
  nlohmann::json SpecFor(const nlohmann::json* before) const;
  void Won(const nlohmann::json& lease, SimTime began);
  void Observe(const nlohmann::json& lease, SimTime now);

  KubeClient& client_;
  const LeaseOptions options_;
  NetClock& clock_;
  StopSignal stop_;
  std::thread thread_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::string observed_spec_;  // the lease's spec as text
  std::string observed_version_;
  std::string holder_;
  SimTime observed_at_;
  SimTime observed_duration_;
  SimTime renewed_at_;  // when the last renewal that succeeded began
  bool held_ = false;
  absl::Status last_failure_;
};

}  // namespace reeve
