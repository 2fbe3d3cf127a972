// The learner service without its sockets: requests in, replies out, and jobs for whoever trains.
//
//   Learn ──> a job that waits ──> WorkOne: the update ──> Fetch: the new state
//
// The learner is a cache of states: it goes on from the one that the client names if it has it, and
// asks for it otherwise. So nothing is lost when it is restarted, makes room or is replaced by
// another, but for what LCPO and EWC remember beside the state (their anchors, the last batch).
// What a peer sends is looked through before anything learns from it, cannot reach another key's
// experts, and costs what LearnerLimits allows.
//
// Thread-safe: Handle and Expire from one thread, WorkOne from another, meanwhile.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "agents/adapt/expert_trainer.h"
#include "agents/adapt/online_spec.h"
#include "controller/learner/learner.pb.h"
#include "controller/learner/learner_spec.h"
#include "core/units.h"

namespace reeve {

inline constexpr uint32_t kLearnerVersion = 1;

class LearnerJobs {
 public:
  // Who learns as a specification says (PpoExperts).
  using Learners = std::function<ExpertTrainerFactory(const OnlineSpec& online)>;
  struct Counts {
    uint64_t requests = 0, errors = 0;  // answered; of them with an error
    uint64_t learned = 0;               // jobs done
    uint64_t failed = 0;                // jobs that came to nothing: refused or diverged
    uint64_t given_up = 0;              // jobs that nobody asked for any more
    uint64_t states = 0;                // states received
    uint64_t forgotten = 0;             // experts, to make room or by their age
    size_t experts = 0, waiting = 0;    // now
  };

  LearnerJobs(const LearnerLimits& limits, Learners learners);
  ~LearnerJobs();

  // The reply (a learner.v1.Reply) to a message of the client with that key. `now` is of any steady
  // clock and does not fall. Any bytes get a reply.
  std::string Handle(std::string_view peer, std::string_view request, SimTime now);

  // Forgets experts of which nothing was heard. Handle does not.
  void Expire(SimTime now);

  // Does the next job; waits for one for at most `wait`. False: there was none.
  bool WorkOne(SimTime wait);

  Counts counts() const;

 private:
  struct Expert;
  using Key = std::pair<std::string, std::string>;  // peer, expert

  absl::Status Answer(const Key& key, const learner::v1::Request& request,
                      learner::v1::Reply& reply);
  absl::Status Begin(const Key& key, const learner::v1::Learn& learn, learner::v1::Reply& reply);
  absl::Status Fetch(const Key& key, const learner::v1::Fetch& fetch, learner::v1::Reply& reply);
  absl::Status Tell(const Expert& expert, learner::v1::Reply& reply) const;
  absl::Status MakeRoom(const Key& key);
  std::optional<Key> LongestUnused(const std::string& peer) const;
  void HoldLess(const Expert& but);
  void Forget(const Key& key);
  std::shared_ptr<Expert> NextJob(SimTime wait);
  absl::Status Work(Expert& expert, const learner::v1::Learn& learn, learner::v1::Learned& learned);

  const LearnerLimits limits_;
  const Learners learners_;

  mutable std::mutex mutex_;
  std::condition_variable came_;
  // Guarded by mutex_.
  std::map<Key, std::shared_ptr<Expert>> experts_;
  std::deque<std::shared_ptr<Expert>> waiting_;
  SimTime now_;  // the latest that was said
  Counts counts_;
};

}  // namespace reeve
