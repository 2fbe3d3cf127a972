// How long to wait before the next try, and how many requests a second are sent at most.
#pragma once

#include <mutex>

#include "core/random.h"
#include "core/units.h"

namespace reeve {

struct BackoffOptions {
  SimTime first = SimTime::Millis(800);
  SimTime most = SimTime::Seconds(30);
  double factor = 2;
  double jitter = 0.5;  // a wait is uniform in [(1 - jitter) w, w]
  // Without a failure for this long the next one waits `first` again.
  SimTime healthy_after = SimTime::Minutes(2);
};

// Exponential waits with jitter. Not thread-safe.
class Backoff {
 public:
  // `seed` sets the jitter: clients that start together should differ.
  Backoff(const BackoffOptions& options, uint64_t seed);
  // The wait after a failure at `now`.
  SimTime Next(SimTime now);
  void Reset() { level_ = SimTime(); }

 private:
  BackoffOptions options_;
  RandomCursor random_;
  SimTime level_;  // the last wait before jitter; zero: none
  SimTime last_failure_;
};

// A bucket of tokens: `burst` requests at once, `per_second` in the long run. Thread-safe.
class RateLimiter {
 public:
  RateLimiter(double per_second, double burst);
  // Takes a token and returns how long to wait before using it; tokens are given out in the order
  // of the calls.
  SimTime Take(SimTime now);

 private:
  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  double tokens_;  // guarded by mutex_; below zero: given out ahead of time
  SimTime last_;   // guarded by mutex_
};

}  // namespace reeve
