#include "controller/serve/learning_series.h"

#include <cstdint>

#include "controller/serve/metric_families.h"

namespace reeve {
namespace {

// A policy that was made anew counts from zero.
double Since(uint64_t before, uint64_t now) {
  return static_cast<double>(now < before ? now : now - before);
}

}  // namespace

LearningSeries::LearningSeries(prometheus::Registry& registry)
    : environment_(Gauges(registry, "reeve_environment",
                          "Number of the environment that the load is taken for")
                       .Add({})),
      confidence_(Gauges(registry, "reeve_environment_confidence",
                         "How sure that is, by the last window alone; 0 to 1")
                      .Add({})),
      environments_(Gauges(registry, "reeve_environments", "Environments that are known").Add({})),
      expert_(
          Gauges(registry, "reeve_expert", "Number of the environment whose expert is in charge")
              .Add({})),
      experts_(Gauges(registry, "reeve_experts", "Experts there are").Add({})),
      exploring_(Gauges(registry, "reeve_exploring",
                        "Whether the expert in charge is new to its environment and explores")
                     .Add({})),
      reward_(Gauges(registry, "reeve_reward", "Mean over functions, of the last period").Add({})),
      updates_(Counters(registry, "reeve_expert_updates_total",
                        "Updates of experts that came into force")
                   .Add({})),
      switches_(
          Counters(registry, "reeve_expert_switches_total", "Times that another expert took over")
              .Add({})),
      dropped_(
          Counters(registry, "reeve_expert_batches_dropped_total",
                   "Batches of experience that came while the one before was being learned from")
              .Add({})),
      lost_(Counters(registry, "reeve_expert_batches_lost_total",
                     "Batches of experience that a learner elsewhere did not learn from")
                .Add({})) {}

void LearningSeries::Show(const AdaptationNow& now) {
  environment_.Set(static_cast<double>(now.environment));
  confidence_.Set(now.confidence);
  environments_.Set(static_cast<double>(now.environments));
  expert_.Set(static_cast<double>(now.expert));
  experts_.Set(static_cast<double>(now.experts));
  exploring_.Set(now.exploring ? 1 : 0);
  reward_.Set(now.mean_reward);
  updates_.Increment(Since(counted_.updates, now.updates));
  switches_.Increment(Since(counted_.switches, now.switches));
  dropped_.Increment(Since(counted_.batches_dropped, now.batches_dropped));
  lost_.Increment(Since(counted_.batches_lost, now.batches_lost));
  counted_ = now;
}

}  // namespace reeve
