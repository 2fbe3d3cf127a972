#include "agents/ppo/ppo_loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "agents/ppo/categorical.h"
#include "core/portable_math.h"

namespace reeve {
namespace {

// One head of one row. `slope` is d loss / d log p of the chosen action, `p` scratch that holds the
// probabilities on entry. d(-entropy) / d logit_k = p_k (log p_k + entropy).
void HeadGradient(const float* p, const float* logits, float normaliser, int32_t n, int32_t action,
                  float slope, float entropy_coefficient, float entropy, float* dlogits) {
  for (int32_t k = 0; k < n; ++k) {
    if (p[k] <= 0) {
      dlogits[k] = 0;
      continue;
    }
    const float log_p = logits[k] - normaliser;
    dlogits[k] = slope * ((k == action ? 1.0F : 0.0F) - p[k]) +
                 entropy_coefficient * p[k] * (log_p + entropy);
  }
}

float HeadEntropy(const float* p, const float* logits, float normaliser, int32_t n) {
  float entropy = 0;
  for (int32_t k = 0; k < n; ++k) {
    if (p[k] > 0) entropy -= p[k] * (logits[k] - normaliser);
  }
  return entropy;
}

// What both losses have in common: probabilities (left in dlogits), log-probability of the action,
// entropies; then the gradient for the slope that `loss_of` gives for the log-probability.
constexpr size_t kMaxHeads = 16;

struct RowOutcome {
  float log_prob = 0, entropy = 0;
  float normalisers[kMaxHeads], entropies[kMaxHeads];
  bool legal = true;
};

RowOutcome Evaluate(std::span<const int32_t> heads, const float* logits, const uint8_t* legal,
                    const int32_t* actions, float* probabilities) {
  RowOutcome row;
  for (size_t head = 0; head < heads.size(); ++head) {
    const int32_t n = heads[head];
    row.normalisers[head] = MaskedSoftmax(logits, legal, n, probabilities);
    row.entropies[head] = HeadEntropy(probabilities, logits, row.normalisers[head], n);
    row.entropy += row.entropies[head];
    row.legal = row.legal && legal[actions[head]] != 0;
    row.log_prob += logits[actions[head]] - row.normalisers[head];
    logits += n;
    legal += n;
    probabilities += n;
  }
  return row;
}

// In place: dlogits holds the probabilities.
void Differentiate(std::span<const int32_t> heads, const float* logits, const int32_t* actions,
                   const RowOutcome& row, float slope, float entropy_coefficient, float* dlogits) {
  for (size_t head = 0; head < heads.size(); ++head) {
    HeadGradient(dlogits, logits, row.normalisers[head], heads[head], actions[head], slope,
                 entropy_coefficient, row.entropies[head], dlogits);
    logits += heads[head];
    dlogits += heads[head];
  }
}

}  // namespace

void PolicySums::Add(const PolicySums& other) {
  weight += other.weight;
  loss += other.loss;
  entropy += other.entropy;
  kl += other.kl;
  clipped += other.clipped;
}

void AnchorSums::Add(const AnchorSums& other) {
  weight += other.weight;
  cross_entropy += other.cross_entropy;
  divergence += other.divergence;
}

void ValueSums::Add(const ValueSums& other) {
  weight += other.weight;
  loss += other.loss;
}

PolicySums PolicyLoss(const PolicyRows& rows, const PolicyLossOptions& options, float* dlogits) {
  const auto heads = rows.heads;
  const int32_t choices = std::accumulate(heads.begin(), heads.end(), 0);
  PolicySums sums;
  for (int64_t r = 0; r < rows.rows; ++r) {
    float* const out = dlogits + r * choices;
    const float weight = rows.weights[r];
    if (weight == 0) {
      std::fill_n(out, choices, 0.0F);
      continue;
    }
    const float* const logits = rows.logits + r * choices;
    const int32_t* const actions = rows.actions + r * static_cast<int64_t>(heads.size());
    const RowOutcome row = Evaluate(heads, logits, rows.legal + r * choices, actions, out);

    const float log_ratio = row.log_prob - rows.old_log_probs[r];
    const auto ratio = static_cast<float>(PortableExp(log_ratio));
    const float advantage = rows.advantages[r];
    const float clipped = std::clamp(ratio, 1 - options.clip, 1 + options.clip);
    const bool flat = clipped * advantage < ratio * advantage;  // the clipped side is the smaller

    sums.weight += weight;
    sums.loss -= static_cast<double>(weight) * (flat ? clipped : ratio) * advantage;
    sums.entropy += static_cast<double>(weight) * row.entropy;
    sums.kl += static_cast<double>(weight) * (static_cast<double>(ratio) - 1 - log_ratio);
    sums.clipped += std::abs(ratio - 1) > options.clip ? weight : 0;

    const float scale = options.scale * weight;
    Differentiate(heads, logits, actions, row, flat ? 0.0F : -scale * ratio * advantage,
                  scale * options.entropy, out);
  }
  return sums;
}

PolicySums ImitationLoss(const PolicyRows& rows, const PolicyLossOptions& options, float* dlogits) {
  const auto heads = rows.heads;
  const int32_t choices = std::accumulate(heads.begin(), heads.end(), 0);
  PolicySums sums;
  for (int64_t r = 0; r < rows.rows; ++r) {
    float* const out = dlogits + r * choices;
    const float* const logits = rows.logits + r * choices;
    const int32_t* const actions = rows.actions + r * static_cast<int64_t>(heads.size());
    const float weight = rows.weights[r];
    RowOutcome row;
    if (weight != 0) row = Evaluate(heads, logits, rows.legal + r * choices, actions, out);
    if (weight == 0 || !row.legal) {
      std::fill_n(out, choices, 0.0F);
      continue;
    }
    sums.weight += weight;
    sums.loss -= static_cast<double>(weight) * row.log_prob;
    sums.entropy += static_cast<double>(weight) * row.entropy;
    const float scale = options.scale * weight;
    Differentiate(heads, logits, actions, row, -scale, scale * options.entropy, out);
  }
  return sums;
}

AnchorSums AnchorLoss(const AnchorRows& rows, float scale, float* dlogits) {
  AnchorSums sums;
  int64_t at = 0;  // of the head
  for (int64_t r = 0; r < rows.rows; ++r) {
    const float weight = rows.weights[r];
    sums.weight += weight;
    for (const int32_t n : rows.heads) {
      float* const out = dlogits + at;
      const float* const logits = rows.logits + at;
      const float* const q = rows.references + at;
      at += n;
      if (weight == 0) {
        std::fill_n(out, n, 0.0F);
        continue;
      }
      const float normaliser = MaskedSoftmax(logits, rows.legal + at - n, n, out);  // out: p
      double cross_entropy = 0, entropy = 0;
      for (int32_t k = 0; k < n; ++k) {
        if (q[k] > 0) {
          cross_entropy -= static_cast<double>(q[k]) * (logits[k] - normaliser);
          entropy -= static_cast<double>(q[k]) * PortableLog(q[k]);
        }
        out[k] = scale * weight * (out[k] - q[k]);
      }
      sums.cross_entropy += weight * cross_entropy;
      sums.divergence += weight * (cross_entropy - entropy);
    }
  }
  return sums;
}

void Probabilities(int64_t rows, std::span<const int32_t> heads, const float* logits,
                   const uint8_t* legal, float* probabilities) {
  int64_t at = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (const int32_t n : heads) {
      MaskedSoftmax(logits + at, legal + at, n, probabilities + at);
      at += n;
    }
  }
}

ValueSums ValueLoss(const ValueRows& rows, float clip, float scale, float* dvalues) {
  ValueSums sums;
  for (int64_t r = 0; r < rows.rows; ++r) {
    const float weight = rows.weights[r];
    if (weight == 0) {
      dvalues[r] = 0;
      continue;
    }
    const float error = rows.values[r] - rows.targets[r];
    float worst = error * error;
    float slope = error;
    if (clip > 0) {
      const float old = rows.old_values[r];
      const float held = std::clamp(rows.values[r], old - clip, old + clip) - rows.targets[r];
      if (held * held > worst) {  // only where the value is beyond the clip: there it is constant
        worst = held * held;
        slope = 0;
      }
    }
    sums.weight += weight;
    sums.loss += static_cast<double>(weight) * 0.5 * worst;
    dvalues[r] = scale * weight * slope;
  }
  return sums;
}

}  // namespace reeve
