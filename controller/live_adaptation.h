// Policies that learn on the live platform they drive (agents/adapt/adaptive_policy.h), made for
// whatever functions there are.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/adaptive_policy.h"
#include "agents/adapt/expert_library.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"
#include "agents/adapt/safeguard_spec.h"
#include "agents/policy_factory.h"
#include "controller/control_loop.h"
#include "controller/learner/learner_spec.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct LiveAdaptationSpec {
  std::string experts;
  AdaptiveSpec learner;
  SafeguardSpec safeguard;
  ExpertLibrarySpec library;
  std::optional<RemoteLearnerSpec> elsewhere;

  template <class V>
  static void Fields(V& v) {
    using S = LiveAdaptationSpec;
    v.Field(
        "experts", &S::experts,
        "Folder of the experts; empty: they are in the store. What is there is gone on from, and "
        "what is learned is kept there");
    v.Field("learner", &S::learner, "What it sees, may do and is paid, and how it learns");
    v.Field("safeguard", &S::safeguard,
            "When the policy of `policy` drives in its place; `fallback` does not count here");
    v.Field("library", &S::library, "How experts are kept");
    v.Field("elsewhere", &S::elsewhere,
            "Learn in another process, `reeve learner` (docs/bus.md); unset: in this one");
  }
  // Experts have a place: a folder, or a store, whose path this is (empty: none).
  absl::Status CheckPlace(const std::string& store) const;
};

// Makes those who learn in this process, as an OnlineSpec says.
using TrainerMaker = std::function<ExpertTrainerFactory(const OnlineSpec&)>;

struct LiveAdaptationOptions {
  std::string store;    // where experts are that have no folder; empty: they need one
  PolicySpec fallback;  // drives while it is not safe to let the learner
  SimTime period;
  uint64_t seed = 0;
  TrainerMaker trainers;  // not asked where the specification says `elsewhere`
  std::function<void(const std::string&)> on_message;  // sentences for the log; may be empty
};

// A maker of such policies; opens the experts' folder or store, and keeps others from writing them
// while the maker or one of its policies lives. A policy is done with before the next one is made:
// it puts what it has learned there, and the next one goes on from that, though its functions be
// others (CarryOver). A training that is under way is waited for; one elsewhere is given up.
// Errors: those of the folder or store; a fallback that cannot be made; a learner elsewhere that
// cannot be connected to; FailedPrecondition when nobody is there to learn. InvalidArgument of the
// maker when the experts there are of other networks, features or actions.
absl::StatusOr<LivePolicyMaker> MakeLiveAdaptation(const LiveAdaptationSpec& spec,
                                                   const LiveAdaptationOptions& options);

}  // namespace reeve
