#include "agents/adapt/environment_book.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace reeve {

EnvironmentBook::EnvironmentBook(size_t dimensions, size_t capacity, const SpreadPrior& prior)
    : dimensions_(dimensions), prior_(prior), z_(dimensions) {
  REEVE_CHECK(dimensions > 0 && capacity > 0);
  environments_.resize(capacity);
  for (EnvironmentStats& e : environments_) e.contexts = ContextMoments(dimensions);
  models_.assign(capacity, GaussianModel(dimensions));
}

std::optional<size_t> EnvironmentBook::Find(int64_t id) const {
  for (size_t i = 0; i < size_; ++i) {
    if (environments_[i].id == id) return i;
  }
  return std::nullopt;
}

double EnvironmentBook::Distance(size_t a, size_t b) const {
  return BhattacharyyaDistance(models_[a], models_[b]);
}

std::optional<size_t> EnvironmentBook::Nearest(size_t place) const {
  std::optional<size_t> nearest;
  double least = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (i == place) continue;
    const double distance = Distance(place, i);
    if (!nearest || distance < least) {
      nearest = i;
      least = distance;
    }
  }
  return nearest;
}

bool EnvironmentBook::Passes(std::span<const double> x, double match, size_t place) const {
  models_[place].Whiten(x, z_);
  return std::all_of(z_.begin(), z_.end(), [match](double z) { return std::fabs(z) <= match; });
}

std::optional<size_t> EnvironmentBook::Match(std::span<const double> x, double match,
                                             std::optional<size_t> without) const {
  std::optional<size_t> best;
  double least = 0;
  for (size_t i = 0; i < size_; ++i) {
    if (i == without) continue;
    const double squared = models_[i].Whiten(x, z_);
    if (Passes(x, match, i) && (!best || squared < least)) {
      best = i;
      least = squared;
    }
  }
  return best;
}

size_t EnvironmentBook::Closest(std::span<const double> x) const {
  REEVE_CHECK(size_ > 0);
  size_t best = 0;
  double least = models_[0].Whiten(x, z_);
  for (size_t i = 1; i < size_; ++i) {
    const double squared = models_[i].Whiten(x, z_);
    if (squared < least) {
      best = i;
      least = squared;
    }
  }
  return best;
}

size_t EnvironmentBook::Open(const ContextMoments& contexts, SimTime now) {
  REEVE_CHECK(!full());
  EnvironmentStats& e = environments_[size_];
  e.id = next_id_++;
  e.visits = 0;
  e.first_seen = e.last_seen = now;
  Set(size_, contexts);
  return size_++;
}

void EnvironmentBook::Visit(size_t place, SimTime now) {
  ++environments_[place].visits;
  environments_[place].last_seen = now;
}

void EnvironmentBook::Add(size_t place, std::span<const double> x, double weight, double memory,
                          SimTime now) {
  EnvironmentStats& e = environments_[place];
  e.contexts.Add(x, weight, memory);
  e.last_seen = now;
  models_[place].Fit(e.contexts, prior_);
}

void EnvironmentBook::Take(size_t place, const ContextMoments& contexts, double memory,
                           SimTime now) {
  EnvironmentStats& e = environments_[place];
  // What is new counts whole, what is old as far as memory goes.
  e.contexts.count = std::min(e.contexts.count, std::max(0.0, memory - contexts.count));
  e.contexts.Merge(contexts);
  e.last_seen = now;
  models_[place].Fit(e.contexts, prior_);
}

void EnvironmentBook::Set(size_t place, const ContextMoments& contexts) {
  REEVE_CHECK(contexts.dimensions() == dimensions_);
  ContextMoments& own = environments_[place].contexts;
  own.count = contexts.count;
  std::copy(contexts.mean.begin(), contexts.mean.end(), own.mean.begin());
  std::copy(contexts.covariance.begin(), contexts.covariance.end(), own.covariance.begin());
  models_[place].Fit(own, prior_);
}

void EnvironmentBook::Merge(size_t into, size_t from) {
  REEVE_CHECK(into < size_ && from < size_ && into != from);
  EnvironmentStats& to = environments_[into];
  const EnvironmentStats& other = environments_[from];
  to.contexts.Merge(other.contexts);
  to.visits += other.visits;
  to.first_seen = std::min(to.first_seen, other.first_seen);
  to.last_seen = std::max(to.last_seen, other.last_seen);
  models_[into].Fit(to.contexts, prior_);
  Remove(from);
}

void EnvironmentBook::Remove(size_t place) {
  REEVE_CHECK(place < size_);
  // By swaps: the room of the removed one stays for the next.
  for (size_t i = place; i + 1 < size_; ++i) {
    std::swap(environments_[i], environments_[i + 1]);
    std::swap(models_[i], models_[i + 1]);
  }
  --size_;
}

// ---- state

void EnvironmentBook::Save(StateVectors& state) const {
  std::vector<int64_t> ids, visits, first, last;
  std::vector<double> count, mean, covariance;
  for (size_t i = 0; i < size_; ++i) {
    const EnvironmentStats& e = environments_[i];
    ids.push_back(e.id);
    visits.push_back(e.visits);
    first.push_back(e.first_seen.micros());
    last.push_back(e.last_seen.micros());
    count.push_back(e.contexts.count);
    mean.insert(mean.end(), e.contexts.mean.begin(), e.contexts.mean.end());
    covariance.insert(covariance.end(), e.contexts.covariance.begin(), e.contexts.covariance.end());
  }
  state.integers["book.next_id"] = {next_id_, static_cast<int64_t>(size_)};
  state.integers["book.ids"] = std::move(ids);
  state.integers["book.visits"] = std::move(visits);
  state.integers["book.first_seen"] = std::move(first);
  state.integers["book.last_seen"] = std::move(last);
  state.reals["book.count"] = std::move(count);
  state.reals["book.mean"] = std::move(mean);
  state.reals["book.covariance"] = std::move(covariance);
}

absl::Status EnvironmentBook::Restore(const StateVectors& state) {
  StateReader reader(state);
  std::vector<int64_t> head, ids, visits, first, last;
  std::vector<double> count, mean, covariance;
  reader.Read("book.next_id", 2, head);
  if (reader.ok() && (head[1] < 0 || static_cast<size_t>(head[1]) > environments_.size())) {
    reader.Fail("more environments than max_environments allows");
  }
  const size_t size = reader.ok() ? static_cast<size_t>(head[1]) : 0;
  reader.Read("book.ids", size, ids);
  reader.Read("book.visits", size, visits);
  reader.Read("book.first_seen", size, first);
  reader.Read("book.last_seen", size, last);
  reader.Read("book.count", size, count);
  reader.Read("book.mean", size * dimensions_, mean);
  reader.Read("book.covariance", size * dimensions_ * dimensions_, covariance);
  for (size_t i = 0; reader.ok() && i < size; ++i) {
    if (ids[i] < 0 || ids[i] >= head[0] || (i > 0 && ids[i] <= ids[i - 1])) {
      reader.Fail("ids of environments do not rise");
    }
    if (count[i] < 0) reader.Fail("an environment has a negative count");
    for (size_t d = 0; d < dimensions_; ++d) {
      if (covariance[(i * dimensions_ + d) * dimensions_ + d] < 0) {
        reader.Fail("an environment has a negative variance");
      }
    }
  }
  if (!reader.ok()) return reader.status();
  next_id_ = head[0];
  size_ = size;
  for (size_t i = 0; i < size; ++i) {
    EnvironmentStats& e = environments_[i];
    e.id = ids[i];
    e.visits = visits[i];
    e.first_seen = SimTime::Micros(first[i]);
    e.last_seen = SimTime::Micros(last[i]);
    e.contexts.count = count[i];
    const size_t d = dimensions_;
    std::copy_n(mean.begin() + static_cast<std::ptrdiff_t>(i * d), d, e.contexts.mean.begin());
    std::copy_n(covariance.begin() + static_cast<std::ptrdiff_t>(i * d * d), d * d,
                e.contexts.covariance.begin());
    models_[i].Fit(e.contexts, prior_);
  }
  return absl::OkStatus();
}

}  // namespace reeve
