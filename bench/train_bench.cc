// Agent-steps a second of training, and where the time goes: MA-PPO with networks of each
// function's own, 16 environments of 8 functions, episodes of 200 steps, the settings of PpoSpec.
// The KL stop is off, so that every iteration does all of its updates.
//
//   train_bench [seconds for each number of threads]
//
// Rates and shares are those of the fastest iteration, CPU time (per agent-step, threads together)
// the least of an iteration: on a machine that others use, too, 2 cores do 2 s / "cpu us" at best.
// "passes us" are the forward and backward passes of the updates alone, "bare us" their matrix
// products by torch's bmm (OpenBLAS), both CPU time per agent-step, taken in turns on the same
// threads between the iterations.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "agents/nn/batched_network.h"
#include "agents/nn/blas_check.h"
#include "agents/nn/torch.h"
#include "agents/ppo/trainer.h"
#include "bench/cpu_seconds.h"
#include "bench/eight_functions.h"
#include "envs/cluster_env.h"

namespace reeve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int32_t kEnvs = 16;

double Since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The products of one network's forward and backward pass over [groups, rows].
class BareNetwork {
 public:
  BareNetwork(const NetworkLayout& layout, int64_t groups, int64_t rows) {
    std::vector<int64_t> sizes(static_cast<size_t>(layout.spec.layers) + 1, layout.spec.width);
    sizes.front() = layout.inputs;
    sizes.push_back(layout.outputs);
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      layers_.push_back({torch::randn({groups, rows, sizes[i]}),
                         torch::randn({groups, rows, sizes[i + 1]}),
                         torch::randn({groups, sizes[i], sizes[i + 1]}),
                         torch::empty({groups, sizes[i], sizes[i + 1]}),
                         i == 0 ? torch::Tensor() : torch::empty({groups, rows, sizes[i]})});
    }
  }

  void Run() {
    const torch::NoGradGuard no_grad;
    for (Layer& l : layers_) torch::bmm_out(l.y, l.x, l.weight);
    for (Layer& l : layers_) {
      torch::bmm_out(l.weight_gradient, l.x.transpose(1, 2), l.y);
      if (l.x_gradient.defined()) torch::bmm_out(l.x_gradient, l.y, l.weight.transpose(1, 2));
    }
  }

 private:
  struct Layer {
    torch::Tensor x, y, weight, weight_gradient, x_gradient;
  };
  std::vector<Layer> layers_;
};

// What goes through the networks in an iteration's updates, cut as the learner cuts it (into
// shards, and these into pairs of environments), by the networks and bare, in turns.
class Passes {
 public:
  struct Seconds {
    double network = 0, bare = 0;
  };

  Passes(const PolicyModel& model, const PpoSpec& spec)
      : passes_(spec.epochs * kEnvs / spec.shards / 2), shards_(static_cast<size_t>(spec.shards)) {
    for (Shard& shard : shards_) {
      for (const NetworkLayout* layout : {&model.actor, &model.critic}) {
        const torch::Tensor parameters = torch::randn({model.groups, layout->parameters}) / 8;
        shard.networks.push_back(
            {BatchedNetwork(*layout, parameters, torch::zeros_like(parameters)),
             torch::randn({model.groups, 2, spec.horizon, layout->inputs}),
             torch::ones({model.groups, 2, spec.horizon, layout->outputs}),
             BareNetwork(*layout, model.groups, int64_t{2} * spec.horizon)});
      }
    }
  }

  // CPU time, all threads together.
  Seconds Run(Workers& workers) {
    workers.Run(static_cast<int32_t>(shards_.size()), [this](int32_t part) {
      Shard& shard = shards_[static_cast<size_t>(part)];
      shard.seconds = {};
      for (int32_t pass = 0; pass < passes_; ++pass) {
        for (Network& n : shard.networks) {
          const double begin = ThreadCpuSeconds();
          n.network.Forward(n.inputs, {}, {}).backward(n.slopes);
          const double done = ThreadCpuSeconds();
          n.bare.Run();
          shard.seconds.network += done - begin;
          shard.seconds.bare += ThreadCpuSeconds() - done;
        }
      }
    });
    Seconds sum;
    for (const Shard& shard : shards_) {
      sum.network += shard.seconds.network;
      sum.bare += shard.seconds.bare;
    }
    return sum;
  }

 private:
  struct Network {
    BatchedNetwork network;
    torch::Tensor inputs, slopes;
    BareNetwork bare;
  };
  struct Shard {
    std::vector<Network> networks;
    Seconds seconds;
  };
  int32_t passes_;
  std::vector<Shard> shards_;
};

void Run(int32_t threads, double seconds) {
  PpoSpec spec;
  spec.target_kl = 0;
  ClusterEnv env(EightFunctions(), {.envs = kEnvs});
  Collective collective;
  Trainer trainer(env, spec, 1, threads, collective);
  Workers workers(threads);
  Passes passes(trainer.model(), spec);
  const double steps = double{kEnvs} * env.spec().agents * spec.horizon;
  IterationTimes best;
  double cpu = HUGE_VAL, network = HUGE_VAL, bare = HUGE_VAL;
  const auto begin = Clock::now();
  for (int iteration = 0; iteration < 2 || Since(begin) < seconds; ++iteration) {
    const double cpu_before = CpuSeconds();
    const auto stats = trainer.RunIteration();
    REEVE_CHECK(stats.ok());
    cpu = std::min(cpu, CpuSeconds() - cpu_before);
    if (iteration == 0 || stats->times.total < best.total) best = stats->times;
    const Passes::Seconds now = passes.Run(workers);
    network = std::min(network, now.network);
    bare = std::min(bare, now.bare);
  }
  const auto share = [&best](double part) { return 100 * part / best.total; };
  fmt::print("{:7} {:14.0f} {:8.2f} {:12.0f} {:10.0f} {:8.0f} {:5.0f} {:11.2f} {:8.2f} {:6.2f}\n",
             threads, steps / best.total, cpu / steps * 1e6, share(best.environment),
             share(best.inference), share(best.network), share(best.rest), network / steps * 1e6,
             bare / steps * 1e6, network / bare);
}

}  // namespace
}  // namespace reeve

int main(int argc, char** argv) {
  reeve::SetSingleThreadedMath();
  fmt::print("{:>7} {:>14} {:>8} {:>12} {:>10} {:>8} {:>5} {:>11} {:>8} {:>6}\n", "threads",
             "agent-steps/s", "cpu us", "environment%", "inference%", "network%", "rest%",
             "passes us", "bare us", "ratio");
  for (const int32_t threads : {1, 2}) {
    reeve::Run(threads, argc > 1 ? std::atof(argv[1]) : 15);
  }
}
