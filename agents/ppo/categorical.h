// Choices among the legal ones of a head: softmax with a mask, log-probabilities, sampling. The
// arithmetic is that of core/portable_math.h, so what is chosen depends on the logits alone.
#pragma once

#include <cstdint>
#include <span>

namespace reeve {

// Probabilities of `n` choices; illegal ones get exactly 0. At least one must be legal. Returns the
// log of the normaliser: log p = logit - that.
float MaskedSoftmax(const float* logits, const uint8_t* legal, int32_t n, float* probabilities);

// By inverse CDF: `uniform` in (0, 1). Never a choice of probability 0.
int32_t Sample(const float* probabilities, int32_t n, double uniform);

// The most probable, the first of equals.
int32_t MostProbable(const float* probabilities, int32_t n);

// All heads of one agent. `choices` and `probabilities` [K], laid out head by head.
// Draws choices [H], uniform(h) giving the uniform of each head; returns the log-probability.
template <class Uniform>
float SampleHeads(std::span<const int32_t> heads, const float* logits, const uint8_t* legal,
                  Uniform&& uniform, float* probabilities, int32_t* choices) {
  float log_probability = 0;
  for (size_t head = 0; head < heads.size(); ++head) {
    const float normaliser = MaskedSoftmax(logits, legal, heads[head], probabilities);
    choices[head] = Sample(probabilities, heads[head], uniform(head));
    log_probability += logits[choices[head]] - normaliser;
    logits += heads[head];
    legal += heads[head];
    probabilities += heads[head];
  }
  return log_probability;
}

}  // namespace reeve
