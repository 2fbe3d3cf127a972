#include "agents/adapt/bocpd_rule.h"

#include <algorithm>
#include <optional>

namespace reeve {

BocpdRule::BocpdRule(const BocpdOptions& options, double match, size_t dimensions)
    : options_(options),
      match_(match),
      runs_(dimensions,
            {.kappa = 1 / (options.spread * options.spread),
             .alpha = options.sd_weight / 2,
             .beta = options.sd_weight / 2 * options.sd * options.sd},
            1 / options.mean_run, static_cast<size_t>(options.max_run)) {}

Verdict BocpdRule::Judge(SimTime /*now*/, std::span<const double> x, const EnvironmentBook& book,
                         size_t current) {
  runs_.Update(x);
  const std::span<const double> p = runs_.probability();
  const auto run = static_cast<size_t>(std::max_element(p.begin(), p.end()) - p.begin());
  if (run < static_cast<size_t>(options_.min_run)) return {};
  double confidence = 0;
  const size_t last = std::min(run + run / 4, runs_.max_run());
  for (size_t r = run - run / 4; r <= last; ++r) confidence += p[r];
  confidence = std::min(confidence, 1.0);
  if (confidence <= options_.threshold) return {};
  const std::span<const double> mean = runs_.mean(run);
  if (book.Passes(mean, match_, current)) return {Judgement::kKnown, current, confidence};
  if (const std::optional<size_t> match = book.Match(mean, match_)) {
    return {Judgement::kKnown, *match, confidence};
  }
  return {Judgement::kNew, 0, confidence};
}

void BocpdRule::Begin(const EnvironmentBook& book, size_t current,
                      const ContextMoments& /*stretch*/) {
  runs_.SetPriorMean(book.model(current).mean());
}

void BocpdRule::Save(StateVectors& state) const {
  runs_.Save(state);
}

absl::Status BocpdRule::Restore(const StateVectors& state) {
  return runs_.Restore(state);
}

}  // namespace reeve
