// The losses of proximal policy optimisation and their gradients in the networks' outputs, by hand:
// J. Schulman et al., arXiv 1707.06347. The same through torch's autograd is in
// tests/agents/ppo/ppo_loss_test.cc, which holds both together.
//
// Shape letters: R rows, H heads, K choices of all heads. Every function is pure and allocates
// nothing.
#pragma once

#include <cstdint>
#include <span>

namespace reeve {

struct PolicyRows {
  int64_t rows = 0;
  std::span<const int32_t> heads;        // [H]
  const float* logits = nullptr;         // [R, K]
  const uint8_t* legal = nullptr;        // [R, K]
  const int32_t* actions = nullptr;      // [R, H]
  const float* old_log_probs = nullptr;  // [R]
  const float* advantages = nullptr;     // [R]
  const float* weights = nullptr;        // [R] 0: the row counts for nothing
};

// Sums over rows of weight times …
struct PolicySums {
  double weight = 0;
  double loss = 0;     // -min(ratio A, clip(ratio) A)
  double entropy = 0;  // summed over heads
  double kl = 0;       // ratio - 1 - log ratio: of old and new policy (Schulman, "k3")
  double clipped = 0;  // 1 where |ratio - 1| > clip

  void Add(const PolicySums& other);
};

struct PolicyLossOptions {
  float clip = 0.2F;
  float entropy = 0.01F;  // coefficient
  float scale = 1;        // of the gradients: 1 / (sum of the weights of the mini-batch)
};

// dlogits [R, K]: the gradient of scale * sum of weight * (loss - entropy coefficient * entropy).
// Rows of weight 0 and illegal choices get exactly 0.
PolicySums PolicyLoss(const PolicyRows& rows, const PolicyLossOptions& options, float* dlogits);

// Cross-entropy with the actions, for learning from a demonstrator: `loss` is -log p, `kl` and
// `clipped` stay 0. Rows whose action is illegal get weight 0.
PolicySums ImitationLoss(const PolicyRows& rows, const PolicyLossOptions& options, float* dlogits);

struct AnchorRows {
  int64_t rows = 0;
  std::span<const int32_t> heads;     // [H]
  const float* logits = nullptr;      // [R, K]
  const uint8_t* legal = nullptr;     // [R, K]
  const float* references = nullptr;  // [R, K] q: probabilities that the policy is held to
  const float* weights = nullptr;     // [R] 0: the row counts for nothing
};

// Sums over rows of weight times, both summed over heads, …
struct AnchorSums {
  double weight = 0;
  double cross_entropy = 0;  // -sum of q log p
  double divergence = 0;     // sum of q log(q / p): by how much the former is above its least

  void Add(const AnchorSums& other);
};

// dlogits [R, K]: the gradient of scale * sum of weight * cross-entropy; exactly 0 where p is q.
AnchorSums AnchorLoss(const AnchorRows& rows, float scale, float* dlogits);

// The probabilities [R, K] that logits give, for references.
void Probabilities(int64_t rows, std::span<const int32_t> heads, const float* logits,
                   const uint8_t* legal, float* probabilities);

struct ValueRows {
  int64_t rows = 0;
  // [R], all normalised alike.
  const float* values = nullptr;
  const float* old_values = nullptr;
  const float* targets = nullptr;
  const float* weights = nullptr;
};

struct ValueSums {
  double weight = 0;
  double loss = 0;  // max of (v - target)^2 / 2 and the same with v within old +- clip

  void Add(const ValueSums& other);
};

// dvalues [R]: the gradient of scale * sum of weight * loss. clip 0: none.
ValueSums ValueLoss(const ValueRows& rows, float clip, float scale, float* dvalues);

}  // namespace reeve
