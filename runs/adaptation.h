// Plays a run under a changing load (AdaptationConfig): on the straggler environment or on a
// simulated cluster.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "agents/adapt/expert_keeper.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_experts.h"
#include "core/units.h"
#include "envs/scenario.h"
#include "envs/straggler_spec.h"
#include "runs/adaptation_config.h"
#include "runs/adaptation_timeline.h"

namespace reeve {

// What a learner knows: by the label of the environment, or of the one policy under "".
using KnownExperts = std::map<std::string, OnlineExpertState>;

struct AdaptationHooks {
  // Called after control periods, in the course of the run (before = false) or of the run before.
  std::function<void(SimTime now, SimTime end, bool before)> on_period = {};
  // Asked after every control period; true ends the run early with complete = false.
  std::function<bool()> stop = {};
  // Folder of an ExpertLibrary that the run begins with and keeps; empty: none.
  std::string experts = {};
  std::function<void(const std::string&)> warn = {};  // a sentence about library or learner
  // Who learns as a specification says; empty: PpoExperts.
  std::function<ExpertTrainerFactory(const OnlineSpec&)> learners = {};
};

// `folder`: that the scenario's path is relative to. On one thread, beside the one that learns;
// results do not depend on either's pace. NotFound for a trace that is not there; InvalidArgument
// for what does not fit (experts that are kept and a run before); errors of the library.
absl::StatusOr<AdaptationRecord> RunAdaptation(const AdaptationConfig& config,
                                               const std::string& folder,
                                               const AdaptationHooks& hooks = {});

// Everything that a run follows from beside its own file and the program, as text: scenario,
// cluster, the trace's checksum. Errors as RunAdaptation.
absl::StatusOr<std::string> DescribeProblem(const AdaptationConfig& config,
                                            const std::string& folder);

// --- The two problems; for RunAdaptation, which fills in hooks.learners --------------------------

struct AdaptationStart {
  ExpertKeeper* keeper = nullptr;       // null: nothing is kept
  const KnownExperts* known = nullptr;  // null: nothing
  KnownExperts* learned = nullptr;      // filled at the end; null: of no interest
};
absl::StatusOr<AdaptationRecord> AdaptOnStraggler(const AdaptationConfig& config,
                                                  const StragglerSpec& straggler,
                                                  const AdaptationStart& start,
                                                  const AdaptationHooks& hooks);
absl::StatusOr<AdaptationRecord> AdaptOnCluster(const AdaptationConfig& config,
                                                const Scenario& scenario,
                                                const AdaptationStart& start,
                                                const AdaptationHooks& hooks);

}  // namespace reeve
