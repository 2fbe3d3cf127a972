#include "controller/learner/remote_experts.h"

#include <fmt/format.h>

#include <memory>
#include <random>
#include <utility>

#include "controller/learner/learner_channel.h"
#include "controller/learner/remote_trainer.h"
#include "core/status.h"

namespace reeve {

absl::StatusOr<ExpertTrainerFactory> RemoteExperts(const RemoteLearnerSpec& spec,
                                                   const OnlineSpec& online, LearnerWaits waits) {
  if (waits == LearnerWaits::kNever && online.swap_after != 0) {
    return absl::InvalidArgumentError(fmt::format(
        "online.swap_after is {}: with a learner elsewhere it must be 0, or the control "
        "loop would wait for that",
        online.swap_after));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<LearnerChannel> channel, ConnectToLearner(spec));
  std::random_device device;
  return RemoteExpertsOver(std::move(channel), spec, online, device());
}

}  // namespace reeve
