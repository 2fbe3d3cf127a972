// The hybrid histogram policy of Azure Functions (agents/rules/idle_histogram.h has the rule and
// its source), for platforms that start containers on demand.
//
// A unit (a function, or an application of several) is idle from the control period in which its
// last request ended to the one in which the next one comes; both are seen at the end of a period,
// so the error of an idle time is at most one period and zero on average. Requests in a unit that
// is not idle, and all but the first of a period, count as idle times of zero: the policy sees
// their number, not their moments.
//
// While loaded from the start, the unit's containers are kept for the keep-alive time after their
// last use. Otherwise they go as soon as they are idle, and one container (per function of the
// unit) is kept as warm floor between the two times; it is asked for in the control period before
// the time comes.
//
// In the paper an application is loaded as a whole. A container here holds one function, so by
// default each function has a histogram of its own; `unit: app` lets all functions of an
// application share one, and be loaded together, where the platform says what belongs together.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "agents/rules/idle_histogram.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

enum class HistogramUnit : uint8_t { kFunction, kApp };
constexpr auto EnumNames(HistogramUnit) {
  return std::array<std::pair<HistogramUnit, std::string_view>, 2>{
      {{HistogramUnit::kFunction, "function"}, {HistogramUnit::kApp, "app"}}};
}

struct HybridHistogramOptions {
  HistogramUnit unit = HistogramUnit::kFunction;
  IdleHistogramOptions histogram;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("unit", &HybridHistogramOptions::unit,
            "What has a histogram and is loaded together: a function, or an application (in "
            "simulation only: a snapshot does not say what belongs together)");
    v.Field("histogram", &HybridHistogramOptions::histogram, "The rule for one unit");
  }
  absl::Status Validate() const;
};

class HybridHistogramPolicy : public Policy {
 public:
  // `unit_of_function`: [F] a dense number; empty: every function by itself.
  explicit HybridHistogramPolicy(const HybridHistogramOptions& options,
                                 std::vector<uint32_t> unit_of_function = {});
  std::string_view name() const override { return "hybrid_histogram"; }
  // InvalidArgument when the snapshot has another number of functions than there are units for.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

 private:
  struct Unit {
    explicit Unit(const IdleHistogramOptions& options)
        : histogram(options), times(histogram.Times()) {}
    IdleHistogram histogram;
    LoadedTimes times;                  // what the histogram said at the last request
    std::optional<SimTime> idle_since;  // unset: a request runs or waits, or none ever came
    bool seen = false;                  // a request came
    uint32_t arrivals = 0;              // of the window
    bool busy = false;                  // at the end of the window
  };
  static void Learn(Unit& unit, SimTime now);
  static Decision DecideFor(const Unit& unit, SimTime now, SimTime window);

  const HybridHistogramOptions options_;
  std::vector<uint32_t> unit_of_function_;  // [F]
  std::vector<Unit> units_;
};

}  // namespace reeve
