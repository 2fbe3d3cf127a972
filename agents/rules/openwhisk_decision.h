// When OpenWhisk's scheduler starts containers: the rule for one queue, as a pure function.
//
// Source: apache/openwhisk, core/scheduler, queue/SchedulingDecisionMaker.scala. Upstream takes the
// snapshot and decides every 100 ms (`check-interval`), for the queue of one action. With
//
//   total     = existing + in_progress
//   available = incoming + current                      messages
//   c(d)      = stale_threshold / d * max_concurrency   messages that a container finishes within
//                                                       the threshold, d their mean duration;
//                                                       max_concurrency when d <= 0
//   capacity  = min(namespace_limit - existing_in_namespace - in_progress_in_namespace,
//                   action_limit - total)
//
// it asks for containers for the stale messages, one for each c(d) of them (all concurrency slots
// filled while no duration is known), less those in progress; and beside them, where the others
// outnumber both what all containers finish and the containers, for as many containers as those
// others need. A request beyond the capacity is cut to it, and closes the namespace to further
// messages when it was the namespace's.
#pragma once

#include <cstdint>
#include <optional>

namespace reeve {

// Upstream's states of a queue, of which the rule knows Running, NamespaceThrottled, Flushing
// (containers cannot be made) and Removing (the scheduler shuts down); it decides nothing in
// others.
enum class OpenWhiskQueueState : uint8_t {
  kUninitialized,
  kRunning,
  kIdle,
  kFlushing,
  kRemoving,
  kRemoved,
  kActionThrottled,
  kNamespaceThrottled,
};

// Counts are >= 0; limits may be anything.
struct OpenWhiskQueueSnapshot {
  bool initialized = false;  // the queue's first container has been asked for
  int32_t incoming = 0;      // messages on their way into the queue
  int32_t current = 0;       // messages in it
  int32_t existing = 0;      // containers of the action
  int32_t in_progress = 0;   // containers of the action being created
  int32_t stale = 0;         // messages older than the stale threshold
  int32_t existing_in_namespace = 0;
  int32_t in_progress_in_namespace = 0;
  std::optional<double> average_duration_ms;  // of the last activations; none yet: unset
  int32_t namespace_limit = 0;                // containers
  int32_t action_limit = 0;                   // containers
  int32_t max_concurrency = 1;                // messages at once in a container, >= 1
  OpenWhiskQueueState state = OpenWhiskQueueState::kRunning;
};

// Upstream's SchedulingConfig, as far as the rule reads it.
struct OpenWhiskRule {
  double stale_threshold_ms = 100;
  // An action without containers gets its first one while the namespace holds fewer than
  // over_provision_ratio times its limit; only beyond that is the namespace throttled.
  bool allow_over_provision = false;
  double over_provision_ratio = 1.5;
};

enum class OpenWhiskVerdict : uint8_t {
  kSkip,
  kAddInitialContainer,
  kAddContainer,
  kEnableNamespaceThrottling,  // refuse new messages; containers may come with it
  kDisableNamespaceThrottling,
  kPausing,  // the limits allow no container at all
};

struct OpenWhiskDecision {
  OpenWhiskVerdict verdict = OpenWhiskVerdict::kSkip;
  int32_t containers = 0;      // to add, >= 0
  bool drop_messages = false;  // of kEnableNamespaceThrottling: refuse those that wait, too

  bool operator==(const OpenWhiskDecision&) const = default;
};

// Thread-safe, O(1).
OpenWhiskDecision DecideOpenWhisk(const OpenWhiskQueueSnapshot& queue, const OpenWhiskRule& rule);

}  // namespace reeve
