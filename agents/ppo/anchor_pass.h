// What anchors (agents/ppo/anchors.h) do in one update of a Learner: the policy's probabilities in
// them before it moves, then the gradient that holds it there. With torch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "agents/nn/batched_network.h"
#include "agents/nn/torch.h"
#include "agents/ppo/anchors.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/ppo_loss.h"

namespace reeve {

// Each shard of the learner has its own part of every group's sequences, so that the result does
// not depend on how many threads there are. Different shards may be worked on at once.
class AnchorPass {
 public:
  // `anchors` outlives the pass; its sizes fit the model's actor. `weight`: of the mean
  // cross-entropy.
  AnchorPass(const PolicyModel& model, const AnchorSet& anchors, float weight, int32_t shards);

  // Weights of each group [A], of this rank; to be added up over the ranks before AddGradients.
  std::span<double> totals() { return totals_; }

  // Before the first step of the update.
  void Remember(int32_t shard, BatchedNetwork& actor);
  // Adds to the gradients of `actor`, and gives use(group, sums).
  using UseSums = std::function<void(int32_t group, const AnchorSums& sums)>;
  void AddGradients(int32_t shard, BatchedNetwork& actor, const UseSums& use);

 private:
  struct Part {                                   // of a shard
    std::vector<std::vector<int64_t>> sequences;  // [A]
    int64_t longest = 0;                          // of those lists
    std::vector<float> inputs, starts, slopes;    // [A, chunk, L, …]
  };

  // Runs a few sequences of each group at a time through the actor. use(group, sequence, its logits
  // [L, K], where its slopes [L, K] go).
  template <class Use>
  void ForEachSequence(Part& part, BatchedNetwork& actor, bool backward, Use&& use);

  const PolicyModel& model_;
  const AnchorSet& anchors_;
  const float weight_;
  int64_t chunk_ = 1;              // sequences of a group that go through the network at once
  std::vector<double> totals_;     // [A]
  std::vector<float> references_;  // [B, L, K]
  std::vector<Part> parts_;        // [shards]
};

}  // namespace reeve
