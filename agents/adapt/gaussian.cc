#include "agents/adapt/gaussian.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/portable_math.h"

namespace reeve {
namespace {

// In place: the lower triangle of `a` [n, n], positive definite, becomes its Cholesky factor; what
// is above it is not read. Returns log det a.
double Factorise(std::vector<double>& a, size_t n) {
  double log_determinant = 0;
  for (size_t j = 0; j < n; ++j) {
    double pivot = a[j * n + j];
    for (size_t k = 0; k < j; ++k) pivot -= a[j * n + k] * a[j * n + k];
    // The floor on the spread bounds it from below but for rounding.
    const double root = std::sqrt(std::max(pivot, 1e-300));
    a[j * n + j] = root;
    log_determinant += 2 * PortableLog(root);
    for (size_t i = j + 1; i < n; ++i) {
      double x = a[i * n + j];
      for (size_t k = 0; k < j; ++k) x -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = x / root;
    }
  }
  return log_determinant;
}

}  // namespace

void ContextMoments::Clear() {
  count = 0;
  std::fill(mean.begin(), mean.end(), 0.0);
  std::fill(covariance.begin(), covariance.end(), 0.0);
}

void ContextMoments::Add(std::span<const double> x, double weight, double memory) {
  const size_t n = mean.size();
  REEVE_DCHECK(x.size() == n && weight > 0);
  count = std::min(count + weight, memory);
  const double g = std::min(1.0, weight / count);
  for (size_t i = 0; i < n; ++i) {
    const double di = x[i] - mean[i];
    for (size_t j = 0; j <= i; ++j) {
      double& c = covariance[i * n + j];
      c = (1 - g) * (c + g * di * (x[j] - mean[j]));
      covariance[j * n + i] = c;
    }
  }
  // Only now: the rows above need the mean before this sample.
  for (size_t i = 0; i < n; ++i) mean[i] += g * (x[i] - mean[i]);
}

void ContextMoments::Merge(const ContextMoments& other) {
  REEVE_CHECK(other.mean.size() == mean.size());
  const double total = count + other.count;
  if (total <= 0) return;
  const size_t n = mean.size();
  const double mine = count / total, theirs = other.count / total;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double& c = covariance[i * n + j];
      c = mine * c + theirs * other.covariance[i * n + j] +
          mine * theirs * (mean[i] - other.mean[i]) * (mean[j] - other.mean[j]);
    }
  }
  for (size_t i = 0; i < n; ++i) mean[i] = mine * mean[i] + theirs * other.mean[i];
  count = total;
}

GaussianModel::GaussianModel(size_t dimensions)
    : mean_(dimensions), covariance_(dimensions * dimensions), factor_(dimensions * dimensions) {
  for (size_t i = 0; i < dimensions; ++i) {
    covariance_[i * dimensions + i] = factor_[i * dimensions + i] = 1;
  }
}

void GaussianModel::Fit(const ContextMoments& moments, const SpreadPrior& prior) {
  const size_t n = mean_.size();
  REEVE_CHECK(moments.mean.size() == n);
  diagonal_ = prior.diagonal;
  mean_ = moments.mean;
  const double total = moments.count + prior.prior_weight;
  const double of_data = total > 0 ? moments.count / total : 0;
  const double own =
      (1 - of_data) * prior.prior_sd * prior.prior_sd + prior.floor_sd * prior.floor_sd;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double& c = covariance_[i * n + j];
      c = i == j ? of_data * moments.covariance[i * n + i] + own
                 : (diagonal_ ? 0 : of_data * moments.covariance[i * n + j]);
    }
  }
  if (!diagonal_) {
    factor_ = covariance_;
    log_determinant_ = Factorise(factor_, n);
    return;
  }
  log_determinant_ = 0;
  for (size_t i = 0; i < n; ++i) {
    const double variance = covariance_[i * n + i];
    factor_[i * n + i] = std::sqrt(variance);
    log_determinant_ += PortableLog(variance);
  }
}

double GaussianModel::Whiten(std::span<const double> x, std::span<double> z) const {
  const size_t n = mean_.size();
  REEVE_DCHECK(x.size() == n && z.size() == n);
  double squared = 0;
  for (size_t i = 0; i < n; ++i) {
    double d = x[i] - mean_[i];
    if (!diagonal_) {
      for (size_t k = 0; k < i; ++k) d -= factor_[i * n + k] * z[k];
    }
    z[i] = d / factor_[i * n + i];
    squared += z[i] * z[i];
  }
  return squared;
}

double GaussianModel::LogDensity(double squared_distance) const {
  constexpr double kLog2Pi = 1.8378770664093453;
  return -0.5 * (static_cast<double>(mean_.size()) * kLog2Pi + log_determinant_ + squared_distance);
}

double BhattacharyyaDistance(const GaussianModel& a, const GaussianModel& b) {
  const size_t n = a.dimensions();
  REEVE_CHECK(b.dimensions() == n);
  ContextMoments middle(n);
  middle.count = 1;
  for (size_t i = 0; i < n; ++i) {
    middle.mean[i] = b.mean()[i];
    for (size_t j = 0; j < n; ++j) {
      middle.covariance[i * n + j] = 0.5 * (a.covariance(i, j) + b.covariance(i, j));
    }
  }
  GaussianModel joint(n);
  joint.Fit(middle, {.prior_sd = 0, .prior_weight = 0, .floor_sd = 0, .diagonal = false});
  std::vector<double> z(n);
  const double squared = joint.Whiten(a.mean(), z);
  return squared / 8 +
         0.5 * (joint.log_determinant() - 0.5 * (a.log_determinant() + b.log_determinant()));
}

double UpperChiSquaredQuantile(double q, double degrees) {
  const double v = 2 / (9 * degrees);
  const double root = 1 - v - NormalQuantile(q) * std::sqrt(v);
  return degrees * root * root * root;
}

}  // namespace reeve
