#include "runs/twin_search.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/portable_math.h"
#include "core/status.h"
#include "runs/worker_pool.h"

namespace reeve {
namespace {

constexpr int kScanPoints = 9;   // over the whole range
constexpr int kPoints = 4;       // between two neighbours
constexpr int kFirstRounds = 4;  // after the scan
constexpr int kLaterRounds = 3;  // of a later sweep
constexpr double kLaterWidth =
    0.3;  // of its first grid, as a logarithm, to both sides; then halved

struct Point {
  double logarithm, value;
};

class ParameterSearch {
 public:
  ParameterSearch(const std::vector<SearchedNumber>& numbers, const TwinSearchOptions& options,
                  const std::function<absl::StatusOr<double>(std::span<const double>)>& function,
                  const std::function<bool(int, int)>& progress)
      : numbers_(numbers), options_(options), function_(function), progress_(progress) {
    const int first = kScanPoints + kFirstRounds * kPoints, later = kLaterRounds * kPoints;
    planned_ = 1 + static_cast<int>(numbers.size()) * (first + (options.sweeps - 1) * later);
  }

  absl::StatusOr<SearchResult> Run() {
    result_.moved.assign(numbers_.size(), false);
    for (const SearchedNumber& number : numbers_) result_.numbers.push_back(number.start);
    std::vector<Point> start = {{0, 0}};
    RETURN_IF_ERROR(Evaluate(SIZE_MAX, start));
    result_.before = result_.after = start[0].value;
    for (int sweep = 0; sweep < options_.sweeps; ++sweep) {
      for (size_t n = 0; n < numbers_.size(); ++n) RETURN_IF_ERROR(SearchOne(n, sweep));
    }
    result_.evaluations = done_;
    return result_;
  }

 private:
  // Fills in the values of points of number `n`.
  absl::Status Evaluate(size_t n, std::vector<Point>& points) {
    return RunInParallel(points.size(), options_.threads, [&](size_t i) -> absl::Status {
      std::vector<double> at = result_.numbers;
      if (n < at.size()) at[n] = PortableExp(points[i].logarithm);
      ASSIGN_OR_RETURN(points[i].value, function_(at));
      const int done = ++done_;
      if (progress_ && !progress_(done, planned_)) return absl::CancelledError("interrupted");
      return absl::OkStatus();
    });
  }

  static std::vector<Point> Grid(double low, double high, int points, bool ends) {
    std::vector<Point> grid;
    for (int i = 0; i < points; ++i) {
      const double share = ends ? i / (points - 1.0) : (i + 1) / (points + 1.0);
      grid.push_back({low + (high - low) * share, 0});
    }
    return grid;
  }

  absl::Status SearchOne(size_t n, int sweep) {
    const double low = PortableLog(numbers_[n].low), high = PortableLog(numbers_[n].high);
    const double here = std::clamp(PortableLog(result_.numbers[n]), low, high);
    std::vector<Point> seen = {{here, result_.after}};
    double left = low, right = high;
    int rounds = kFirstRounds;
    const auto add = [&](std::vector<Point> grid) -> absl::Status {
      RETURN_IF_ERROR(Evaluate(n, grid));
      seen.insert(seen.end(), grid.begin(), grid.end());
      std::ranges::sort(seen, {}, &Point::logarithm);
      return absl::OkStatus();
    };
    if (sweep == 0) {
      RETURN_IF_ERROR(add(Grid(left, right, kScanPoints, true)));
    } else {
      const double width = std::ldexp(kLaterWidth, 1 - sweep);
      left = std::max(low, here - width);
      right = std::min(high, here + width);
      rounds = kLaterRounds;
    }
    for (int round = 0; round < rounds; ++round) {
      // Between the neighbours of the best; in a later sweep at first all of the width.
      if (sweep == 0 || round > 0) {
        const auto best = std::ranges::min_element(seen, {}, &Point::value);
        if (best != seen.begin()) left = std::max(left, std::prev(best)->logarithm);
        if (std::next(best) != seen.end()) right = std::min(right, std::next(best)->logarithm);
      }
      RETURN_IF_ERROR(add(Grid(left, right, kPoints, false)));
    }
    const Point best = *std::ranges::min_element(seen, {}, &Point::value);
    // One that started outside its range, at 0 above all, is elsewhere than `here`.
    if (best.value < result_.after * (1 - options_.least_gain)) {
      result_.numbers[n] = PortableExp(best.logarithm);
      result_.after = best.value;
      result_.moved[n] = true;
    }
    return absl::OkStatus();
  }

  const std::vector<SearchedNumber>& numbers_;
  const TwinSearchOptions options_;
  const std::function<absl::StatusOr<double>(std::span<const double>)>& function_;
  const std::function<bool(int, int)>& progress_;
  int planned_ = 0;
  std::atomic<int> done_ = 0;
  SearchResult result_;
};

}  // namespace

absl::StatusOr<SearchResult> MinimizeByCoordinates(
    const std::vector<SearchedNumber>& numbers, const TwinSearchOptions& options,
    const std::function<absl::StatusOr<double>(std::span<const double>)>& function,
    const std::function<bool(int, int)>& progress) {
  return ParameterSearch(numbers, options, function, progress).Run();
}

}  // namespace reeve
