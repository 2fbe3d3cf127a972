#include "controller/net/backoff.h"

#include <algorithm>

#include "core/check.h"

namespace reeve {

Backoff::Backoff(const BackoffOptions& options, uint64_t seed)
    : options_(options), random_(RandomStream(seed, StreamPurpose::kBackoff, 0)) {}

SimTime Backoff::Next(SimTime now) {
  const bool healthy =
      level_ == SimTime() || now - last_failure_ >= options_.healthy_after + level_;
  level_ = healthy
               ? options_.first
               : std::min(options_.most, SimTime::FromSeconds(level_.seconds() * options_.factor));
  last_failure_ = now;
  const double share = 1 - options_.jitter * random_.Uniform();
  return SimTime::FromSeconds(level_.seconds() * share);
}

RateLimiter::RateLimiter(double per_second, double burst)
    : per_second_(per_second), burst_(burst), tokens_(burst) {
  REEVE_CHECK(per_second > 0 && burst >= 1);
}

SimTime RateLimiter::Take(SimTime now) {
  const std::lock_guard lock(mutex_);
  if (now > last_) {
    tokens_ = std::min(burst_, tokens_ + (now - last_).seconds() * per_second_);
    last_ = now;
  }
  tokens_ -= 1;
  return tokens_ >= 0 ? SimTime() : SimTime::FromSeconds(-tokens_ / per_second_);
}

}  // namespace reeve
