// How many activations without need keep an action's containers warm.
#pragma once

#include <cstdint>
#include <optional>

#include "controller/openwhisk/openwhisk_config.h"
#include "core/units.h"

namespace reeve {

struct PrewarmContext {
  int32_t floor = 0;        // containers that are to be warm
  uint32_t containers = 0;  // that are, as estimated
  uint32_t in_flight = 0;   // activations
  int32_t concurrency = 1;  // activations at once in a container
  // Time since at least `floor` containers were in use at once; unset: longer than keep-alive.
  std::optional<SimTime> idle_for;
  SimTime since_last_round = SimTime::Max();  // Max(): there was none
  SimTime keep_alive;
  int64_t budget = 0;  // of the tenant, activations
};

// Zero while there are enough, that were in use within three quarters of keep-alive: the first of
// them would go soon. Else as many at once as fill the floor beside those under way: who is idle
// takes one, for the others containers are started; within spec.parallel and the budget. Zero for
// spec.least_interval after a round, whose activations may not be seen yet. Pure.
int64_t PlanPrewarm(const PrewarmContext& context, const WhiskPrewarmSpec& spec);

}  // namespace reeve
