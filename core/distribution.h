// Probability distributions of non-negative quantities (durations, sizes), sampled by inversion.
//
// Inversion needs exactly one uniform per sample and is monotone in it, so two simulations that
// share a seed give the same invocation the same work whatever else differs between them
// (common random numbers).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace reeve {

// A distribution in the unit of its context. Trivially copyable, 160 bytes at most; thread-safe.
class Distribution {
 public:
  enum class Kind : uint8_t {
    kConstant,          // value
    kUniform,           // low, high
    kExponential,       // mean
    kLognormal,         // mu, sigma of the logarithm
    kBoundedPareto,     // low, high, alpha
    kHyperexponential,  // probability p of mean a, else mean b
    kBurr,              // Burr XII: c, k, scale
    kQuantiles,         // piecewise linear between given quantiles
  };
  static constexpr int kMaxQuantiles = 8;

  constexpr Distribution() = default;  // constant 0

  // The factories take parameters that the caller has checked (CHECKed here); what comes from a
  // user or a file goes through Parse or FromParameters, which return an error instead.
  static Distribution Constant(double value);              // value >= 0
  static Distribution Uniform(double low, double high);    // 0 <= low <= high
  static Distribution Exponential(double mean);            // mean >= 0
  static Distribution Lognormal(double mu, double sigma);  // sigma >= 0
  // Lognormal with the given mean and standard deviation (mean > 0, sd >= 0).
  static Distribution LognormalFromMoments(double mean, double sd);
  static Distribution BoundedPareto(double low, double high, double alpha);  // 0 < low <= high
  static Distribution Hyperexponential(double p, double mean_a, double mean_b);
  // F(x) = 1 - (1 + (x / scale)^c)^-k.
  static Distribution Burr(double c, double k, double scale);
  // `probabilities` strictly increasing from 0 to 1, `values` non-decreasing and >= 0, equal sizes
  // in 2..kMaxQuantiles; InvalidArgument otherwise. Linear between the points.
  static absl::StatusOr<Distribution> Quantiles(std::span<const double> probabilities,
                                                std::span<const double> values);

  Kind kind() const { return kind_; }
  bool is_constant() const { return kind_ == Kind::kConstant; }
  // The quantile at u, 0 < u < 1.
  double Sample(double u) const;
  // The mean; of a Burr whose mean does not exist, infinity.
  double Mean() const;
  // The same distribution with every value multiplied by factor >= 0.
  Distribution Scaled(double factor) const;
  // "lognormal(mu=-0.38, sigma=2.36)": the form that Parse reads.
  std::string ToString() const;
  // Reads "name(key=value, …)" or a bare number (a constant); the keys may come in any order, and
  // lognormal(mean=…, sd=…) is understood too. InvalidArgument says what is allowed.
  static absl::StatusOr<Distribution> Parse(std::string_view text);

  // Parameters in the order of the kind's list above; quantiles as probability, value pairs.
  std::span<const double> parameters() const { return {parameters_.data(), size_}; }
  // Rebuilds from kind() and parameters(); InvalidArgument if they do not fit.
  static absl::StatusOr<Distribution> FromParameters(Kind kind, std::span<const double> parameters);

  bool operator==(const Distribution&) const = default;

 private:
  Distribution(Kind kind, std::initializer_list<double> parameters);

  Kind kind_ = Kind::kConstant;
  uint8_t size_ = 1;
  std::array<double, 2 * kMaxQuantiles> parameters_{};
};

}  // namespace reeve
