// Experts that learn in another process: what a control loop hands its OnlineExperts, so that it
// never trains in its own.
//
// Learn sends the batch, and the state if the learner has not got it, and waits for the new state,
// on the thread that OnlineExperts keeps for training. Whatever goes wrong on the way (nobody
// there, silence, garbage, numbers that cannot be, another version, a state further away than an
// update leads) comes back as Unavailable: the batch is lost, state() and what acts stay as they
// are, and the learner is left alone for a while, longer after each failure. Without torch.
#pragma once

#include <cstdint>
#include <memory>

#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"
#include "controller/learner/learner_channel.h"
#include "controller/learner/learner_spec.h"
#include "controller/net/clock.h"

namespace reeve {

// Learn as `online` says at whoever answers on the channel; the same bits as PpoExperts there. One
// channel for all experts. `jitter_seed`: of the waits after failures; loops that fail together
// should differ. `clock` measures those waits, and outlives the factory and what it makes.
ExpertTrainerFactory RemoteExpertsOver(std::unique_ptr<LearnerChannel> channel,
                                       const RemoteLearnerSpec& spec, const OnlineSpec& online,
                                       uint64_t jitter_seed, NetClock& clock = NetClock::Real());

}  // namespace reeve
