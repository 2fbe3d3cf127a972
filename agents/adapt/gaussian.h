// Contexts as samples of a Gaussian: running moments, and the density that is taken from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace reeve {

// Weighted mean and covariance of contexts. D dimensions. Plain data.
struct ContextMoments {
  double count = 0;                // sum of weights, at most the memory they were added with
  std::vector<double> mean;        // [D]
  std::vector<double> covariance;  // [D, D] of the population (divided by count), symmetric

  ContextMoments() = default;
  explicit ContextMoments(size_t dimensions)
      : mean(dimensions), covariance(dimensions * dimensions) {}
  size_t dimensions() const { return mean.size(); }

  // No sample yet; vectors keep their size.
  void Clear();
  // Takes in a sample of this weight (0 < weight <= memory): exact while count stays below
  // `memory`, then older samples fade so that count stays there. With g = weight / count:
  //   mean += g d, covariance = (1 - g)(covariance + g d d'), d = x - mean before.
  // (West 1979; with a fixed g, the exponentially weighted form of Finch 2009.) O(D^2).
  void Add(std::span<const double> x, double weight = 1,
           double memory = std::numeric_limits<double>::infinity());
  // Takes in the samples of another (Chan, Golub, LeVeque 1979). Exact.
  void Merge(const ContextMoments& other);
};

// What is believed of the spread before there is data, and the least that is believed at all. With
// n samples of covariance S:
//   covariance = (n S + prior_weight prior_sd^2 I) / (n + prior_weight) + floor_sd^2 I.
// The prior keeps the first samples of an environment, which follow on one another and so resemble
// each other, from being taken for all there is; the floor keeps a number that never changed from
// being alarming when it does, and says what change is too small to matter.
struct SpreadPrior {
  double prior_sd = 0.5, prior_weight = 20, floor_sd = 0.25;
  bool diagonal = true;  // dimensions are taken as independent: off-diagonal elements are 0
};

// A Gaussian with its Cholesky factor: covariance = L L'.
class GaussianModel {
 public:
  GaussianModel() = default;
  // Allocates; a standard normal until fitted.
  explicit GaussianModel(size_t dimensions);

  // O(D^3) or, diagonal, O(D); no allocation.
  void Fit(const ContextMoments& moments, const SpreadPrior& prior);

  size_t dimensions() const { return mean_.size(); }
  std::span<const double> mean() const { return mean_; }
  double log_determinant() const { return log_determinant_; }  // of the covariance
  // Element of the covariance that was fitted.
  double covariance(size_t i, size_t j) const { return covariance_[i * mean_.size() + j]; }

  // z = L^-1 (x - mean), [D]: independent standard normals if x is of this Gaussian. Diagonal: each
  // the distance in standard deviations. Returns |z|^2, the squared Mahalanobis distance.
  double Whiten(std::span<const double> x, std::span<double> z) const;
  // log density at a point of this squared distance.
  double LogDensity(double squared_distance) const;

 private:
  bool diagonal_ = true;
  std::vector<double> mean_, covariance_, factor_;  // [D], [D, D], [D, D] lower triangle
  double log_determinant_ = 0;
};

// Bhattacharyya distance, 0 for equals, infinite for none in common:
//   1/8 d' C^-1 d + 1/2 log(det C / sqrt(det A det B)), C = (A + B) / 2.
// For equal covariances an eighth of the squared distance of the means. Allocates.
// T. Kailath, IEEE Trans. Communication Technology 15 (1967), 52-60.
double BhattacharyyaDistance(const GaussianModel& a, const GaussianModel& b);

// The x above which a chi-squared variate of `degrees` lies with probability q: Wilson and
// Hilferty's cube of a normal (1931). For q in [1e-4, 0.5] within 4 % for 3 degrees and more, 8 %
// below; further out above the true one, by a quarter for 1 degree and 1e-9.
double UpperChiSquaredQuantile(double q, double degrees);

}  // namespace reeve
