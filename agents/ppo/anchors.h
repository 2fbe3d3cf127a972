// Past situations that a policy is held to while it learns something else (LCPO: P. Hamadanian et
// al., ICLR'25; UpdateOptions::anchors), and the store they are drawn from. Without torch.
//
// Shape letters as in envs/vector_env.h; A groups, I inputs of the actor, B sequences of L steps, D
// dimensions of a context.
#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "agents/ppo/rollout.h"
#include "agents/ppo/tensor_file.h"

namespace reeve {

// Sequences of what actors were given. Inputs are as they were then, normalised with the moments of
// then: where those move much, old anchors say less and less (hold the normaliser still once it has
// seen enough).
struct AnchorSet {
  int32_t steps = 0;                // L
  std::vector<int32_t> groups;      // [B] the group of each sequence
  std::vector<float> actor_inputs;  // [B, L, I]
  std::vector<float> starts;        // [B, L] as in Rollout; the past before the first step is none
  std::vector<uint8_t> legal;       // [B, L, K]
  std::vector<float> weights;       // [B, L] 0: the agent was absent

  int64_t size() const { return static_cast<int64_t>(groups.size()); }
};

struct AnchorShape {
  int32_t groups = 1;          // A
  int32_t inputs = 1;          // I
  std::vector<int32_t> heads;  // [H]
  int32_t context = 1;         // D
  int32_t steps = 32;          // L; for encoders with a past, longer than what they look back
  int32_t choices() const { return std::accumulate(heads.begin(), heads.end(), 0); }  // K
};

// A bounded sample of everything seen: of each group's sequences so far every one is held with the
// same probability (J. Vitter's algorithm R, ACM TOMS 1985). Deterministic: draws are keyed by the
// seed and counters. Not thread-safe.
class AnchorStore {
 public:
  // capacity >= 1: sequences kept of each group.
  AnchorStore(const AnchorShape& shape, int32_t capacity, uint64_t seed);

  // Offers the sequences of a rollout, cut into pieces of L steps (what is left over at the end is
  // not offered, nor pieces in which the agent was never present). `context` [D]: what it was
  // collected in. group_of [N]: PolicyModel's.
  void Add(const Rollout& rollout, std::span<const int32_t> group_of,
           std::span<const double> context);

  // At most `count` sequences of each group, all those whose context `wanted` accepts being equally
  // likely. `draw`: number of this draw; the same number gives the same sequences.
  using Predicate = std::function<bool(std::span<const double> context)>;
  AnchorSet Draw(uint64_t draw, int32_t count, const Predicate& wanted) const;

  int64_t size() const;  // sequences held
  int64_t seen(int32_t group) const { return pools_[static_cast<size_t>(group)].seen; }

  // Adds everything as tensors "anchors.…". Restore leaves the store as it was unless it returns
  // OK; InvalidArgument where the file is of another shape or a larger capacity.
  void Save(TensorFile& file) const;
  absl::Status Restore(const TensorFile& file);

 private:
  struct Pool {  // of one group; n sequences
    int64_t seen = 0;
    std::vector<float> inputs, starts, legal, weights;  // [n, L, I], [n, L], [n, L, K], [n, L]
    std::vector<double> contexts;                       // [n, D]
    int64_t count = 0;                                  // n
  };

  void Offer(int32_t group, const Rollout& rollout, int64_t first_cell,
             std::span<const double> context);

  AnchorShape shape_;
  int64_t capacity_;
  uint64_t seed_;
  std::vector<Pool> pools_;  // [A]
};

}  // namespace reeve
