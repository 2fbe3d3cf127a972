// Whether a change of an action's limits is worth what it costs.
//
// Every change makes a new version of the action, and the invokers give no activation of it a
// container of an old one: those that are warm stay for their keep-alive time, unused, and as many
// have to be started anew. Nothing of this is undone by changing back. The cost, in GiB-seconds:
//
//   containers * (cold start * wait_price + keep-alive * memory before)
//
// with the containers that are warm now, and the seconds by which a cold start is slower. The gain
// is the most that the change can bring within `horizon`, so that only what cannot pay is held
// back:
//
//   less memory         (before - after) * containers * horizon
//   more memory         CPU is given by memory: at best each execution takes before / after of its
//                       time: rate * execution * (1 - before / after) * horizon * wait_price
//   more concurrency    as many requests in before / after of the containers:
//                       memory * containers * (1 - before / after) * horizon
//   less concurrency    at best each execution takes after / before of its time, as for memory
//   fewer instances     memory * (containers - after) * horizon, if that many are fewer
//   more instances      nothing to weigh where the action is at its limit; else nothing is gained
//
// summed over the limits that change. More memory while activations fail (they may need it) is
// not weighed at all. The first three conditions below hold for all changes.
#pragma once

#include <cstdint>
#include <string>

#include "controller/openwhisk/openwhisk_config.h"
#include "controller/openwhisk/whisk_objects.h"
#include "core/units.h"

namespace reeve {

// The limits that a change is about: timeout is never changed.
struct ChangeContext {
  WhiskLimits now, wanted;
  uint32_t containers = 0;  // warm ones
  uint32_t in_flight = 0;
  double rate_rps = 0;  // of requests, lately
  double execution_s = 0, cold_start_s = 0;
  bool failing = false;                        // activations failed lately
  SimTime since_last_change = SimTime::Max();  // Max(): there was none
};

struct ChangeVerdict {
  bool change = false;
  double cost_gib_s = 0, gain_gib_s = 0;
  std::string why;  // for people, where it is held back
};

// In this order: nothing differs; the last change was less than least_interval ago; no limit
// changes by least_change of itself; it does not pay. Pure.
ChangeVerdict JudgeChange(const ChangeContext& context, const WhiskChangesSpec& spec,
                          SimTime keep_alive);

// The smallest of `sizes` that is allowed and not below `memory`; the largest allowed one where all
// are below. nullopt where none is allowed.
std::optional<Mebibytes> ChooseSize(Mebibytes memory, const std::vector<Mebibytes>& sizes,
                                    const WhiskBounds& bounds);
// Held within what the server allows.
int32_t ChooseConcurrency(int32_t concurrency, const WhiskBounds& bounds);
int32_t ChooseInstances(int32_t instances, const WhiskBounds& bounds);

}  // namespace reeve
