// What a tenant's key tells: its actions, what they may be set to, and its activations' records,
// read by a thread of its own just before the loop asks.
//
// Records are listed by the start of their activation, the latest first, and come to the list when
// it has ended. So each round reads again from before the latest start it knows: by what the
// longest activation of the last ten minutes took (and waited), and the time that records take to
// appear; and from the earliest start of those under way, where the server lists them. Every
// `sweep` it reads from before the time limit of the slowest action. What has been read already is
// told again: the ledger (activation_ledger.h) knows each one by its id.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "controller/net/clock.h"
#include "controller/openwhisk/openwhisk_config.h"
#include "controller/openwhisk/whisk_client.h"
#include "controller/openwhisk/whisk_objects.h"

namespace reeve {

// What one round found.
struct TenantRound {
  absl::Status status;                              // not OK: nothing of this round counts
  SimTime began;                                    // monotonic
  int64_t wall_ms = 0;                              // ours, when it began
  std::string ns;                                   // whose the key is
  std::optional<std::vector<WhiskAction>> actions;  // where it was their turn, all of them
  WhiskBounds bounds;                               // as of the last time they could be read
  std::vector<WhiskActivation> activations;         // unread ones, and some that were read before
  int64_t forget_before_ms = INT64_MIN;             // what started earlier will not be read again
};

class TenantSource {
 public:
  // `with_activations`: else only actions and bounds are read. `key` and `clock` outlive it.
  TenantSource(const WhiskTenantSpec& tenant, const OpenWhiskConfig& config, bool with_activations,
               WhiskClientOptions options, WhiskKey& key, NetClock& clock);
  ~TenantSource();
  TenantSource(const TenantSource&) = delete;
  TenantSource& operator=(const TenantSource&) = delete;

  // From now on a thread reads, and Collect hands out what it has. A round begins so that it ends
  // just before the next Collect is to be expected, `window` after this one.
  void Start();
  void Stop();
  // Rounds since the last call, oldest first; where there is none yet, one that is under way is
  // waited for, `patience` at most. Without Start: one that is read now.
  std::vector<TenantRound> Collect(SimTime now, SimTime window, SimTime patience);
  // Actions are to be listed in the next round, whenever that would be due.
  void ListActionsSoon();

  uint64_t requests() const { return client_.requests(); }  // where no thread reads

 private:
  TenantRound Read();
  absl::Status ReadAll(TenantRound& round);
  absl::Status ReadBounds(TenantRound& round);
  absl::Status ReadActions(TenantRound& round);
  absl::Status ReadActivations(TenantRound& round);
  int64_t ReadFrom(const TenantRound& round, bool sweep) const;
  void Learn(const TenantRound& round);
  void Run();

  const std::string tenant_ns_;
  const OpenWhiskConfig& config_;
  const bool with_activations_;
  WhiskClient client_;  // of whoever reads
  NetClock& clock_;

  // Of whoever reads.
  std::string ns_;
  WhiskBounds bounds_;
  std::optional<SimTime> actions_at_, bounds_at_, swept_at_;
  SimTime slowest_ = SimTime::Minutes(5);  // time limit of the slowest action
  std::optional<int64_t> latest_start_ms_;
  std::optional<int64_t> oldest_open_ms_;
  std::deque<std::pair<SimTime, int64_t>> longest_ms_;  // of the last minutes: when seen, how long

  StopSignal stop_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_.
  std::vector<TenantRound> rounds_;
  SimTime next_;   // when the next round begins
  SimTime takes_;  // how long the last one took
  bool list_soon_ = false;
};

}  // namespace reeve
