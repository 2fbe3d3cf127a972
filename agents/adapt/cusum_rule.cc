#include "agents/adapt/cusum_rule.h"

#include <algorithm>

#include "core/portable_math.h"

namespace reeve {
namespace {

constexpr double kCap = 1.5;  // of sums, in thresholds

}  // namespace

double NoneLogRatio(std::span<const double> z, double spread) {
  const double log_spread = PortableLog(spread);
  const double gain = 0.5 * (1 - 1 / (spread * spread));
  double all = 0, top = 0;
  for (double x : z) {
    const double l = gain * x * x - log_spread;
    all += l;
    top = std::max(top, l);
  }
  top = std::max(top, all);
  double sum = PortableExp(all - top);
  for (double x : z) sum += PortableExp(gain * x * x - log_spread - top);
  return top + PortableLog(sum / static_cast<double>(z.size() + 1));
}

CusumRule::CusumRule(const CusumOptions& options, size_t dimensions, size_t capacity)
    : options_(options), sums_(capacity + 1), z_(dimensions) {}

Verdict CusumRule::Judge(SimTime /*now*/, std::span<const double> x, const EnvironmentBook& book,
                         size_t current) {
  const GaussianModel& present = book.model(current);
  const double own = present.LogDensity(present.Whiten(x, z_));
  const size_t none = sums_.size() - 1;
  double ratio = NoneLogRatio(z_, options_.spread);  // of the alternative with the largest sum
  sums_[none] = std::max(0.0, sums_[none] + ratio);
  size_t best = none;
  for (size_t i = 0; i < book.size(); ++i) {
    if (i == current) continue;
    const GaussianModel& model = book.model(i);
    const double log_ratio = model.LogDensity(model.Whiten(x, z_)) - own;
    sums_[i] = std::max(0.0, sums_[i] + log_ratio);
    if (sums_[i] > sums_[best]) {
      best = i;
      ratio = log_ratio;
    }
  }
  const double threshold = options_.threshold;
  if (const double surplus = sums_[best] - kCap * threshold; surplus > 0) {
    for (double& sum : sums_) sum = std::max(0.0, sum - surplus);
  }
  const double largest = sums_[best];
  if (largest <= threshold / 2) return {Judgement::kKnown, current, 1 - largest / (2 * threshold)};
  if (largest <= threshold || ratio <= 0) return {};
  const double confidence = 1 - threshold / (2 * largest);
  if (best == none) return {Judgement::kNew, 0, confidence};
  return {Judgement::kKnown, best, confidence};
}

void CusumRule::Begin(const EnvironmentBook& /*book*/, size_t /*current*/,
                      const ContextMoments& /*stretch*/) {
  std::fill(sums_.begin(), sums_.end(), 0.0);
}

void CusumRule::Save(StateVectors& state) const {
  state.reals["rule.sums"] = sums_;
}

absl::Status CusumRule::Restore(const StateVectors& state) {
  StateReader reader(state);
  std::vector<double> sums;
  reader.Read("rule.sums", sums_.size(), sums);
  if (reader.ok()) sums_ = std::move(sums);
  return reader.status();
}

}  // namespace reeve
