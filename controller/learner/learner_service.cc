#include "controller/learner/learner_service.h"

#include <google/protobuf/stubs/logging.h>

#include <atomic>
#include <thread>
#include <utility>

#include "core/status.h"

namespace reeve {
namespace {

// How soon the thread that learns notices that it is to stop.
constexpr SimTime kStopCheck = SimTime::Millis(50);

}  // namespace

absl::StatusOr<std::unique_ptr<LearnerService>> LearnerService::Bind(
    const LearnerServiceSpec& spec, LearnerJobs::Learners learners) {
  // Protobuf would write a line to standard error for what peers send.
  google::protobuf::SetLogHandler(nullptr);
  ASSIGN_OR_RETURN(std::unique_ptr<RouterServer> server, RouterServer::Bind(spec.socket));
  return std::unique_ptr<LearnerService>(
      new LearnerService(std::move(server), spec.limits, std::move(learners)));
}

LearnerService::LearnerService(std::unique_ptr<RouterServer> server, const LearnerLimits& limits,
                               LearnerJobs::Learners learners)
    : jobs_(limits, std::move(learners)), server_(std::move(server)) {}

absl::Status LearnerService::Run(const std::function<bool()>& stop) {
  std::atomic<bool> over{false};
  std::thread learning([&] {
    while (!over.load()) jobs_.WorkOne(kStopCheck);
  });
  const absl::Status status =
      server_->Run([this](std::string_view peer, std::string_view message,
                          SimTime now) { return jobs_.Handle(peer, message, now); },
                   [&](SimTime now) {
                     jobs_.Expire(now);
                     return stop();
                   });
  over = true;
  learning.join();
  return status;
}

LearnerService::Counts LearnerService::counts() const {
  return {server_->counts(), jobs_.counts()};
}

}  // namespace reeve
