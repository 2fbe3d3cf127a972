// What the layer that adapts costs in each control period: an AdaptivePolicy (context, detector,
// expert in charge, reward, experience) and the safeguard around it, against the bare learned
// policy with the same features, network and actions. They take turns on the same snapshots; what
// is reported is the ratio of their CPU times, turn by turn. Nobody learns: batches are handed over
// and come back as they were, since learning is another thread's.
//
//   adapt_overhead [functions] [periods]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "agents/adapt/adaptive_policy.h"
#include "agents/policy_factory.h"
#include "agents/ppo/learned_policy.h"
#include "bench/cpu_seconds.h"
#include "bench/population.h"
#include "core/check.h"

namespace reeve {
namespace {

constexpr int kWarmUp = 8;

// Takes a batch and learns nothing from it.
class Idle final : public ExpertTrainer {
 public:
  explicit Idle(TrainerState state) : state_(std::move(state)) {}
  absl::StatusOr<OnlineUpdate> Learn(const OnlineBatch& /*batch*/) override {
    return OnlineUpdate();
  }
  const TrainerState& state() const override { return state_; }

 private:
  const TrainerState state_;
};

AdaptiveSpec Spec() {
  AdaptiveSpec spec;
  spec.observation = Sixteen();
  spec.action.heads = {{.kind = HeadKind::kReplicasStep, .values = {-4, -1, 0, 1, 4}}};
  spec.online.learner.form = Form::kSRl;
  spec.online.learner.sharing = Sharing::kShared;
  return spec;
}

std::unique_ptr<AdaptivePolicy> Adaptive(size_t functions) {
  AgentNames names;
  for (size_t f = 0; f < functions; ++f) names.functions.push_back(fmt::format("f{}", f));
  names.tenants.assign(functions, 0);
  const ExpertTrainerFactory idle = [](TrainerState state, int32_t, int32_t) {
    return std::make_unique<Idle>(std::move(state));
  };
  return std::make_unique<AdaptivePolicy>(Spec(), names, idle, 1);
}

// The same network but for the one input that says who drove.
std::unique_ptr<Policy> Bare(size_t functions) {
  const AdaptiveSpec spec = Spec();
  TrainedPolicy policy;
  policy.observation = spec.observation;
  policy.action = spec.action;
  policy.control_period = SimTime::Seconds(5);
  policy.tenant_of_agent = {"tenant"};
  VectorEnvSpec env;
  env.envs = env.agents = 1;
  env.agent_names = {"function"};
  env.tenants = {0};
  env.feature_names = FeatureExtractor(policy.observation).names();
  env.features = static_cast<int32_t>(env.feature_names.size());
  env.heads = ActionCodec(policy.action).heads();
  policy.model = MakeModel(env, spec.online.learner, 1);
  return std::make_unique<LearnedPolicy>(std::make_shared<const TrainedPolicy>(std::move(policy)),
                                         std::vector<int32_t>(functions, 0), ChoiceRule::kSample,
                                         1);
}

std::unique_ptr<Policy> Rule(const char* name) {
  PolicySpec spec;
  spec.name = name;
  auto rule = MakePolicy(spec);
  REEVE_CHECK(rule.ok());
  return *std::move(rule);
}

struct Contender {
  std::string name;
  std::unique_ptr<Policy> policy;
  std::vector<double> seconds;  // [periods]
};

double At(std::vector<double> values, double quantile) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(quantile * static_cast<double>(values.size() - 1))];
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

void Measure(size_t functions, int periods) {
  const auto guarded = [&](const char* fallback) {
    return std::make_unique<AdaptiveControl>(Adaptive(functions), Rule(fallback), SafeguardSpec());
  };
  std::vector<Contender> all;
  all.push_back({"bare learned policy", Bare(functions), {}});
  all.push_back({"adaptive", Adaptive(functions), {}});
  all.push_back({"adaptive, safeguard (static)", guarded("static"), {}});
  all.push_back({"adaptive, safeguard (kpa)", guarded("kpa"), {}});
  all.push_back({"kpa alone", Rule("kpa"), {}});

  Snapshot snapshot = MakeSnapshot(functions);
  snapshot.functions.execution_p99_ms = snapshot.functions.execution_p95_ms;
  std::vector<Decision> decisions(functions);
  for (int period = -kWarmUp; period < periods; ++period) {
    Advance(snapshot);
    for (size_t i = 0; i < all.size(); ++i) {  // nobody is always first
      Contender& c = all[(i + static_cast<size_t>(period + kWarmUp)) % all.size()];
      std::fill(decisions.begin(), decisions.end(), Decision());
      const double before = ThreadCpuSeconds();
      REEVE_CHECK(c.policy->Decide(snapshot, decisions).ok());
      if (period >= 0) c.seconds.push_back(ThreadCpuSeconds() - before);
    }
  }

  fmt::print("{} functions, {} control periods; CPU time of a period\n", functions, periods);
  fmt::print("{:>30} {:>10} {:>10} {:>12}   {:>8} {:>8} {:>8} {:>8}\n", "", "median ms", "mean ms",
             "ns/function", "ratio", "25 %", "75 %", "of means");
  const Contender& bare = all.front();
  for (const Contender& c : all) {
    std::vector<double> ratios;
    for (size_t p = 0; p < c.seconds.size(); ++p) ratios.push_back(c.seconds[p] / bare.seconds[p]);
    fmt::print("{:>30} {:>10.3f} {:>10.3f} {:>12.1f}   {:>8.3f} {:>8.3f} {:>8.3f} {:>8.3f}\n",
               c.name, At(c.seconds, 0.5) * 1e3, MeanOf(c.seconds) * 1e3,
               At(c.seconds, 0.5) * 1e9 / static_cast<double>(functions), At(ratios, 0.5),
               At(ratios, 0.25), At(ratios, 0.75), MeanOf(c.seconds) / MeanOf(bare.seconds));
  }
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  const int functions = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int periods = argc > 2 ? std::atoi(argv[2]) : 512;
  REEVE_CHECK(functions > 0 && periods > 0);
  reeve::Measure(static_cast<size_t>(functions), periods);
}
