// Why a trained policy chose what it chose: one decision of one agent, in an evaluation that is
// played again up to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "core/table.h"
#include "core/units.h"
#include "envs/scenario.h"
#include "runs/simulation.h"

namespace reeve {

// One choice of a head.
struct ExplainedChoice {
  std::string name;  // ActionCodec::ChoiceName
  double probability = 0;
  bool legal = true;  // else its probability is 0
  bool chosen = false;
  bool rule = false;  // comes nearest to what the rule decided
};

struct ExplainedHead {
  std::vector<ExplainedChoice> choices;
  // Of what was chosen, in nats: with what was seen, and with the baseline.
  double log_probability = 0, baseline_log_probability = 0;
  int32_t steps = 0;  // of the integral
  double gap = 0;     // its error: sum of the attributions less the difference of these two
};

// One input of the actor.
struct ExplainedInput {
  std::string name;                  // ViewShape::InputNames
  std::string unit;                  // of `value`; empty for what is no feature of the function
  std::optional<double> value;       // in the unit, for features of the function
  std::optional<double> feature;     // the same as the extractor has it: over its scale
  double seen = 0;                   // what the network was given
  double baseline = 0;               // what that is compared with
  std::vector<double> attributions;  // [heads] nats
  double Attribution() const;        // over all heads: of the log-probability of the whole choice
};

struct Explanation {
  std::string function, tenant;
  SimTime time;           // of the decision
  std::string encoder;    // as in configurations
  bool has_past = false;  // the actor saw earlier steps as well, which were held fixed
  uint32_t replicas = 0;  // asked for when it decided
  std::string decision;   // in words
  std::string rule, rule_decision;
  std::vector<ExplainedHead> heads;
  std::vector<ExplainedInput> inputs;  // those that moved the choice most first
};

// Plays the scenario as `reeve evaluate` does with this configuration, under
// config.policy.learned, up to the first decision of `function` at or after `at`. `rule` sees all
// the snapshots beside it and decides nothing.
//
// What the choice is compared with is an average moment (a baseline for IntegratedGradients):
// features, and those of the others, at their mean in training, which is 0 after normalisation; no
// spread among the others, and no last actions of theirs; who is there, and which agent this is, as
// it was. OutOfRange for a function or a time that the evaluation does not have; errors of the
// checkpoint, of the rule and of the simulation.
absl::StatusOr<Explanation> Explain(const Scenario& scenario, const SimulationConfig& config,
                                    const PolicySpec& rule, const std::string& function,
                                    SimTime at);

// For people, with the error of the integral on the last line; as one JSON object; or as CSV, its
// inputs alone.
std::string Render(const Explanation& explanation, TableFormat format, bool color);

}  // namespace reeve
