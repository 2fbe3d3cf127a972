// The straggler environment as YAML: servers, what can be chosen, and the workload with its
// environments. It is the section `straggler` of a scenario (envs/scenario.h);
// configs/scenarios/straggler.yaml is an example.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/distribution.h"
#include "core/units.h"

namespace reeve {

// One environment: how jobs come and how large they are.
struct StragglerWorkload {
  std::string name;
  Distribution gap_ms = Distribution::Exponential(20);
  Distribution size_ms = Distribution::BoundedPareto(3, 500, 1);

  template <class V>
  static void Fields(V& v) {
    using W = StragglerWorkload;
    v.Field("name", &W::name, "Of the environment; each once");
    v.Field("gap_ms", &W::gap_ms, "Time between two arrivals, in ms");
    v.Field("size_ms", &W::size_ms, "Service time of a job on a server that is not slow, in ms");
  }
};

// Environments drawn at random, in place of a list. Gaps are exponential and sizes bounded Pareto
// (3..500 ms), as in the paper's generator.
struct RandomWorkloads {
  int32_t count = 0;
  uint64_t seed = 1;
  double least_load = 0.1, most_load = 0.6;
  double least_shape = 0.5, most_shape = 2;

  template <class V>
  static void Fields(V& v) {
    using R = RandomWorkloads;
    v.Field("count", &R::count, "How many; 0: those of the list", Between(0, 1000));
    v.Field("seed", &R::seed, "They follow from it, and are the same in all episodes");
    v.Field("least_load", &R::least_load,
            "Share of the servers' time that jobs take, slow ones included, without duplicates: "
            "uniform from this",
            Between(0.001, 10));
    v.Field("most_load", &R::most_load, "To this", Between(0.001, 10));
    v.Field("least_shape", &R::least_shape, "Exponent of the sizes' Pareto law: uniform from this",
            Between(0.01, 10));
    v.Field("most_shape", &R::most_shape, "To this", Between(0.01, 10));
  }
};

enum class WorkloadOrder : uint8_t {
  kCycle,   // one after the other, and again
  kRandom,  // any of the others next
};
constexpr auto EnumNames(WorkloadOrder) {
  return std::array<std::pair<WorkloadOrder, std::string_view>, 2>{
      {{WorkloadOrder::kCycle, "cycle"}, {WorkloadOrder::kRandom, "random"}}};
}

// The safeguard of the environment's authors: its flag is the last feature.
struct StragglerSafeguard {
  int32_t engage = 50;
  int32_t release = 3;
  bool acts = false;
  double penalty = 3;

  template <class V>
  static void Fields(V& v) {
    using S = StragglerSafeguard;
    v.Field("engage", &S::engage, "The flag is set above so many jobs at one server",
            Between(0, 1e9));
    v.Field("release", &S::release, "And taken back at so many or fewer", Between(0, 1e9));
    v.Field("acts", &S::acts,
            "While it is set no duplicates are sent, whatever is chosen; false: that is left to "
            "who chooses");
    v.Field("penalty", &S::penalty, "Factor on the reward while a server has more than `engage`",
            Between(0, 1e6));
  }
};

struct StragglerSpec {
  int32_t servers = 10;
  double slow_probability = 0.1;
  double slow_factor = 10;
  std::vector<double> timeouts_ms = {3, 10, 30, 60, 100, 300, 600, 1000};
  SimTime window = SimTime::Millis(500);
  double shortest_gap_ms = 1, longest_gap_ms = 250;
  std::vector<StragglerWorkload> workloads;
  RandomWorkloads random;
  WorkloadOrder order = WorkloadOrder::kCycle;
  SimTime hold = SimTime::Minutes(10);
  double reward_scale_ms = 1600;
  StragglerSafeguard safeguard;
  SimTime episode = SimTime();

  template <class V>
  static void Fields(V& v) {
    using S = StragglerSpec;
    v.Field("servers", &S::servers, "Servers, first come first served each", Between(1, 63));
    v.Field("slow_probability", &S::slow_probability,
            "Share of jobs (and of duplicates, each by itself) that take longer", Between(0, 1));
    v.Field("slow_factor", &S::slow_factor, "By this factor", Between(1, 1e4));
    v.Field("timeouts_ms", &S::timeouts_ms,
            "What can be chosen, beside `never`, which comes last: the age in ms at which a job "
            "that is not done gets a duplicate",
            Between(0.001, 1e9));
    v.Field("window", &S::window, "Time between two choices; longer if no job is done in it",
            AtLeast(0.001));
    v.Field("shortest_gap_ms", &S::shortest_gap_ms, "Gaps that are drawn shorter are this long",
            AtLeast(0));
    v.Field("longest_gap_ms", &S::longest_gap_ms, "Gaps that are drawn longer are this long",
            AtLeast(0.001));
    v.Field("workloads", &S::workloads, "The environments");
    v.Field("random", &S::random, "Environments drawn at random, in place of the list");
    v.Field("order", &S::order, "In which they come; the first is the first of the list");
    v.Field("hold", &S::hold, "How long each stays", AtLeast(0.001));
    v.Field("reward_scale_ms", &S::reward_scale_ms,
            "The reward is minus the 95th percentile of a window's latencies over this",
            AtLeast(0.001));
    v.Field("safeguard", &S::safeguard, "The flag of the authors' safeguard");
    v.Field("episode", &S::episode, "Length of an episode; 0: it has no end", AtLeast(0));
  }
  // There are environments, with names of their own; limits are in order.
  absl::Status Validate() const;

  int32_t choices() const { return static_cast<int32_t>(timeouts_ms.size()) + 1; }
  int32_t never() const { return choices() - 1; }
  // The list, or what `random` draws, with names.
  std::vector<StragglerWorkload> Workloads() const;
};

// That section of a scenario's file, changed by assignments ("straggler.hold=1m"). Located errors;
// InvalidArgument for a scenario without one.
absl::StatusOr<StragglerSpec> LoadStraggler(const std::string& path,
                                            const std::vector<std::string>& assignments = {});

}  // namespace reeve
