// Between a training and its files.
#pragma once

#include <map>
#include <string>

#include "agents/ppo/checkpoint.h"
#include "runs/training.h"

namespace reeve {

// What a checkpoint says of the training beside its numbers.
CheckpointInfo CheckpointInfoOf(const Training& training, std::map<std::string, double> metrics);

}  // namespace reeve
