// The ScaledObjects that KEDA asks about, and what it is told.
//
// KEDA names an object in every question, with the metadata of its trigger; who asks is known from
// then on. An object that nobody has asked about for a while is gone: KEDA asks at every polling
// interval (30 s unless the ScaledObject says otherwise), and its HorizontalPodAutoscaler every
// 15 s.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/net/clock.h"
#include "core/units.h"

namespace reeve {

// The metadata of a trigger. All keys may be missing:
//
//   deployment   the Deployment that is scaled; the ScaledObject's own name without it
//   tenant       whose it is; its namespace without it
//   sloLatency   its objective, as 500ms
//   minReplicas  what Reeve may ask for, within what the ScaledObject allows
//   maxReplicas
//   concurrency  requests that one replica takes at once, for policies that count by it
struct ScaledObject {
  std::string ns, name;
  std::string deployment;
  std::string tenant;
  SimTime slo_latency = SimTime::Max();  // Max() = none
  int32_t min_replicas = 0;
  int32_t max_replicas = std::numeric_limits<int32_t>::max();
  int32_t concurrency = 0;  // 0 = unlimited
  std::string ignored;      // a key that is neither ours nor KEDA's own; "" = there is none

  std::string key() const { return ns + "/" + name; }
  bool operator==(const ScaledObject&) const = default;
};

// InvalidArgument that names the ScaledObject, the key and what it may be: names that are none of
// Kubernetes' (RFC 1123, at most 253 characters), numbers and times that are none, min above max.
absl::StatusOr<ScaledObject> ReadScaledObject(const std::string& ns, const std::string& name,
                                              const std::map<std::string, std::string>& metadata);

// Thread-safe.
class ScaledObjects {
 public:
  // Told whether an object is to have replicas, when that changes. Called by the thread that
  // changes it, without a lock; must return at once.
  using Listener = std::function<void(bool active)>;

  // At most `capacity` objects at a time; those not asked about for `forget_after` are gone.
  ScaledObjects(size_t capacity, SimTime forget_after, NetClock& clock);

  // KEDA asks about it. ResourceExhausted when there are too many others.
  absl::Status Asked(const ScaledObject& object);

  // What KEDA is told: the replicas that were decided. Unavailable, and why, while nothing is: KEDA
  // then leaves the count alone, or follows the ScaledObject's `fallback`.
  absl::StatusOr<int32_t> Target(const std::string& key) const;
  void SetTarget(const std::string& key, int32_t replicas);
  void Withdraw(const std::string& key);

  // An object with a listener counts as asked about. Calls the listener at once if something is
  // decided. The number is for StopListening; a call that has begun before it may end after it.
  // ResourceExhausted as above.
  absl::StatusOr<uint64_t> Listen(const ScaledObject& object,
                                  std::shared_ptr<const Listener> listener);
  void StopListening(const std::string& key, uint64_t number);

  // One that is known: by key, rising. Forgets those that are gone.
  struct Known {
    ScaledObject object;
    SimTime unasked;  // how long ago it was last asked about; zero with a listener
  };
  std::vector<Known> List();

 private:
  struct Entry {
    ScaledObject object;
    SimTime asked_at;
    std::optional<int32_t> target;
    std::map<uint64_t, std::shared_ptr<const Listener>> listeners;
  };
  // Both with mutex_ held.
  absl::StatusOr<Entry*> Touch(const ScaledObject& object);
  void ForgetGone(SimTime now);

  const size_t capacity_;
  const SimTime forget_after_;
  NetClock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  uint64_t next_listener_ = 1;            // guarded by mutex_
};

}  // namespace reeve
