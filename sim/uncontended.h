// One function as it is when nobody competes with it: the sizes, limits and times that the
// cluster's description gives its containers. What offline bounds and plans compute with.
#pragma once

#include <cstdint>

#include "core/units.h"
#include "sim/cluster_spec.h"
#include "traces/trace.h"

namespace reeve {

struct UncontendedFunction {
  Mebibytes memory;               // of one container
  uint32_t concurrency = 1;       // requests at once in one container; UINT32_MAX = unlimited
  uint32_t initial_replicas = 0;  // containers ready when the run begins
  double stretch = 1;             // execution time over work: above 1 when the CPU limit is below
                                  // what one request asks for
  SimTime timeout;                // a request is given up this long after it came
  SimTime mean_start;             // mean start time; its median when there is no finite mean

  // How long a request of this work is executed when it begins on arrival; never rounded up.
  SimTime Execution(int64_t work_us) const;
};

// The cluster's settings for the function, its overrides included. Where a pool of pre-warmed
// containers of exactly this size exists, the faster of the two mean starts counts; image pulls and
// failing starts are left out: a start takes at least `mean_start` on average.
UncontendedFunction Uncontended(const ClusterSpec& spec, const FunctionProfile& profile);

// How long a start takes at most with this probability, image pull included; 0 < share < 1.
SimTime StartQuantile(const ClusterSpec& spec, const FunctionProfile& profile, double share);

}  // namespace reeve
