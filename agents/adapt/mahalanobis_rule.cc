#include "agents/adapt/mahalanobis_rule.h"

#include <algorithm>

namespace reeve {

MahalanobisRule::MahalanobisRule(const MahalanobisOptions& options, const SpreadPrior& prior,
                                 size_t dimensions)
    : options_(options),
      prior_(prior),
      dimensions_(dimensions),
      capacity_(static_cast<size_t>(options.batches) * static_cast<size_t>(options.batch)),
      recent_(capacity_ * dimensions),
      moments_(dimensions),
      model_(dimensions),
      z_(dimensions) {}

const GaussianModel& MahalanobisRule::Present(const EnvironmentBook& book, size_t current) {
  if (filled_ < static_cast<size_t>(options_.batch)) return book.model(current);
  moments_.Clear();
  for (size_t i = 0; i < filled_; ++i) {
    moments_.Add(std::span(recent_).subspan(i * dimensions_, dimensions_));
  }
  model_.Fit(moments_, prior_);
  return model_;
}

Verdict MahalanobisRule::Judge(SimTime /*now*/, std::span<const double> x,
                               const EnvironmentBook& book, size_t current) {
  const double per_dimension = -0.5 / static_cast<double>(dimensions_);
  const double s = per_dimension * Present(book, current).Whiten(x, z_);
  if (s >= options_.threshold / 2) {
    return {Judgement::kKnown, current, 1 - s / options_.threshold};
  }
  if (s >= options_.threshold) return {};
  size_t best = current;
  double best_s = 0;
  for (size_t i = 0; i < book.size(); ++i) {
    if (i == current) continue;
    const double other = per_dimension * book.model(i).Whiten(x, z_);
    if (best == current || other > best_s) {
      best = i;
      best_s = other;
    }
  }
  if (best != current && best_s >= options_.threshold) {
    return {Judgement::kKnown, best, 1 - best_s / options_.threshold};
  }
  return {Judgement::kNew, 0, 1 - options_.threshold / s};
}

void MahalanobisRule::Absorb(SimTime now, std::span<const double> x, double memory, bool learning,
                             EnvironmentBook& book, size_t current) {
  ShiftRule::Absorb(now, x, memory, learning, book, current);
  std::copy(x.begin(), x.end(), recent_.begin() + static_cast<std::ptrdiff_t>(next_ * dimensions_));
  next_ = (next_ + 1) % capacity_;
  filled_ = std::min(filled_ + 1, capacity_);
}

void MahalanobisRule::Begin(const EnvironmentBook& /*book*/, size_t /*current*/,
                            const ContextMoments& /*stretch*/) {
  next_ = filled_ = 0;
}

void MahalanobisRule::Save(StateVectors& state) const {
  state.reals["rule.recent"] = recent_;
  state.integers["rule.ring"] = {static_cast<int64_t>(next_), static_cast<int64_t>(filled_)};
}

absl::Status MahalanobisRule::Restore(const StateVectors& state) {
  StateReader reader(state);
  std::vector<double> recent;
  std::vector<int64_t> ring(2);
  reader.Read("rule.recent", recent_.size(), recent);
  reader.Read("rule.ring", 2, ring);
  const auto capacity = static_cast<int64_t>(capacity_);
  if (ring[0] < 0 || ring[0] >= capacity || ring[1] < 0 || ring[1] > capacity) {
    reader.Fail("'rule.ring' is not of this ring");
  }
  if (!reader.ok()) return reader.status();
  recent_ = std::move(recent);
  next_ = static_cast<size_t>(ring[0]);
  filled_ = static_cast<size_t>(ring[1]);
  return absl::OkStatus();
}

}  // namespace reeve
