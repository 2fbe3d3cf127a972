// Searches a policy's parameters for an objective, on one part of a workload, and chooses among the
// best on another.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "runs/cell_store.h"
#include "runs/search_space.h"
#include "runs/simulation.h"

namespace reeve {

enum class SearchMethod : uint8_t { kGrid, kRandom };
constexpr auto EnumNames(SearchMethod) {
  return std::array<std::pair<SearchMethod, std::string_view>, 2>{
      {{SearchMethod::kGrid, "grid"}, {SearchMethod::kRandom, "random"}}};
}

struct TuningSpec {
  SearchMethod method = SearchMethod::kGrid;
  int32_t candidates = 64;
  int32_t most_grid_points = 2000;
  int32_t halvings = 2;
  double halving_factor = 3;
  int32_t seeds = 2;
  uint64_t first_seed = 1001;
  int32_t finalists = 5;
  double slo_violation_share = 0.02;
  uint64_t search_seed = 1;

  template <class V>
  static void Fields(V& v) {
    using T = TuningSpec;
    v.Field("method", &T::method,
            "grid: every combination; random: draws, with successive halving");
    v.Field("candidates", &T::candidates, "Draws of a random search", Between(1, 100'000));
    v.Field("most_grid_points", &T::most_grid_points, "A larger grid is refused",
            Between(1, 1'000'000));
    v.Field("halvings", &T::halvings,
            "Random search: rounds on shorter parts of time before the whole", Between(0, 8));
    v.Field("halving_factor", &T::halving_factor,
            "By how much each round is longer, and has fewer candidates", Between(1.5, 10));
    v.Field("seeds", &T::seeds, "Runs of each candidate", Between(1, 100));
    v.Field("first_seed", &T::first_seed, "Their seeds: this and the following");
    v.Field("finalists", &T::finalists, "The best of training that validation chooses from",
            Between(1, 1000));
    v.Field("slo_violation_share", &T::slo_violation_share,
            "The objective: the fewest GB-seconds with at most this share of SLO violations",
            Between(0, 1));
    v.Field("search_seed", &T::search_seed, "Of the draws of a random search");
  }
};

// A candidate and how it did: means over the seeds.
struct Trial {
  Assignments parameters = {};
  int32_t round = 0;  // of successive halving that it last ran in
  double gb_seconds = 0, slo_violation_share = 0, slowdown_p99 = 0, cold_start_share = 0;
  bool on_front = false;  // among those of the last round: none is better in GB-seconds and SLO
  bool finalist = false;  // was run on validation
  double validation_gb_seconds = 0, validation_slo_violation_share = 0;
};

struct TuningResult {
  std::vector<Trial> trials;  // in the order of the candidates
  size_t winner = 0;          // index into trials
  bool feasible = false;      // the winner keeps the SLO on validation
  PolicySpec policy;          // the winner
};

// What Tune runs on. `validation` may be `train` itself.
struct TuningGround {
  const CellTrace* train;
  const CellTrace* validation;
  SimulationConfig base;  // cluster, policy, within_minute, …; seeds are the tuning's
  // Makes the policy of a candidate for runs with a seed; called from several threads at once.
  // Empty: WithParameters of base.policy.
  std::function<absl::StatusOr<PolicySpec>(const Assignments&, uint64_t seed)> policy = {};
};

struct TuningHooks {
  std::function<bool()> stop = {};                                    // any thread
  std::function<void(size_t done, size_t planned)> on_progress = {};  // any thread
};

// Simulations run on `threads` threads and go through `store`, so a search that was ended goes on.
// The result does not depend on threads, or on being ended. With the same SLO violations cheaper is
// better; if nothing keeps the SLO, the fewest violations win; ties go to the earlier candidate.
// Cancelled when stopped; InvalidArgument for parameters that the policy does not have.
absl::StatusOr<TuningResult> Tune(const TuningGround& ground, const SearchSpace& space,
                                  const TuningSpec& spec, CellStore& store, int threads,
                                  const TuningHooks& hooks = {});

// K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and hyperparameter
// optimization", AISTATS 2016: the share of the training time that round `round` of `halvings`
// rounds before the last uses: factor^(round - halvings); and how many of `count` go on.
double ShareOfRound(int round, const TuningSpec& spec);
size_t Survivors(size_t count, const TuningSpec& spec);

}  // namespace reeve
