#include "runs/tuner.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <optional>

#include "core/status.h"
#include "runs/worker_pool.h"
#include "traces/workload.h"

namespace reeve {
namespace {

struct Score {
  double gb_seconds = 0, slo_violation_share = 0, slowdown_p99 = 0, cold_start_share = 0;
};

bool Better(const Score& a, const Score& b, double limit) {
  const bool a_keeps = a.slo_violation_share <= limit, b_keeps = b.slo_violation_share <= limit;
  if (a_keeps != b_keeps) return a_keeps;
  if (a_keeps) return a.gb_seconds < b.gb_seconds;
  if (a.slo_violation_share != b.slo_violation_share) {
    return a.slo_violation_share < b.slo_violation_share;
  }
  return a.gb_seconds < b.gb_seconds;
}

Score ScoreOf(const Trial& trial) {
  return {trial.gb_seconds, trial.slo_violation_share, trial.slowdown_p99, trial.cold_start_share};
}

class TuningSearch {
 public:
  TuningSearch(const TuningGround& ground, const TuningSpec& spec, CellStore& store, int threads,
               const TuningHooks& hooks)
      : ground_(ground), spec_(spec), store_(store), threads_(threads), hooks_(hooks) {}

  // The policies of all candidates; wrong parameters are found before anything runs.
  absl::Status SetCandidates(const std::vector<Assignments>& candidates) {
    for (const Assignments& parameters : candidates) {
      PolicySpec policy = ground_.base.policy;
      if (!ground_.policy) {
        ASSIGN_OR_RETURN(policy, WithParameters(policy, parameters));
      }
      policies_.push_back(std::move(policy));
      result_.trials.push_back({.parameters = parameters});
    }
    return absl::OkStatus();
  }

  void Plan(size_t runs) { planned_ += runs; }

  // Mean scores of the chosen candidates on a trace.
  absl::StatusOr<std::vector<Score>> Run(const CellTrace& trace,
                                         const std::vector<size_t>& chosen) {
    const size_t seeds = static_cast<size_t>(spec_.seeds);
    std::vector<RunSummary> summaries(chosen.size() * seeds);
    RETURN_IF_ERROR(RunInParallel(
        summaries.size(), threads_,
        [&](size_t i) -> absl::Status {
          SimulationConfig config = ground_.base;
          const size_t candidate = chosen[i / seeds];
          config.seed = spec_.first_seed + i % seeds;
          config.policy = policies_[candidate];
          if (ground_.policy) {
            ASSIGN_OR_RETURN(config.policy,
                             ground_.policy(result_.trials[candidate].parameters, config.seed));
          }
          ASSIGN_OR_RETURN(summaries[i], store_.Get(trace, config, hooks_.stop));
          const size_t done = ++done_;
          if (hooks_.on_progress) hooks_.on_progress(done, planned_);
          return absl::OkStatus();
        },
        hooks_.stop));
    std::vector<Score> scores(chosen.size());
    for (size_t i = 0; i < summaries.size(); ++i) {
      const RunSummary& s = summaries[i];
      Score& score = scores[i / seeds];
      const double share = 1.0 / static_cast<double>(seeds);
      score.gb_seconds += s.gb_seconds * share;
      score.slo_violation_share += s.slo_violation_share * share;
      score.slowdown_p99 += s.slowdown_p99.value_or(0) * share;
      score.cold_start_share += s.cold_start_share * share;
    }
    return scores;
  }

  // One round on the training part; the candidates that go on, best first.
  absl::StatusOr<std::vector<size_t>> Round(int round, const CellTrace& trace,
                                            const std::vector<size_t>& chosen) {
    ASSIGN_OR_RETURN(const std::vector<Score> scores, Run(trace, chosen));
    for (size_t i = 0; i < chosen.size(); ++i) {
      Trial& trial = result_.trials[chosen[i]];
      trial.round = round;
      trial.gb_seconds = scores[i].gb_seconds;
      trial.slo_violation_share = scores[i].slo_violation_share;
      trial.slowdown_p99 = scores[i].slowdown_p99;
      trial.cold_start_share = scores[i].cold_start_share;
    }
    std::vector<size_t> order = chosen;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return Better(ScoreOf(result_.trials[a]), ScoreOf(result_.trials[b]),
                    spec_.slo_violation_share);
    });
    return order;
  }

  void MarkFront(const std::vector<size_t>& last) {
    for (const size_t a : last) {
      Trial& trial = result_.trials[a];
      trial.on_front = std::none_of(last.begin(), last.end(), [&](size_t b) {
        const Trial& other = result_.trials[b];
        return other.gb_seconds <= trial.gb_seconds &&
               other.slo_violation_share <= trial.slo_violation_share &&
               (other.gb_seconds < trial.gb_seconds ||
                other.slo_violation_share < trial.slo_violation_share);
      });
    }
  }

  absl::Status Choose(std::vector<size_t> best) {
    best.resize(std::min(best.size(), static_cast<size_t>(spec_.finalists)));
    std::sort(best.begin(), best.end());  // ties go to the earlier candidate
    ASSIGN_OR_RETURN(const std::vector<Score> scores, Run(*ground_.validation, best));
    size_t winner = 0;
    for (size_t i = 0; i < best.size(); ++i) {
      Trial& trial = result_.trials[best[i]];
      trial.finalist = true;
      trial.validation_gb_seconds = scores[i].gb_seconds;
      trial.validation_slo_violation_share = scores[i].slo_violation_share;
      if (Better(scores[i], scores[winner], spec_.slo_violation_share)) winner = i;
    }
    result_.winner = best[winner];
    result_.feasible = scores[winner].slo_violation_share <= spec_.slo_violation_share;
    result_.policy = policies_[result_.winner];
    return absl::OkStatus();
  }

  TuningResult&& TakeResult() { return std::move(result_); }

 private:
  const TuningGround& ground_;
  const TuningSpec& spec_;
  CellStore& store_;
  const int threads_;
  const TuningHooks& hooks_;
  std::vector<PolicySpec> policies_;
  TuningResult result_;
  std::atomic<size_t> done_ = 0;
  size_t planned_ = 0;
};

}  // namespace

double ShareOfRound(int round, const TuningSpec& spec) {
  return std::pow(spec.halving_factor, round - spec.halvings);
}

size_t Survivors(size_t count, const TuningSpec& spec) {
  return std::max<size_t>(
      1, static_cast<size_t>(std::ceil(static_cast<double>(count) / spec.halving_factor)));
}

absl::StatusOr<TuningResult> Tune(const TuningGround& ground, const SearchSpace& space,
                                  const TuningSpec& spec, CellStore& store, int threads,
                                  const TuningHooks& hooks) {
  std::vector<Assignments> candidates;
  int first_round = spec.halvings;
  if (spec.method == SearchMethod::kGrid) {
    ASSIGN_OR_RETURN(candidates, GridCandidates(space, static_cast<size_t>(spec.most_grid_points)));
  } else {
    candidates = RandomCandidates(space, static_cast<size_t>(spec.candidates), spec.search_seed);
    first_round = 0;
  }
  TuningSearch search(ground, spec, store, threads, hooks);
  RETURN_IF_ERROR(search.SetCandidates(candidates));

  const size_t seeds = static_cast<size_t>(spec.seeds);
  size_t planned = 0, left = candidates.size();
  for (int round = first_round; round <= spec.halvings; ++round) {
    planned += left * seeds;
    if (round < spec.halvings) left = Survivors(left, spec);
  }
  search.Plan(planned + std::min(left, static_cast<size_t>(spec.finalists)) * seeds);

  std::vector<size_t> chosen(candidates.size());
  std::iota(chosen.begin(), chosen.end(), size_t{0});
  std::vector<size_t> best;
  for (int round = first_round; round <= spec.halvings; ++round) {
    if (round == spec.halvings) {
      ASSIGN_OR_RETURN(best, search.Round(round, *ground.train, chosen));
    } else {
      ASSIGN_OR_RETURN(Trace shorter, FirstShare(ground.train->trace, ShareOfRound(round, spec)));
      ASSIGN_OR_RETURN(best, search.Round(round, CellTrace(std::move(shorter)), chosen));
      best.resize(Survivors(best.size(), spec));
      chosen = best;
      std::sort(chosen.begin(), chosen.end());
    }
  }
  search.MarkFront(chosen);
  RETURN_IF_ERROR(search.Choose(std::move(best)));
  return search.TakeResult();
}

}  // namespace reeve
