// The workload of the benches of environments and training: 8 functions of about 5 requests a
// second that share four nodes, decided about every 5 s.
#pragma once

#include <fmt/format.h>

#include <memory>

#include "core/check.h"
#include "envs/scenario.h"

namespace reeve {

inline std::shared_ptr<const Scenario> EightFunctions() {
  ScenarioSpec spec;
  ClusterSpec cluster;
  cluster.nodes = {{4, Millicores::Cores(4), Mebibytes(2048)}};
  cluster.interference = {{0.5, 1}, {1, 1.2}, {3, 2.05}};
  spec.inline_cluster = cluster;
  spec.control_period = SimTime::Seconds(5);
  for (int i = 0; i < 8; ++i) {
    ScenarioFunction function;
    function.name = fmt::format("f{}", i);
    function.duration_ms = Distribution::LognormalFromMoments(200, 80);
    function.load.rate_rps = 5;
    function.load.pattern = LoadPattern::kSinusoid;
    function.load.random_phase = true;
    function.initial_replicas = 3;
    spec.functions.push_back(function);
  }
  spec.action.min_replicas = 1;
  auto scenario = ResolveScenario(spec, ".");
  REEVE_CHECK(scenario.ok());
  return std::make_shared<const Scenario>(*std::move(scenario));
}

}  // namespace reeve
