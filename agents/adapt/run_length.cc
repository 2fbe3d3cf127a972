#include "agents/adapt/run_length.h"

#include <algorithm>
#include <limits>

#include "core/check.h"
#include "core/portable_math.h"

namespace reeve {
namespace {

constexpr double kDropped = 1e-30;

double LogGammaStep(double alpha) {
  return PortableLogGamma(alpha + 0.5) - PortableLogGamma(alpha);
}

// Product of many factors near or above 1, with one logarithm at the end.
class LogProduct {
 public:
  void Multiply(double factor) {
    product_ *= factor;
    if (product_ > 1e100 || product_ < 1e-100) {
      log_ += PortableLog(product_);
      product_ = 1;
    }
  }
  double Log() const { return log_ + PortableLog(product_); }

 private:
  double product_ = 1, log_ = 0;
};

}  // namespace

RunLengthPosterior::RunLengthPosterior(size_t dimensions, const NormalGammaPrior& prior,
                                       double hazard, size_t max_run)
    : dimensions_(dimensions),
      prior_(prior),
      hazard_(hazard),
      probability_(max_run + 1),
      seen_(max_run + 1),
      mean_((max_run + 1) * dimensions),
      beta_((max_run + 1) * dimensions, prior.beta),
      log_gamma_(2 * max_run),
      weight_(max_run + 1) {
  REEVE_CHECK(dimensions > 0 && max_run > 0 && hazard > 0 && hazard < 1);
  probability_[0] = 1;
  for (size_t n = 0; n < log_gamma_.size(); ++n) {
    log_gamma_[n] = LogGammaStep(prior.alpha + static_cast<double>(n) / 2);
  }
}

void RunLengthPosterior::SetPriorMean(std::span<const double> mean) {
  REEVE_CHECK(mean.size() == dimensions_);
  std::copy(mean.begin(), mean.end(), mean_.begin());
}

double RunLengthPosterior::LogPredictive(size_t run, std::span<const double> x) const {
  const double n = seen_[run];
  const double kappa = prior_.kappa + n, alpha = prior_.alpha + n / 2;
  const double widening = (kappa + 1) / kappa;
  LogProduct tails, scales;
  for (size_t d = 0; d < dimensions_; ++d) {
    const double twice = 2 * beta_[run * dimensions_ + d] * widening;
    const double e = x[d] - mean_[run * dimensions_ + d];
    tails.Multiply(1 + e * e / twice);
    scales.Multiply(twice);
  }
  const auto index = static_cast<size_t>(n);
  const double log_gamma = index < log_gamma_.size() ? log_gamma_[index] : LogGammaStep(alpha);
  constexpr double kLogPi = 1.1447298858494002;
  return static_cast<double>(dimensions_) * (log_gamma - 0.5 * kLogPi) - 0.5 * scales.Log() -
         (alpha + 0.5) * tails.Log();
}

void RunLengthPosterior::Extend(size_t from, size_t to, std::span<const double> x) {
  const double kappa = prior_.kappa + seen_[from];
  for (size_t d = 0; d < dimensions_; ++d) {
    const double mean = mean_[from * dimensions_ + d];
    const double e = x[d] - mean;
    beta_[to * dimensions_ + d] = beta_[from * dimensions_ + d] + kappa * e * e / (2 * (kappa + 1));
    mean_[to * dimensions_ + d] = mean + e / (kappa + 1);
  }
  seen_[to] = seen_[from] + 1;
}

void RunLengthPosterior::Update(std::span<const double> x) {
  REEVE_DCHECK(x.size() == dimensions_);
  const size_t last = max_run();
  double top = -std::numeric_limits<double>::infinity();
  for (size_t r = 0; r <= last; ++r) {
    if (probability_[r] < kDropped) continue;
    weight_[r] = PortableLog(probability_[r]) + LogPredictive(r, x);
    top = std::max(top, weight_[r]);
  }
  double sum = 0;
  for (size_t r = 0; r <= last; ++r) {
    weight_[r] = probability_[r] < kDropped ? 0 : PortableExp(weight_[r] - top);
    sum += weight_[r];
  }
  // By falling length, so that no run is read after it was written.
  const double grows = (1 - hazard_) / sum;
  Extend(weight_[last] >= weight_[last - 1] && seen_[last] > 0 ? last : last - 1, last, x);
  probability_[last] = (weight_[last] + weight_[last - 1]) * grows;
  for (size_t r = last - 1; r > 0; --r) {
    if (weight_[r - 1] > 0) Extend(r - 1, r, x);
    probability_[r] = weight_[r - 1] * grows;
  }
  probability_[0] = hazard_;
}

void RunLengthPosterior::Save(StateVectors& state) const {
  state.reals["rule.run.probability"] = probability_;
  state.reals["rule.run.seen"] = seen_;
  state.reals["rule.run.mean"] = mean_;
  state.reals["rule.run.beta"] = beta_;
}

absl::Status RunLengthPosterior::Restore(const StateVectors& state) {
  StateReader reader(state);
  std::vector<double> probability, seen, mean, beta;
  reader.Read("rule.run.probability", probability_.size(), probability);
  reader.Read("rule.run.seen", seen_.size(), seen);
  reader.Read("rule.run.mean", mean_.size(), mean);
  reader.Read("rule.run.beta", beta_.size(), beta);
  const auto below = [](const std::vector<double>& values, double least) {
    return std::any_of(values.begin(), values.end(), [least](double v) { return v < least; });
  };
  if (below(probability, 0) || below(seen, 0) || below(beta, std::numeric_limits<double>::min())) {
    reader.Fail("a run length has impossible numbers");
  }
  if (!reader.ok()) return reader.status();
  probability_ = std::move(probability);
  seen_ = std::move(seen);
  mean_ = std::move(mean);
  beta_ = std::move(beta);
  return absl::OkStatus();
}

}  // namespace reeve
