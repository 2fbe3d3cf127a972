// Durations from the percentiles that sources publish.
//
// A source gives minimum, percentiles 1, 25, 50, 75, 99, maximum, and the mean. Straight lines
// between the percentiles keep all of them but the mean: one execution that ran for an hour pulls
// the whole line from the 99th percentile up to it, and the mean with it (to 8 times the true one,
// in the Azure 2019 data; 1.08 times at the median function). The mean is what fixes the load of a
// cluster, so it is kept too: the line over the interval that has most to give (probability times
// rise) is bent by one more point, which leaves every given percentile where it is. Where one bend
// is not enough, two intervals are bent and the 1st percentile goes (there is room for eight
// points); where that is not enough either, the nearest mean is taken and counted.
//
// Durations are whole milliseconds in these sources, so 0 means "less than one tick". Work of no
// length has no slowdown and costs no CPU, which no execution does: everything below
// kClockTickMs is taken as kClockTickMs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/distribution.h"

namespace reeve {

inline constexpr double kClockTickMs = 1.0;

struct PercentileSummary {
  static constexpr int kPoints = 7;
  static constexpr std::array<double, kPoints> kProbabilities = {0, .01, .25, .5, .75, .99, 1};

  double count = 0;                      // executions behind it, > 0
  double mean = 0;                       // in [values[0], values[6]]
  std::array<double, kPoints> values{};  // at kProbabilities; finite, >= 0, rising
};

// The summary of all executions behind several summaries: means weighted by count, percentiles
// those of the mixture of their piecewise linear distributions. Of one, itself.
PercentileSummary Combine(std::span<const PercentileSummary> parts);

// The summary of at least one sample (finite, >= 0); sorts them. Percentiles between two samples
// are interpolated linearly (definition 7 of Hyndman and Fan, The American Statistician 50, 1996).
PercentileSummary Summarize(std::vector<double>& samples);

struct FittedDistribution {
  Distribution distribution;
  bool mean_kept;  // to half a clock tick
};
// The distribution described above; a constant when all values are equal. Values and mean are
// raised to `floor` where they are below it.
FittedDistribution FitDistribution(const PercentileSummary& summary, double floor);

// For functions whose durations are unknown: exponential, with the median function's mean of the
// Azure population, exp(-0.38) s (Shahrad et al., USENIX ATC 2020, section 3.4).
Distribution StandInDurationMs();

}  // namespace reeve
