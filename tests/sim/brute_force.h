// Every schedule of a few requests on containers of one function: the oracle of the bound's tests.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

namespace reeve::testing {

struct BruteRequest {
  double at, work;  // seconds; by rising `at`
};

// Container-seconds of the best schedule for each number of cold starts, by trying all of them:
// each request goes to a new container, started for it or (with `prewarm`) just before it came, or
// to any container that exists and has room. A container lives until its last request ends; to let
// it go and start again is to take a new one.
class BruteForce {
 public:
  BruteForce(std::vector<BruteRequest> requests, double start, size_t concurrency, bool prewarm)
      : requests_(std::move(requests)),
        start_(start),
        concurrency_(concurrency),
        prewarm_(prewarm),
        seconds_(requests_.size() + 1, std::numeric_limits<double>::infinity()),
        warm_(requests_.size() + 1, std::numeric_limits<double>::infinity()) {
    Try(0, 0);
  }

  // With exactly, and at most, so many cold starts; infinite when there is no such schedule.
  double Seconds(size_t cold_starts) const { return seconds_[cold_starts]; }
  double SecondsAtMost(size_t cold_starts) const {
    return *std::min_element(seconds_.begin(),
                             seconds_.begin() + static_cast<std::ptrdiff_t>(cold_starts) + 1);
  }
  // Without cold starts, by containers started.
  double WarmSeconds(size_t starts) const { return warm_[starts]; }

 private:
  struct Container {
    double born, ready, last_end;
    std::vector<double> ends;
  };

  void Try(size_t next, size_t cold) {
    if (next == requests_.size()) return Count(cold);
    const auto [at, work] = requests_[next];
    for (size_t i = 0; i < containers_.size(); ++i) {
      const Container before = containers_[i];
      Container& c = containers_[i];
      const auto busy =
          std::count_if(c.ends.begin(), c.ends.end(), [at = at](double end) { return end > at; });
      if (static_cast<size_t>(busy) >= concurrency_) continue;
      Use(c, std::max(at, c.ready) + work);
      Try(next + 1, cold + (c.ready > at));
      containers_[i] = before;
    }
    containers_.push_back({at, at + start_, 0, {}});
    Use(containers_.back(), at + start_ + work);
    Try(next + 1, cold + 1);
    containers_.pop_back();
    if (!prewarm_) return;
    containers_.push_back({at - start_, at, 0, {}});
    Use(containers_.back(), at + work);
    Try(next + 1, cold);
    containers_.pop_back();
  }

  static void Use(Container& c, double end) {
    c.ends.push_back(end);
    c.last_end = std::max(c.last_end, end);
  }

  void Count(size_t cold) {
    double seconds = 0;
    for (const Container& c : containers_) seconds += c.last_end - c.born;
    seconds_[cold] = std::min(seconds_[cold], seconds);
    if (cold == 0) warm_[containers_.size()] = std::min(warm_[containers_.size()], seconds);
  }

  const std::vector<BruteRequest> requests_;
  const double start_;
  const size_t concurrency_;
  const bool prewarm_;
  std::vector<Container> containers_;
  std::vector<double> seconds_;  // [cold starts]
  std::vector<double> warm_;     // [containers]
};

}  // namespace reeve::testing
