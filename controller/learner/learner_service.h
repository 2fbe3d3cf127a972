// A learner for control loops in other processes: what `reeve learner` runs. The messages are in
// learner.proto; what users must know is in docs/bus.md.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/bus/router_server.h"
#include "controller/learner/learner_jobs.h"
#include "controller/learner/learner_spec.h"

namespace reeve {

class LearnerService {
 public:
  struct Counts {
    RouterServer::Counts socket;
    LearnerJobs::Counts jobs;
  };

  // Listens. Errors as of RouterServer::Bind.
  static absl::StatusOr<std::unique_ptr<LearnerService>> Bind(const LearnerServiceSpec& spec,
                                                              LearnerJobs::Learners learners);

  const RouterServer& server() const { return *server_; }
  // Answers on this thread and learns on another, until `stop`, which is asked at least ten times a
  // second. An update that has begun is waited for.
  absl::Status Run(const std::function<bool()>& stop);
  Counts counts() const;  // any thread

 private:
  LearnerService(std::unique_ptr<RouterServer> server, const LearnerLimits& limits,
                 LearnerJobs::Learners learners);

  LearnerJobs jobs_;
  std::unique_ptr<RouterServer> server_;
};

}  // namespace reeve
