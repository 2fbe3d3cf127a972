// Policies by name for live platforms, made for whatever functions there are.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "controller/control_loop.h"
#include "core/units.h"

namespace reeve {

// A maker of the policy that `spec` describes, with everything around it. A trained policy is read
// now, once; functions that it was not trained for are an error of the maker.
// InvalidArgument for policies that must know the workload beforehand, and for a trained policy
// that decides at another period.
absl::StatusOr<LivePolicyMaker> MakeLivePolicies(const PolicySpec& spec, SimTime period,
                                                 uint64_t seed);

}  // namespace reeve
