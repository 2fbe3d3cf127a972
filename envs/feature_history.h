// What features remember of the windows before: moving averages, peaks, gaps between arrivals, …
// Structure of arrays over functions [F]; each is updated once per window, function by function, in
// constant time. Features with the same history and time constant share one.
//
// The weight of a window that lies dt back is exp(-dt / time), whatever the windows' lengths, and
// averages are over the windows a function has been there: no bias towards zero at the start.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

// One snapshot, and what all its functions share.
struct WindowInput {
  explicit WindowInput(const Snapshot& snapshot);

  const FunctionWindows& w;
  const ClusterState& cluster;
  double now_s, window_s;      // end and length of the window
  double per_second;           // 1 / window_s; 0 when the window has no length
  double per_cpu, per_memory;  // 1 / the cluster's millicores, MiB; 0 when it has none
  double day_turn;             // time of day, 0 .. 1

  double Rate(size_t f) const { return w.arrivals[f] * per_second; }  // arrivals per second
};

enum class HistoryKind : uint8_t {
  kNone,
  kRate,             // WeightedMean of the arrival rate
  kRatePeak,         // DecayingPeak of it
  kRateTrend,        // LinearTrend of it
  kConcurrency,      // WeightedMean of the load in containers
  kConcurrencyPeak,  // DecayingPeak of it
  kExecution,        // WeightedMean of the median execution time
  kLastExecution,    // LastExecution
  kGaps,             // ArrivalGaps
  kGapHistogram,     // GapHistogram
};

class History {
 public:
  virtual ~History() = default;
  // Before the Updates of a window; its length is above zero.
  virtual void BeginWindow(double /*window_s*/) {}
  // Takes in the window for functions [begin, end).
  virtual void Update(const WindowInput& in, size_t begin, size_t end) = 0;
  // More functions, or none; the new ones have no past.
  virtual void Resize(size_t functions) = 0;
  // This one has no past either any more.
  virtual void Forget(size_t f) = 0;
};

// Whether histories of the kind with other time constants are others.
bool DependsOnTime(HistoryKind kind);

// Null for kNone. `time` > 0 matters only where DependsOnTime.
std::unique_ptr<History> MakeHistory(HistoryKind kind, SimTime time);

// Exponentially weighted mean and variance of a quantity, exact for the weights above:
// W = (1 - a) W + a, g = a / W, mean += g (x - mean), variance = (1 - g)(variance + g (x -
// mean)^2).
struct WeightedMean : History {
  std::vector<double> mean, variance, weight;
  void Resize(size_t functions) override;
  void Forget(size_t f) override;
};

// max(x, peak * exp(-window / time)).
struct DecayingPeak : History {
  std::vector<double> peak;
  void Resize(size_t functions) override;
  void Forget(size_t f) override;
};

// Holt's linear method: level = a x + (1 - a)(level + slope), slope = b (level - level before) +
// (1 - b) slope, with a = 1 - exp(-window / time), b = a / 2; starts at the first window's value
// and slope 0. (C. C. Holt, 1957; Hyndman & Athanasopoulos, Forecasting, section 8.2.)
struct LinearTrend : History {
  std::vector<double> level, slope;  // rps, rps per window
  std::vector<uint8_t> started;
  void Resize(size_t functions) override;
  void Forget(size_t f) override;
};

// Execution times of the last window that had completions; 0 before the first.
struct LastExecution : History {
  std::vector<float> p50_ms, p95_ms;
  void Resize(size_t functions) override;
  void Forget(size_t f) override;
};

// Gaps between windows with arrivals, end to end: a function called in every window has gaps of one
// window. Mean and variance are those of all gaps while they are few, then moving ones in which a
// gap's weight is 1/kMemory of what is newer.
struct ArrivalGaps : History {
  static constexpr double kMemory = 8;
  std::vector<double> last_arrival_s;  // end of the last window with arrivals; below 0: none yet
  std::vector<double> last_gap_s, mean_gap_s, gap_variance;
  std::vector<float> gaps;       // seen, counted up to kMemory
  std::vector<float> last_rate;  // of the last window with arrivals, rps

  void Resize(size_t functions) override;
  void Forget(size_t f) override;
  void Update(const WindowInput& in, size_t begin, size_t end) override;

  // Seconds since the last arrival, below 0 when there was none yet.
  double Since(const WindowInput& in, size_t f) const;
  // Standard deviation over mean of the gaps; 0 before there are two.
  double Variation(size_t f) const;
};

// How long gaps were (as ArrivalGaps has them), on a logarithmic scale; a gap counts half as much
// after 44 further ones.
struct GapHistogram : History {
  static constexpr size_t kBuckets = 32;  // two an octave, from 1 s to 18 h, and what lies outside
  static constexpr float kKept = 1 - 1.0f / 64;
  std::vector<double> last_arrival_s;               // as in ArrivalGaps
  std::vector<std::array<float, kBuckets>> counts;  // gaps

  void Resize(size_t functions) override;
  void Forget(size_t f) override;
  void Update(const WindowInput& in, size_t begin, size_t end) override;

  // Gaps longer than `s`; linear inside a bucket.
  double Longer(size_t f, double s) const;
  // The chance of an arrival within `horizon_s` from now, given how long there was none: Longer's
  // share that ends by then, as if one further gap, longer than all, had been seen.
  double Chance(const WindowInput& in, size_t f, double horizon_s) const;
};

}  // namespace reeve
