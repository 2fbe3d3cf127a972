// A policy decides, once per control period, what every function gets. Hand-written rules, neural
// networks and the wrappers around them are all policies.
#pragma once

#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "core/decision.h"
#include "core/ids.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

class Policy {
 public:
  virtual ~Policy() = default;

  virtual std::string_view name() const = 0;

  // Decides for all functions. `decisions` has one unset element per function of the snapshot, in
  // its order. A policy may keep state between calls; calls come in time order. Not thread-safe.
  virtual absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) = 0;

  // A request came for a function that has no container (and none starting). Called at once,
  // between control periods, so that a policy need not make the request wait for the next one; the
  // decision is applied immediately. The default leaves it to the next Decide.
  virtual void Wake(FunctionId /*function*/, SimTime /*now*/, Decision& /*decision*/) {}
};

}  // namespace reeve
