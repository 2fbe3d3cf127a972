#include "agents/rules/openwhisk_decision.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

using State = OpenWhiskQueueState;
using Verdict = OpenWhiskVerdict;

// Too large a number becomes the largest there is, as Scala's toInt makes it.
int64_t Ceiling(double x) {
  constexpr double kMost = std::numeric_limits<int32_t>::max();
  return static_cast<int64_t>(std::clamp(std::ceil(x), -kMost, kMost));
}

// What is left to give out.
struct Room {
  int64_t name_space;      // within its limit
  int64_t over_provision;  // within the limit times the ratio
  int64_t capacity;        // for this action, now
};

Room RoomFor(const OpenWhiskQueueSnapshot& q, const OpenWhiskRule& rule, int64_t total) {
  const int64_t held = int64_t{q.existing_in_namespace} + q.in_progress_in_namespace;
  Room room;
  room.name_space = q.namespace_limit - held;
  room.over_provision = Ceiling(q.namespace_limit * rule.over_provision_ratio) - held;
  if (rule.allow_over_provision && total == 0) {
    room.capacity = room.over_provision > 0 ? 1 : 0;
  } else {
    room.capacity = std::min(room.name_space, q.action_limit - total);
  }
  return room;
}

OpenWhiskDecision WithoutCapacity(State state, const OpenWhiskRule& rule, const Room& room,
                                  int64_t total) {
  const bool over_provision = rule.allow_over_provision && room.over_provision > 0;
  if (state == State::kRunning && !over_provision) {
    // Messages wait on while there is a container that will take them.
    return {Verdict::kEnableNamespaceThrottling, 0, total == 0};
  }
  if (state == State::kNamespaceThrottled && over_provision) {
    return {Verdict::kDisableNamespaceThrottling, 0};
  }
  return {};
}

OpenWhiskDecision Add(int64_t wanted, const Room& room) {
  if (wanted > room.capacity) {
    const int32_t containers = static_cast<int32_t>(room.capacity);
    // The action's own limit closes nothing: other actions of the namespace may still grow.
    if (room.capacity < room.name_space) return {Verdict::kAddContainer, containers};
    return {Verdict::kEnableNamespaceThrottling, containers, false};
  }
  if (wanted <= 0) return {};
  return {Verdict::kAddContainer, static_cast<int32_t>(wanted)};
}

// Containers beside those in progress for the stale messages, one for each `per_container` of them.
int64_t ForStale(const OpenWhiskQueueSnapshot& q, double per_container) {
  return std::min<int64_t>(Ceiling(q.stale / per_container), q.stale) - q.in_progress;
}

// Messages that one container finishes within the stale threshold.
double Throughput(const OpenWhiskQueueSnapshot& q, const OpenWhiskRule& rule, double duration_ms) {
  if (duration_ms <= 0) return q.max_concurrency;
  return rule.stale_threshold_ms / duration_ms * q.max_concurrency;
}

int64_t WithoutDuration(const OpenWhiskQueueSnapshot& q, int64_t available) {
  const int64_t wanted = Ceiling(static_cast<double>(q.stale) / q.max_concurrency) - q.in_progress;
  return std::min(wanted, available);
}

int64_t WithDuration(const OpenWhiskQueueSnapshot& q, const OpenWhiskRule& rule, double duration_ms,
                     int64_t total, int64_t available) {
  const double throughput = Throughput(q, rule, duration_ms);
  const int64_t stale_part = q.stale > 0 ? ForStale(q, throughput) : 0;
  const int64_t fresh = available - q.stale;
  const double finished = throughput * static_cast<double>(total);
  if (duration_ms > 0 && static_cast<double>(fresh) >= finished && total < fresh) {
    const int64_t needed =
        Ceiling(static_cast<double>(fresh) / throughput - static_cast<double>(total));
    return std::min(needed, fresh - total) + stale_part;
  }
  return stale_part;
}

}  // namespace

OpenWhiskDecision DecideOpenWhisk(const OpenWhiskQueueSnapshot& q, const OpenWhiskRule& rule) {
  const int64_t total = int64_t{q.existing} + q.in_progress;
  const int64_t available = int64_t{q.incoming} + q.current;
  if (std::min(q.namespace_limit, q.action_limit) <= 0) {
    return {q.state == State::kFlushing ? Verdict::kSkip : Verdict::kPausing, 0};
  }
  const Room room = RoomFor(q, rule, total);
  if (room.capacity <= 0) return WithoutCapacity(q.state, rule, room, total);

  const std::optional<double>& duration = q.average_duration_ms;
  switch (q.state) {
    case State::kNamespaceThrottled:
      return {Verdict::kDisableNamespaceThrottling, 0};
    case State::kFlushing:
      if (total == 0) return {Verdict::kAddInitialContainer, 1};
      return {};
    case State::kRunning:
      if (total == 0 && !q.initialized && !duration) return {Verdict::kAddInitialContainer, 1};
      if (total == 0 && available > 0) return {Verdict::kAddContainer, 1};
      if (duration) return Add(WithDuration(q, rule, *duration, total, available), room);
      return q.stale > 0 ? Add(WithoutDuration(q, available), room) : OpenWhiskDecision{};
    case State::kRemoving:
      // A last resort: the other schedulers are expected to have containers enough.
      if (q.stale <= 0) return {};
      return Add(
          duration ? ForStale(q, Throughput(q, rule, *duration)) : WithoutDuration(q, available),
          room);
    case State::kUninitialized:
    case State::kIdle:
    case State::kRemoved:
    case State::kActionThrottled:
      return {};
  }
  return {};
}

}  // namespace reeve
