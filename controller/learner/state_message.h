// What an expert goes on from, as it travels between a control loop and a learner: the file of a
// training (agents/ppo/checkpoint.h), and what may be believed of one.
//
// Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/ppo/policy_model.h"
#include "agents/ppo/ppo_spec.h"
#include "agents/ppo/rollout.h"
#include "controller/learner/learner.pb.h"

namespace reeve {

// The bytes of a state; the same state gives the same.
std::string WriteState(const TrainerState& state);

// Which state a file holds: its checksum, 16 bytes, which differs between states. Empty for what is
// too short to be a file.
std::string StateVersion(std::string_view file);

// A state in which everything fits and every number can be. Errors say what is wrong: a damaged
// file, NaN, a variance below zero, moments that Adam cannot have come to.
absl::StatusOr<TrainerState> ReadState(const std::string& file);

// The same of a state that somebody has moved.
absl::Status CheckNumbers(const TrainerState& state);

// What is known of an honest update before it is made: all but its gradients.
struct ExpectedUpdate {
  // Networks before the first gradient: critics speak of returns as they are normalised from now
  // on. Normalisers after the update.
  PolicyModel model;
  int64_t steps = 0;         // of environments that it learns from
  int64_t updates = 0;       // of each network, at most
  double learning_rate = 0;  // of Adam
};
// Fills in the rollout's advantages and targets.
absl::StatusOr<ExpectedUpdate> ExpectUpdate(const PolicyModel& before, const PpoSpec& ppo,
                                            Rollout& rollout);

// Whether `after` (of ReadState or CheckNumbers) can be what an update has made of `before`: same
// networks, names and seed, counted on and normalised as is expected, and no network further away
// than Adam goes. So a learner that lies moves an expert no further than one that does not.
absl::Status CheckGoesOn(const TrainerState& before, const TrainerState& after,
                         const ExpectedUpdate& expected);

// Takes over what an update moves; names and networks stay `into`'s. After CheckGoesOn.
void TakeNumbers(TrainerState after, TrainerState& into);

void WriteUpdate(const OnlineUpdate& update, learner::v1::Update& message);
// For a model of `groups` groups. InvalidArgument: another number of them, NaN.
absl::StatusOr<OnlineUpdate> ReadUpdate(const learner::v1::Update& message, int32_t groups);

}  // namespace reeve
