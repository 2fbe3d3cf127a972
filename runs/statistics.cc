#include "runs/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/check.h"
#include "core/random.h"

namespace reeve {
namespace {

double Mean(std::span<const double> values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

// Calls `resample(indices)` for each resample, the same indices for the same size and seed.
template <class Resample>
std::vector<double> Bootstrap(size_t size, const BootstrapOptions& options, Resample resample) {
  const RandomStream random(options.seed, StreamPurpose::kBootstrap, size);
  std::vector<double> results;
  std::vector<size_t> indices(size);
  uint64_t draw = 0;
  for (int i = 0; i < options.resamples; ++i) {
    for (size_t& index : indices) {
      index = std::min(size - 1,
                       static_cast<size_t>(random.Uniform(draw++) * static_cast<double>(size)));
    }
    if (const double result = resample(indices); std::isfinite(result)) results.push_back(result);
  }
  std::sort(results.begin(), results.end());
  return results;
}

Interval Percentiles(double value, const std::vector<double>& sorted, double level) {
  if (sorted.empty()) return {value, value, value};
  const double last = static_cast<double>(sorted.size() - 1);
  const auto at = [&](double share) {
    return sorted[static_cast<size_t>(std::lround(share * last))];
  };
  return {value, at((1 - level) / 2), at((1 + level) / 2)};
}

}  // namespace

std::optional<Interval> MeanInterval(std::span<const double> values,
                                     const BootstrapOptions& options) {
  if (values.empty()) return std::nullopt;
  const double mean = Mean(values);
  if (values.size() == 1) return Interval{mean, mean, mean};
  const auto means = Bootstrap(values.size(), options, [&](const std::vector<size_t>& indices) {
    double sum = 0;
    for (size_t i : indices) sum += values[i];
    return sum / static_cast<double>(indices.size());
  });
  return Percentiles(mean, means, options.level);
}

std::optional<Interval> RatioInterval(std::span<const double> values,
                                      std::span<const double> baseline,
                                      const BootstrapOptions& options) {
  REEVE_CHECK(values.size() == baseline.size());
  if (values.empty() || Mean(baseline) == 0) return std::nullopt;
  const double ratio = Mean(values) / Mean(baseline);
  if (values.size() == 1) return Interval{ratio, ratio, ratio};
  const auto ratios = Bootstrap(values.size(), options, [&](const std::vector<size_t>& indices) {
    double above = 0, below = 0;
    for (size_t i : indices) {
      above += values[i];
      below += baseline[i];
    }
    return above / below;
  });
  return Percentiles(ratio, ratios, options.level);
}

}  // namespace reeve
