// Which part of the work this instance does, where several share it: the shards whose Leases it
// holds (controller/kube/leader_elector.h). Each shard is done by one instance at a time; those of
// an instance that is gone are taken over by the others within a lease; instances that come get
// their share.
//
// With one shard there is one Lease, `name`, and this is a LeaderElector. With K shards there are
// 2 K Leases: `name`-shard-0 … for the work, and `name`-seat-0 … by which instances know how many
// of them there are. An instance holds one seat; with M seats held, the instance on the r-th of
// them (from 0) may hold K / M shards, and one more if r < K mod M. It gives back what it holds
// beyond that, and takes what is free below it. More instances than shards wait for a seat.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "controller/kube/kube_client.h"
#include "controller/kube/leader_elector.h"
#include "controller/net/clock.h"

namespace reeve {

// In which of `shards` a key is, by its hash alone: the same in every instance. shards >= 1.
int ShardOf(std::string_view key, int shards);

class ShardElector {
 public:
  // `lease.name` is the prefix; as for LeaderElector. 1 <= shards <= 16.
  ShardElector(KubeClient& client, const LeaseOptions& lease, int shards, NetClock& clock);
  ~ShardElector();
  ShardElector(const ShardElector&) = delete;
  ShardElector& operator=(const ShardElector&) = delete;

  void Start();
  // Ends the thread and gives everything up, so that others may take it at once.
  void Stop();

  int shards() const { return static_cast<int>(shards_.size()); }
  // Is this shard ours, by the clock, right now? Any thread.
  bool Holds(int shard) const;
  bool HoldsAny() const;
  // Who holds it, as last read; "" when nobody does. Any thread.
  std::string Holder(int shard) const;

  // One round of getting, renewing and giving back; Start calls it every `retry`. For tests, and
  // not together with Start.
  void Attempt();

 private:
  // How many shards this instance may hold now.
  int Share();

  NetClock& clock_;
  const SimTime retry_;
  StopSignal stop_;
  std::vector<std::unique_ptr<LeaderElector>> seats_, shards_;  // no seats with one shard
  int first_ = 0;  // the shard that is tried first, so that not all try the same
  std::thread thread_;
};

}  // namespace reeve
