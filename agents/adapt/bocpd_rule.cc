#include "agents/adapt/bocpd_rule.h"

#include <algorithm>
#include <limits>

namespace reeve {

BocpdRule::BocpdRule(const BocpdOptions& options, double match, size_t dimensions)
    : options_(options),
      match_(match),
      runs_(dimensions,
            {.kappa = 1 / (options.spread * options.spread),
             .alpha = 1,
             .beta = options.sd * options.sd},
            1 / options.mean_run, static_cast<size_t>(options.max_run)) {}

size_t BocpdRule::Likeliest(size_t most) const {
  const std::span<const double> p = runs_.probability();
  size_t best = 1;
  for (size_t r = 2; r <= most; ++r) {
    if (p[r] > p[best]) best = r;
  }
  return best;
}

Verdict BocpdRule::Judge(SimTime /*now*/, std::span<const double> x, const EnvironmentBook& book,
                         size_t current) {
  runs_.Update(x);
  ++age_;
  const auto half = static_cast<size_t>(std::min(age_, static_cast<int64_t>(runs_.max_run())) / 2);
  double recent = 0;
  for (size_t r = 0; r <= half; ++r) recent += runs_.probability()[r];
  recent = std::min(recent, 1.0);
  if (recent <= options_.threshold / 2) return {Judgement::kKnown, current, 1 - recent};
  if (recent <= options_.threshold || half == 0) return {};
  const size_t run = Likeliest(half);
  if (run < static_cast<size_t>(options_.min_run)) return {};
  const std::optional<size_t> match = book.Match(runs_.mean(run), match_);
  if (match == current) {
    age_ = static_cast<int64_t>(run);
    return {Judgement::kKnown, current, 1 - recent};
  }
  ++age_;  // half of it keeps up with the new segment until that is in force
  if (!match) return {Judgement::kNew, 0, recent};
  return {Judgement::kKnown, *match, recent};
}

void BocpdRule::Begin(const EnvironmentBook& book, size_t current,
                      const ContextMoments& /*stretch*/) {
  runs_.SetPriorMean(book.model(current).mean());
  age_ = static_cast<int64_t>(Likeliest(runs_.max_run()));
}

void BocpdRule::Save(StateVectors& state) const {
  runs_.Save(state);
  state.integers["rule.age"] = {age_};
}

absl::Status BocpdRule::Restore(const StateVectors& state) {
  StateReader reader(state);
  std::vector<int64_t> age(1);
  reader.Read("rule.age", 1, age);
  if (age[0] < 0 || age[0] > std::numeric_limits<int64_t>::max() / 4) {
    reader.Fail("'rule.age' is impossible");
  }
  if (!reader.ok()) return reader.status();
  if (absl::Status status = runs_.Restore(state); !status.ok()) return status;
  age_ = age[0];
  return absl::OkStatus();
}

}  // namespace reeve
