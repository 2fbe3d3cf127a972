// Simulated platforms and loads on which a guard is tested, and the run of a policy on them.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "agents/adapt/safeguarded_policy.h"
#include "core/policy.h"
#include "sim/cluster.h"
#include "traces/trace.h"

namespace reeve::testing {

enum class Load { kConstant, kBursts, kRamp, kPopulation };
inline constexpr std::array kLoads = {Load::kConstant, Load::kBursts, Load::kRamp,
                                      Load::kPopulation};

// Six functions of two tenants, ten minutes.
Trace MakeLoad(Load load, uint64_t seed);

// Two nodes, which are large; or small, so that functions are in each other's way, but carry the
// loads under the fallbacks below; or so small that they do not.
enum class Room { kAmple, kContended, kTooSmall };
ClusterSpec MakePlatform(ScalingMode scaling, Room room);

// KPA where a policy sets replicas, a keep-alive of 100 s where arrivals start containers.
std::unique_ptr<Policy> MakeFallback(ScalingMode scaling);

struct GuardedRun {
  uint64_t arrivals = 0;
  uint64_t violations = 0;  // those of requests that are still there at the end included
  double gb_seconds = 0;
  // The most that a decision of the learner could harm beyond what the budget reserved then, worked
  // out from the run as in violation_budget.h: requests in the system at the decision and those
  // that came until the system had recovered, or only until it was repaired.
  double overshoot = 0, overshoot_until_repaired = 0;
};

// `guard` is `policy`, or null where it is none.
GuardedRun RunPolicy(const Trace& trace, const ClusterSpec& cluster, uint64_t seed, Policy& policy,
                     const SafeguardedPolicy* guard);

// Most arrivals of all functions in a control period, per second.
double PeakRate(const Trace& trace, const ClusterSpec& cluster, uint64_t seed);

}  // namespace reeve::testing
