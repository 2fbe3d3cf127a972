#include "agents/ppo/retraining_monitor.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace reeve {
namespace {

double Mean(std::span<const double> x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double Deviation(std::span<const double> x) {
  const double mean = Mean(x);
  double squares = 0;
  for (const double value : x) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(x.size()));
}

}  // namespace

bool ShouldTrain(const RetrainingSpec& spec, std::span<const double> returns, bool training) {
  const auto window = static_cast<size_t>(spec.window);
  if (returns.size() < window) return training;
  double best = Mean(returns.first(window));
  for (size_t first = 1; first + window <= returns.size(); ++first) {
    best = std::max(best, Mean(returns.subspan(first, window)));
  }
  const auto last = returns.last(window);
  const double scale = std::max(std::abs(best), 1e-12);
  const double drop = (best - Mean(last)) / scale;
  const double spread = Deviation(last) / scale;
  if (drop > spec.train_drop || spread > spec.train_spread) return true;
  if (drop <= spec.serve_drop && spread <= spec.serve_spread) return false;
  return training;
}

}  // namespace reeve
