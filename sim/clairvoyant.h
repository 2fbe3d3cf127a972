// The clairvoyant bound: what no policy can beat on a workload, because it knows the workload.
//
// For every function, from the arrivals that a simulation with the same options plays:
//   - the least container-seconds and GB-seconds without any cold start, containers being started
//     just in time and kept through a gap only while that is cheaper than starting again;
//   - the curve of cold starts against GB-seconds of policies that cannot pre-warm, which keep a
//     container or let it go after each use (WithoutPrewarm);
//   - the same curve of policies that may pre-warm (WithPrewarm), which is never above the first.
// Curves of all functions together spend a common price per cold start: the best for the whole.
//
// Assumed of a policy and its platform:
//   - every request is served; it begins on arrival, or waits for the start of a container that it
//     or another waiting request set off. Where requests wait for a busy container instead (a
//     replica target), a policy can buy fewer GB-seconds with waiting: `needed` of the totals is
//     then the only floor.
//   - containers have the memory, the CPU limit and the concurrency of the cluster's description.
//   - requests take their execution time on an idle machine. Contention, interference, image pulls
//     and failing starts only make things worse, so the bound holds with them too.
//   - a start takes the mean of the function's start-time distribution (sim/uncontended.h): right
//     for expected GB-seconds, since no policy knows the draw. A single run can be luckier by
//     chance; with StartTime::kNone starts take no time at all and the bound holds draw by draw.
// Everything is cut at the end of the trace, as a run is.
//
// With concurrency 1 and starts that take no time both curves are the exact optimum at the prices
// of the grid, and between them at most 1/8 of the gap in question below it. With start times the
// cost without cold starts is exact; WithoutPrewarm is a lower bound, as a cold start delays what
// follows it. With more concurrency they are lower bounds: they count ceil(requests / concurrency)
// containers, as if requests could change containers. docs/bound.md has the proofs.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/ids.h"
#include "core/units.h"
#include "sim/cluster_spec.h"
#include "sim/trade_off.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

enum class StartTime : uint8_t { kMean, kNone };
constexpr auto EnumNames(StartTime) {
  return std::array<std::pair<StartTime, std::string_view>, 2>{
      {{StartTime::kMean, "mean"}, {StartTime::kNone, "none"}}};
}

struct BoundOptions {
  StartTime start = StartTime::kMean;
  double start_price = 0;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("start", &BoundOptions::start,
            "How long a start takes: mean of its distribution, or none, for a bound that holds "
            "whatever the draws");
    v.Field("start_price", &BoundOptions::start_price,
            "GB-seconds that a container start is worth, beside its own, where no request starts "
            "cold: more keeps containers longer",
            AtLeast(0));
  }
};

// A function, or all together.
struct ClairvoyantCost {
  uint64_t requests = 0;
  // Containers as far as requests run in them: what no policy whose requests begin on arrival can
  // do without.
  double needed_container_seconds = 0, needed_gb_seconds = 0;
  // No cold start: starts (just in time) and their cost, least at the given start price.
  uint64_t warm_starts = 0;
  double warm_container_seconds = 0, warm_gb_seconds = 0;
  // Cold starts that nobody without pre-warming can avoid: the most containers ever needed at once,
  // less those ready at the start.
  uint64_t fewest_cold_starts = 0;
};

// What a function's curves are made from, in MiB us; the formulas are in docs/bound.md.
struct FunctionGaps {
  GapHistogram gaps;          // between two needs of a container
  double needed_mib_us = 0;   // containers as far as requests run in them
  double start_mib_us = 0;    // one start
  double gaps_or_starts = 0;  // sum over gaps of the cheaper: keeping through it, or one start
  uint64_t first_uses = 0;    // of containers that were never needed before
  uint64_t early = 0;         // of which so early that a start would begin before the trace
  double early_mib_us = 0;    // memory from the beginning of the trace to those
  uint64_t requests = 0;
  uint64_t whole = 0;  // requests whose execution is not cut even after a cold start

  // Lower bounds on the cost when a cold start costs a price of the grid beside its memory, and
  // the cold starts of the schedule that is best then. Both [PriceGrid::kSize].
  struct Curve {
    std::vector<double> least_cost, cold_starts;
  };
  Curve WithoutPrewarm() const;
  Curve WithPrewarm() const;
};

// Immutable once computed; may be shared by threads.
class ClairvoyantBound {
 public:
  const std::vector<ClairvoyantCost>& functions() const { return functions_; }  // [F]
  const ClairvoyantCost& total() const { return total_; }

  const TradeOff& WithoutPrewarm() const { return without_prewarm_; }
  const TradeOff& WithPrewarm() const { return with_prewarm_; }
  // Of one function; computed at each call.
  TradeOff WithoutPrewarm(FunctionId function) const;
  TradeOff WithPrewarm(FunctionId function) const;

 private:
  friend ClairvoyantBound ComputeBound(const Trace&, const ClusterSpec&, const ArrivalOptions&,
                                       const BoundOptions&);
  std::vector<ClairvoyantCost> functions_;
  std::vector<FunctionGaps> gaps_;
  ClairvoyantCost total_;
  TradeOff without_prewarm_, with_prewarm_;
};

// Streams the trace once: O(log(requests in flight)) per invocation; memory for the requests in
// flight and at most 5 KB of gaps per function. Deterministic.
ClairvoyantBound ComputeBound(const Trace& trace, const ClusterSpec& cluster,
                              const ArrivalOptions& arrivals, const BoundOptions& options = {});

}  // namespace reeve
