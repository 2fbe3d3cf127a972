// One pass of a learned policy over all functions, from Snapshot to Decision, on one core: 16
// features, a network of 2 x 64 that all functions share, masks, choices, decisions.
//
//   decide_bench [passes]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include "agents/ppo/learned_policy.h"
#include "bench/cpu_seconds.h"
#include "bench/population.h"
#include "core/check.h"

namespace reeve {
namespace {

using Clock = std::chrono::steady_clock;

std::shared_ptr<const TrainedPolicy> Untrained(const HeadSpec& head) {
  TrainedPolicy policy;
  policy.observation = Sixteen();
  policy.action.heads = {head};
  policy.control_period = SimTime::Seconds(5);
  policy.tenant_of_agent = {"tenant"};
  VectorEnvSpec env;
  env.envs = env.agents = 1;
  env.agent_names = {"function"};
  env.tenants = {0};
  env.feature_names = FeatureExtractor(policy.observation).names();
  env.features = static_cast<int32_t>(env.feature_names.size());
  env.heads = ActionCodec(policy.action).heads();
  PpoSpec spec;
  spec.sharing = Sharing::kShared;
  policy.model = MakeModel(env, spec, 1);
  return std::make_shared<const TrainedPolicy>(std::move(policy));
}

void Run(const char* name, const HeadSpec& head, size_t functions, int passes) {
  LearnedPolicy policy(Untrained(head), std::vector<int32_t>(functions, 0),
                       ChoiceRule::kMostProbable, 1);
  Snapshot snapshot = MakeSnapshot(functions);
  std::vector<Decision> decisions(functions);
  std::vector<double> wall, cpu;
  for (int pass = 0; pass < passes; ++pass) {
    Advance(snapshot);
    const double cpu_before = CpuSeconds();
    const auto begin = Clock::now();
    REEVE_CHECK(policy.Decide(snapshot, decisions).ok());
    wall.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    cpu.push_back(CpuSeconds() - cpu_before);
  }
  std::sort(wall.begin(), wall.end());
  std::sort(cpu.begin(), cpu.end());
  fmt::print("{:>14} {:>9} {:>12.3f} {:>12.3f} {:>12.3f} {:>12.1f}\n", name, functions,
             wall.front() * 1e3, cpu.front() * 1e3, cpu[cpu.size() / 2] * 1e3,
             cpu.front() * 1e9 / static_cast<double>(functions));
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  using reeve::HeadKind;
  const int passes = argc > 1 ? std::atoi(argv[1]) : 30;
  REEVE_CHECK(passes > 0);
  fmt::print("{:>14} {:>9} {:>12} {:>12} {:>12} {:>12}\n", "head", "functions", "least ms",
             "least cpu ms", "median cpu", "ns/function");
  for (const size_t functions : {1, 1'000, 100'000}) {
    reeve::Run("replicas_step", {.kind = HeadKind::kReplicasStep, .values = {-4, -1, 0, 1, 4}},
               functions, passes);
    reeve::Run("keep_alive", {.kind = HeadKind::kKeepAlive, .values = {0, 30, 60, 300, 600}},
               functions, passes);
  }
}
