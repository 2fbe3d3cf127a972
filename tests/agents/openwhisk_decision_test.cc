// What DecideOpenWhisk does beyond the vectors (data/openwhisk_decisions.json).
#include "agents/rules/openwhisk_decision.h"

#include <gtest/gtest.h>

#include <limits>

namespace reeve {
namespace {

using Verdict = OpenWhiskVerdict;

OpenWhiskQueueSnapshot Queue() {
  OpenWhiskQueueSnapshot q;
  q.initialized = true;
  q.existing = q.existing_in_namespace = 1;
  q.namespace_limit = q.action_limit = 10;
  return q;
}

TEST(OpenWhiskDecisionTest, AnActionsOwnLimitThrottlesNoNamespace) {
  OpenWhiskQueueSnapshot q = Queue();
  q.current = q.stale = 20;
  // Capacities: 9 of the namespace, 3 of the action, then 3 of the namespace.
  q.action_limit = 4;
  EXPECT_EQ(DecideOpenWhisk(q, {}), (OpenWhiskDecision{Verdict::kAddContainer, 3}));
  q.existing_in_namespace = 7;
  EXPECT_EQ(DecideOpenWhisk(q, {}),
            (OpenWhiskDecision{Verdict::kEnableNamespaceThrottling, 3, false}));
}

TEST(OpenWhiskDecisionTest, TheThresholdSetsWhatAContainerFinishes) {
  OpenWhiskQueueSnapshot q = Queue();
  q.current = q.stale = 6;
  q.average_duration_ms = 100;
  // One message in 100 ms, two in 200 ms.
  EXPECT_EQ(DecideOpenWhisk(q, {.stale_threshold_ms = 100}).containers, 6);
  EXPECT_EQ(DecideOpenWhisk(q, {.stale_threshold_ms = 200}).containers, 3);
}

TEST(OpenWhiskDecisionTest, ExtremesStayWithinTheLimits) {
  const int32_t most = std::numeric_limits<int32_t>::max();
  OpenWhiskQueueSnapshot q = Queue();
  q.incoming = q.current = q.stale = most;
  for (const double duration : {1e-300, 1.0, 1e300}) {
    q.average_duration_ms = duration;
    const OpenWhiskDecision decision = DecideOpenWhisk(q, {});
    EXPECT_GE(decision.containers, 1);
    EXPECT_LE(decision.containers, 9);
  }
  q.average_duration_ms = 1e300;
  q.namespace_limit = q.action_limit = most;
  // 2^31 - 1 stale messages, one container each, and capacity for 2^31 - 2.
  EXPECT_EQ(DecideOpenWhisk(q, {}),
            (OpenWhiskDecision{Verdict::kEnableNamespaceThrottling, most - 1, false}));
}

}  // namespace
}  // namespace reeve
