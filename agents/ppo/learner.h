// The update of an iteration: several passes over its steps that move actors and critics.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agents/nn/batched_network.h"
#include "agents/nn/torch.h"
#include "agents/ppo/collective.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/ppo_loss.h"
#include "agents/ppo/rollout.h"
#include "agents/ppo/training_stats.h"
#include "agents/ppo/update_options.h"
#include "agents/ppo/workers.h"

namespace reeve {

class AnchorPass;

// Each mini-batch is cut into `shards` parts of whole environments, with gradients of their own
// that are added up in order: the result does not depend on how many threads there are. A shard
// goes through its environments a few at a time, so that what is between two layers stays in the
// cache. Mini-batches are cut by the numbers that environments have over all ranks, so that several
// processes do what one with all environments would do, but for rounding. Not thread-safe.
class Learner {
 public:
  // `state` outlives the learner, and its vectors keep their place. Sets torch to one thread per
  // operation.
  Learner(TrainerState& state, int32_t envs, int32_t steps, int32_t shards, Workers& workers,
          Collective& collective);
  ~Learner();

  // `rollout` has advantages, old values and targets. Moves the state's parameters and moments. The
  // policy's loss is a mean over the steps that the actor learns from (Rollout::actor_weights), the
  // critic's over all that count; an actor without such steps stays where it is, with whatever
  // `options` hold it to. Adds to `stats` [A]. Errors: the collective's; gradients that are not
  // finite.
  absl::Status Update(const Rollout& rollout, const UpdateOptions& options,
                      std::span<GroupStats> stats);

  double network_seconds() const { return network_seconds_; }  // of the last Update, threads' mean

 private:
  struct Shard;
  // Sums of one mini-batch, additive over shards and ranks.
  struct GroupSums {
    PolicySums policy;
    ValueSums value;
    AnchorSums anchor;
  };
  // Steps of one group in one mini-batch that count, over all ranks.
  struct StepCounts {
    double actor = 0, critic = 0;
  };

  std::vector<std::vector<int32_t>> CutMiniBatches(const UpdateOptions& options,
                                                   int32_t epoch) const;
  absl::Status CountWeights(const Rollout& rollout,
                            const std::vector<std::vector<int32_t>>& mini_batches,
                            std::vector<StepCounts>& counts) const;
  absl::Status TakeAnchors(const UpdateOptions& options);
  void RunShard(int32_t part, std::span<const int32_t> envs, const Rollout& rollout,
                const UpdateOptions& options, const StepCounts* counts) const;
  void RunActor(Shard& shard, std::span<const int32_t> envs, const Rollout& rollout,
                const UpdateOptions& options, const StepCounts* counts) const;
  void RunCritic(Shard& shard, std::span<const int32_t> envs, const Rollout& rollout,
                 const UpdateOptions& options, const StepCounts* counts) const;
  void Gather(const std::vector<float>& source, int32_t width, std::span<const int32_t> envs,
              std::vector<float>& target) const;
  absl::Status AddShardsUp(std::vector<GroupSums>& sums);
  absl::Status Step(const UpdateOptions& options, const std::vector<GroupSums>& sums,
                    std::span<GroupStats> stats);
  absl::Status StepActor(const UpdateOptions& options, const GroupSums& sums, size_t group,
                         GroupStats& stat);
  absl::Status StepCritic(const UpdateOptions& options, const GroupSums& sums, size_t group,
                          GroupStats& stat);
  template <class Use>
  void ForEachSequence(std::span<const int32_t> envs, Use&& use) const;
  bool AllActorsStopped() const;

  TrainerState& state_;
  const int32_t envs_, steps_;
  Workers& workers_;
  Collective& collective_;
  std::vector<int32_t> group_begin_;  // [A + 1] slots: see ModelRunner
  int32_t members_ = 1;               // of the largest group; smaller ones are padded
  int32_t chunk_envs_ = 1;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<uint8_t> stopped_;         // [A] actors that have moved far enough in this iteration
  std::unique_ptr<AnchorPass> anchors_;  // of this Update; null: none
  double network_seconds_ = 0;
};

}  // namespace reeve
