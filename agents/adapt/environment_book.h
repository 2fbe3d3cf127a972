// The environments that a detector has met, with what their contexts were like.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/gaussian.h"
#include "agents/adapt/state_vectors.h"
#include "core/units.h"

namespace reeve {

inline constexpr int64_t kNoEnvironment = -1;

// Plain data. D dimensions of a context.
struct EnvironmentStats {
  int64_t id = kNoEnvironment;  // counted up from 0 as they are met; never given again
  ContextMoments contexts;      // of the control periods that were taken for it
  int64_t visits = 0;           // times that it came into force
  SimTime first_seen, last_seen;
};

// A few environments by rising id, and a Gaussian of each. Room for `capacity` is taken at
// construction; nothing but the functions that say so allocates afterwards. Not thread-safe.
//
// "place" is an environment's index, 0 .. size() - 1. It changes when an earlier one is removed;
// its id does not.
class EnvironmentBook {
 public:
  // REQUIRES: dimensions and capacity >= 1.
  EnvironmentBook(size_t dimensions, size_t capacity, const SpreadPrior& prior);

  size_t dimensions() const { return dimensions_; }
  size_t size() const { return size_; }
  bool full() const { return size_ == environments_.size(); }
  const EnvironmentStats& stats(size_t place) const { return environments_[place]; }
  const GaussianModel& model(size_t place) const { return models_[place]; }
  std::optional<size_t> Find(int64_t id) const;

  // How far two are apart: the Bhattacharyya distance of their Gaussians. Allocates.
  double Distance(size_t a, size_t b) const;
  // The nearest other one; none when there is only one. Allocates.
  std::optional<size_t> Nearest(size_t place) const;

  // Whether `x` may pass as this environment: no dimension (whitened) is further than `match`
  // standard deviations from its mean.
  bool Passes(std::span<const double> x, double match, size_t place) const;
  // The one as which `x` passes; of several, that with the least Mahalanobis distance. `without` is
  // not considered.
  std::optional<size_t> Match(std::span<const double> x, double match,
                              std::optional<size_t> without = std::nullopt) const;
  // The one with the least Mahalanobis distance to x, however far. REQUIRES: size() >= 1.
  size_t Closest(std::span<const double> x) const;

  // A further one, from the contexts given. Returns its place. REQUIRES: not full.
  size_t Open(const ContextMoments& contexts, SimTime now);
  void Visit(size_t place, SimTime now);
  // Takes contexts in; older ones fade beyond `memory` of them.
  void Add(size_t place, std::span<const double> x, double weight, double memory, SimTime now);
  void Take(size_t place, const ContextMoments& contexts, double memory, SimTime now);
  // Replaces what its contexts were.
  void Set(size_t place, const ContextMoments& contexts);

  // `from` becomes part of `into`, which keeps its id; or goes for good.
  void Merge(size_t into, size_t from);
  void Remove(size_t place);

  // Under "book.". Restore leaves the book as it was unless it returns OK. Allocates.
  void Save(StateVectors& state) const;
  absl::Status Restore(const StateVectors& state);

 private:
  const size_t dimensions_;
  const SpreadPrior prior_;
  size_t size_ = 0;
  int64_t next_id_ = 0;
  std::vector<EnvironmentStats> environments_;  // [capacity], the first `size_` are in use
  std::vector<GaussianModel> models_;           // [capacity]
  mutable std::vector<double> z_;               // [D] scratch
};

}  // namespace reeve
