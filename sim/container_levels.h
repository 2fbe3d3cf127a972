// How many containers a function needs at each moment when every request begins on arrival, taken
// apart into levels; streaming, in memory for the requests in flight.
//
// With n requests in flight and at most c in one container, k = ceil(n / c) containers are needed.
// Level l (1, 2, …) is needed while k >= l. Its needs are intervals; between two of them lies a
// gap. Because k moves by one, a level that rises is the one that fell last, so the gap before it
// began at the latest fall that is not yet taken: a stack (docs/bound.md).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace reeve {

// Not thread-safe. Arrivals come in time order; times in us.
class ContainerLevels {
 public:
  // `initial` containers stand ready at time 0 without a need for them yet.
  ContainerLevels(uint32_t concurrency, uint32_t initial)
      : concurrency_(concurrency), idle_(initial, 0) {}

  // A request in flight during [at, end); one that ends at a time makes room for one that comes
  // then. Calls on_rise(released) when one more container is needed: `released` is when its level
  // was needed last (nullopt: never before). Amortised O(log(requests in flight)).
  template <class OnRise>
  void Arrive(int64_t at, int64_t end, OnRise&& on_rise) {
    AdvanceTo(at);
    if (in_flight_ % concurrency_ == 0) {
      std::optional<int64_t> released;
      if (!idle_.empty()) {
        released = idle_.back();
        idle_.pop_back();
      }
      on_rise(released);
      ++needed_;
    }
    ++in_flight_;
    ends_.push_back(end);
    std::push_heap(ends_.begin(), ends_.end(), std::greater<>());
  }

  // Ends what ends up to and including `time`.
  void AdvanceTo(int64_t time) {
    while (!ends_.empty() && ends_.front() <= time) {
      std::pop_heap(ends_.begin(), ends_.end(), std::greater<>());
      const int64_t end = ends_.back();
      ends_.pop_back();
      --in_flight_;
      if (in_flight_ % concurrency_ != 0) continue;
      Integrate(end);
      --needed_;
      idle_.push_back(end);
    }
    Integrate(time);
  }

  // Integral of the containers needed up to the last time given, in container-us.
  int64_t needed_us() const { return needed_us_; }
  uint32_t needed() const { return needed_; }
  // When each level that is not needed now was needed last; the last one is the lowest level.
  const std::vector<int64_t>& idle_since() const { return idle_; }

 private:
  void Integrate(int64_t time) {
    needed_us_ += needed_ * (time - integrated_to_);
    integrated_to_ = time;
  }

  uint32_t concurrency_;
  uint32_t in_flight_ = 0;
  uint32_t needed_ = 0;
  int64_t needed_us_ = 0;
  int64_t integrated_to_ = 0;
  std::vector<int64_t> ends_;  // min-heap: ends of the requests in flight
  std::vector<int64_t> idle_;  // stack
};

}  // namespace reeve
