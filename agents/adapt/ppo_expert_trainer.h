// An expert that learns by proximal policy optimisation. Without torch's headers.
#pragma once

#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"

namespace reeve {

// Learn as `spec` says: by its method also held to what was learned in other environments. Contexts
// are told apart by the environment that a detector took them for.
ExpertTrainerFactory PpoExperts(const OnlineSpec& spec);

}  // namespace reeve
