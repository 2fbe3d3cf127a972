// How a control loop reaches a learner: a request out, its reply back.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/learner/learner_spec.h"
#include "controller/net/clock.h"

namespace reeve {

// One thread at a time.
class LearnerChannel {
 public:
  virtual ~LearnerChannel() = default;

  // The reply to `request`, as it came: nothing in it is looked at. Sent again where none comes, so
  // it may arrive several times. Unavailable: none came, or `stop` is why.
  virtual absl::StatusOr<std::string> Ask(const std::string& request, const StopSignal& stop) = 0;
};

// Over ZeroMQ. Connects when first asked, so the learner may come later, or never. InvalidArgument:
// an address that cannot be, or that others could listen at, without keys; a key that is none.
absl::StatusOr<std::unique_ptr<LearnerChannel>> ConnectToLearner(const RemoteLearnerSpec& spec);

}  // namespace reeve
