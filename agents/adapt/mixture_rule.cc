#include "agents/adapt/mixture_rule.h"

#include <algorithm>
#include <limits>

#include "core/portable_math.h"

namespace reeve {
namespace {

// A component with less than this of a context does not move for it: it costs a fit, for nothing.
constexpr double kNegligible = 1e-3;

}  // namespace

MixtureRule::MixtureRule(const MixtureOptions& options, size_t dimensions, size_t capacity)
    // The quantile at the other end, where 1 - p would round to 1.
    : gate_(UpperChiSquaredQuantile(options.new_cluster, static_cast<double>(dimensions))),
      responsibilities_(capacity),
      z_(dimensions) {}

Verdict MixtureRule::Judge(SimTime /*now*/, std::span<const double> x, const EnvironmentBook& book,
                           size_t /*current*/) {
  constexpr double kFar = -std::numeric_limits<double>::infinity();
  double least = std::numeric_limits<double>::infinity(), top = kFar;
  for (size_t k = 0; k < book.size(); ++k) {
    const double squared = book.model(k).Whiten(x, z_);
    least = std::min(least, squared);
    responsibilities_[k] = squared <= gate_
                               ? PortableLog(std::max(1.0, book.stats(k).contexts.count)) +
                                     book.model(k).LogDensity(squared)
                               : kFar;
    top = std::max(top, responsibilities_[k]);
  }
  if (least > gate_) {
    std::fill(responsibilities_.begin(), responsibilities_.end(), 0.0);
    return {Judgement::kNew, 0, 1 - gate_ / least};
  }
  double sum = 0;
  size_t best = 0;
  for (size_t k = 0; k < book.size(); ++k) {
    double& r = responsibilities_[k];
    r = r == kFar ? 0 : PortableExp(r - top);
    sum += r;
    if (r > responsibilities_[best]) best = k;
  }
  for (size_t k = 0; k < book.size(); ++k) responsibilities_[k] /= sum;
  if (responsibilities_[best] < 0.5) return {};
  return {Judgement::kKnown, best, responsibilities_[best]};
}

void MixtureRule::Absorb(SimTime now, std::span<const double> x, double memory, bool learning,
                         EnvironmentBook& book, size_t current) {
  if (learning) return book.Add(current, x, 1, memory, now);
  for (size_t k = 0; k < book.size(); ++k) {
    const double r = responsibilities_[k];
    if (r < kNegligible) continue;
    book.Add(k, x, r, memory, k == current ? now : book.stats(k).last_seen);
  }
}

}  // namespace reeve
