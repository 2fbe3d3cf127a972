// What a step of an agent costs in the environment alone: the simulator, features, decisions and
// rewards, on one core. 8 functions of about 5 requests a second, a control period of 5 s.
//
//   cluster_env_bench [seconds]
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "core/check.h"
#include "core/random.h"
#include "envs/cluster_env.h"

namespace reeve {
namespace {

std::shared_ptr<const Scenario> EightFunctions() {
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

// CPU time of this process: what others do on the machine does not count.
double CpuSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void Run(double seconds) {
  constexpr int32_t kEnvs = 16;
  ClusterEnv env(EightFunctions(), {.envs = kEnvs});
  REEVE_CHECK(env.Reset(0, kEnvs, 1).ok());
  const RandomStream dice(1, StreamPurpose::kPolicy, 0);
  std::vector<int32_t> choices(static_cast<size_t>(kEnvs * env.spec().agents));
  const double begin = CpuSeconds();
  double passed = 0;
  uint64_t steps = 0, draws = 0;
  double requests = 0, episodes = 0;
  while (passed < seconds) {
    for (int32_t& choice : choices) choice = static_cast<int32_t>(dice.Below(draws++, 5));
    REEVE_CHECK(env.Step(0, kEnvs, choices).ok());
    steps += choices.size();
    passed = CpuSeconds() - begin;
    if (!env.buffers().truncated[0]) continue;
    ++episodes;
    const auto& figures = env.buffers().figures;
    for (size_t at = 0; at < figures.size(); at += kFigures) {
      requests += figures[at + static_cast<size_t>(Figure::kRequests)];
    }
  }
  fmt::print("{:.2f} us an agent-step, {:.0f} agent-steps a second", passed / steps * 1e6,
             steps / passed);
  if (episodes > 0) {
    fmt::print("; {:.1f} requests an agent-step",
               requests / (episodes * static_cast<double>(choices.size()) * 200));
  }
  fmt::print("\n");
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  reeve::Run(argc > 1 ? std::atof(argv[1]) : 5);
}
