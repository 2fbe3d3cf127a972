// What a step of an agent costs in the environment alone: the simulator, features, decisions and
// rewards, on one core. 8 functions of about 5 requests a second, a control period of 5 s.
//
//   cluster_env_bench [seconds]
#include <fmt/format.h>

#include <cstdlib>
#include <vector>

#include "bench/cpu_seconds.h"
#include "bench/eight_functions.h"
#include "core/check.h"
#include "core/random.h"
#include "envs/cluster_env.h"

namespace reeve {
namespace {

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
