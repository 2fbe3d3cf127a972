// Drives a policy over functions that do at once what they are told: replicas asked for are ready,
// limits are in force, at the next snapshot.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "core/policy.h"
#include "core/snapshot.h"

namespace reeve {

class RuleDriver {
 public:
  explicit RuleDriver(Policy& policy, size_t functions = 1)
      : policy_(policy), decisions(functions) {
    windows().Resize(functions);
    for (size_t f = 0; f < functions; ++f) {
      windows().cpu_limit[f] = Millicores(1000);
      windows().memory_limit[f] = Mebibytes(512);
      windows().slo_latency[f] = SimTime::Max();
    }
  }

  FunctionWindows& windows() { return snapshot.functions; }

  // Replicas of function `f`, as if asked for before.
  void Set(size_t f, uint32_t replicas) {
    windows().replicas_asked[f] = windows().containers_ready[f] = replicas;
  }

  // The control period of `window` seconds that ends at `t`, with the load that windows() says.
  void Decide(double t, double window) {
    snapshot.time = SimTime::FromSeconds(t);
    snapshot.window = SimTime::FromSeconds(window);
    decisions.assign(windows().size(), Decision());
    const absl::Status status = policy_.Decide(snapshot, decisions);
    ASSERT_TRUE(status.ok()) << status;
    for (size_t f = 0; f < decisions.size(); ++f) Apply(f, decisions[f]);
  }
  std::optional<int32_t> Replicas(double t, double window) {
    Decide(t, window);
    return decisions[0].replicas;
  }
  std::optional<int32_t> Wake(double t, uint32_t f = 0) {
    Decision decision;
    policy_.Wake(FunctionId(f), SimTime::FromSeconds(t), decision);
    Apply(f, decision);
    return decision.replicas;
  }

  Snapshot snapshot;

 private:
  void Apply(size_t f, const Decision& decision) {
    if (decision.replicas) Set(f, static_cast<uint32_t>(*decision.replicas));
    windows().cpu_limit[f] = decision.cpu_limit.value_or(windows().cpu_limit[f]);
    windows().memory_limit[f] = decision.memory_limit.value_or(windows().memory_limit[f]);
  }

  Policy& policy_;

 public:
  std::vector<Decision> decisions;  // of the last Decide
};

}  // namespace reeve
