#include "runs/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "agents/simulated_policies.h"
#include "core/status.h"
#include "runs/hindsight.h"
#include "runs/worker_pool.h"

namespace reeve {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

using Clusters = std::map<std::string, ClusterSpec>;

absl::StatusOr<Clusters> LoadClusters(const ExperimentConfig& config, const std::string& folder) {
  Clusters clusters;
  for (const auto& [name, file] : config.clusters) {
    const std::string path = (std::filesystem::path(folder) / file).lexically_normal();
    ASSIGN_OR_RETURN(const ConfigNode node, ConfigNode::Load(path));
    RETURN_IF_ERROR(ReadConfig(node, clusters[name]));
  }
  return clusters;
}

SimulationConfig BaseOf(const ExperimentConfig& config, const ExperimentPolicy& policy,
                        const Clusters& clusters) {
  SimulationConfig base;
  base.cluster = clusters.at(policy.cluster);
  base.policy = policy.policy;
  base.within_minute = config.within_minute;
  base.bound = false;  // once for all policies: ComputeBounds
  base.perturbations = config.perturbations;
  return base;
}

// Makes the policy of a run: from parameters and the run's seed. Empty for rules, whose policies
// depend on parameters alone.
using PolicySource = std::function<absl::StatusOr<PolicySpec>(const Assignments&, uint64_t seed)>;

absl::StatusOr<PolicySource> SourceOf(const ExperimentConfig& config,
                                      const ExperimentPolicy& policy, const WorkloadSpec& workload,
                                      const ClusterSpec& cluster, const std::string& folder,
                                      const ExperimentHooks& hooks) {
  if (policy.training.empty()) return PolicySource();
  if (hooks.trainer == nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("policies: {}: is to be trained, which this program cannot do", policy.label));
  }
  const std::string training =
      (std::filesystem::path(folder) / policy.training).lexically_normal().string();
  return [=, &hooks](const Assignments& parameters, uint64_t seed) -> absl::StatusOr<PolicySpec> {
    PolicySpec learned = policy.policy;
    ASSIGN_OR_RETURN(learned.learned.checkpoint,
                     hooks.trainer->Train({.training = training,
                                           .parameters = parameters,
                                           .workload = workload,
                                           .folder = folder,
                                           .cluster = cluster,
                                           .perturbations = config.perturbations,
                                           .within_minute = config.within_minute,
                                           .seed = seed},
                                          hooks.stop));
    return learned;
  };
}

absl::StatusOr<TuningResult> TuneOnParts(const Trace& whole, const SplitSpec& split,
                                         const ExperimentPolicy& policy,
                                         const SimulationConfig& base, const PolicySource& source,
                                         const TuningSpec& spec, CellStore& store, int threads,
                                         const TuningHooks& hooks) {
  ASSIGN_OR_RETURN(Trace train_part, SelectPart(whole, split, Part::kTrain));
  ASSIGN_OR_RETURN(Trace validation_part, SelectPart(whole, split, Part::kValidation));
  const CellTrace train(std::move(train_part)), validation(std::move(validation_part));
  absl::StatusOr<TuningResult> tuned =
      Tune({&train, &validation, base, source}, policy.search, spec, store, threads, hooks);
  if (absl::IsInvalidArgument(tuned.status())) {
    return absl::InvalidArgumentError(
        fmt::format("policy '{}': search: {}", policy.label, MessageOf(tuned.status())));
  }
  return tuned;
}

// Works on one experiment; the parts of a workload are loaded for one workload at a time.
class Experiment {
 public:
  Experiment(const ExperimentConfig& config, std::string folder, CellStore& store, int threads,
             const ExperimentHooks& hooks)
      : config_(config),
        folder_(std::move(folder)),
        store_(store),
        threads_(threads),
        hooks_(hooks) {
    ResolveDefaults(config_);
  }

  absl::StatusOr<ExperimentResults> Run() {
    results_ = {config_.name, config_.title, config_.baseline, config_.confidence, {}, {}};
    ASSIGN_OR_RETURN(clusters_, LoadClusters(config_, folder_));
    for (const auto& [name, spec] : config_.workloads) {
      RETURN_IF_ERROR(RunWorkload(name, spec));
    }
    return std::move(results_);
  }

 private:
  absl::Status RunWorkload(const std::string& name, const WorkloadSpec& spec) {
    ASSIGN_OR_RETURN(const Trace whole, LoadWorkload(spec, folder_));
    ASSIGN_OR_RETURN(Trace test_part, SelectPart(whole, spec.split, Part::kTest));
    const CellTrace test(std::move(test_part));
    const size_t first_row = results_.rows.size();
    for (const ExperimentPolicy& policy : config_.policies) {
      ASSIGN_OR_RETURN(
          const PolicySource source,
          SourceOf(config_, policy, spec, clusters_.at(policy.cluster), folder_, hooks_));
      results_.rows.push_back({.workload = name,
                               .policy = policy.label,
                               .cluster = policy.cluster,
                               .clairvoyant = IsClairvoyant(policy.policy)});
      configs_.push_back(BaseOf(config_, policy, clusters_));
      sources_.push_back(source);
      if (policy.search.empty()) continue;
      ASSIGN_OR_RETURN(TuningResult tuning, TunePolicy(name, whole, *spec.split, policy, source));
      configs_.push_back(BaseOf(config_, policy, clusters_));
      configs_.back().policy = tuning.policy;
      sources_.push_back(source);
      ExperimentRow row{.workload = name,
                        .policy = policy.label,
                        .cluster = policy.cluster,
                        .tuned = true,
                        .parameters = tuning.trials[tuning.winner].parameters};
      row.tuning = std::move(tuning);
      results_.rows.push_back(std::move(row));
    }
    ASSIGN_OR_RETURN(const std::vector<RunSummary> runs, RunTests(name, test, first_row));
    ASSIGN_OR_RETURN(const BoundsByCluster bounds, ComputeBounds(name, test, first_row));
    ASSIGN_OR_RETURN(const std::vector<HindsightTrial> trials, TryRules(name, test));
    const size_t seeds = static_cast<size_t>(config_.seeds);
    for (size_t r = first_row; r < results_.rows.size(); ++r) {
      const auto first = runs.begin() + static_cast<std::ptrdiff_t>((r - first_row) * seeds);
      FillValues(results_.rows[r], {first, first + static_cast<std::ptrdiff_t>(seeds)}, bounds,
                 trials);
    }
    for (size_t r = first_row; r < results_.rows.size(); ++r) {
      FillStatistics(results_.rows[r], BaselineOf(first_row));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TuningResult> TunePolicy(const std::string& workload, const Trace& whole,
                                          const SplitSpec& split, const ExperimentPolicy& policy,
                                          const PolicySource& source) {
    const std::string what = fmt::format("{}: tune {}", workload, policy.label);
    TuningHooks hooks{.stop = hooks_.stop};
    if (hooks_.on_progress) {
      hooks.on_progress = [&](size_t done, size_t planned) {
        hooks_.on_progress(what, done, planned);
      };
    }
    return TuneOnParts(whole, split, policy, BaseOf(config_, policy, clusters_), source,
                       config_.tuning, store_, threads_, hooks);
  }

  uint64_t Seed(size_t i) const { return config_.first_seed + i; }

  absl::StatusOr<std::vector<RunSummary>> RunTests(const std::string& workload,
                                                   const CellTrace& test, size_t first_row) {
    const size_t seeds = static_cast<size_t>(config_.seeds);
    std::vector<RunSummary> runs((results_.rows.size() - first_row) * seeds);
    std::atomic<size_t> done = 0;
    const std::string what = workload + ": test";
    RETURN_IF_ERROR(RunInParallel(
        runs.size(), threads_,
        [&](size_t i) -> absl::Status {
          const size_t row = first_row + i / seeds;
          SimulationConfig config = configs_[row];
          config.seed = Seed(i % seeds);
          if (sources_[row]) {
            ASSIGN_OR_RETURN(config.policy,
                             sources_[row](results_.rows[row].parameters, config.seed));
          }
          ASSIGN_OR_RETURN(runs[i], store_.Get(test, config, hooks_.stop));
          const size_t now_done = ++done;
          if (hooks_.on_progress) hooks_.on_progress(what, now_done, runs.size());
          return absl::OkStatus();
        },
        hooks_.stop));
    return runs;
  }

  // Every candidate of every rule that is searched, on the test part; none without `hindsight`.
  absl::StatusOr<std::vector<HindsightTrial>> TryRules(const std::string& workload,
                                                       const CellTrace& test) {
    std::vector<HindsightTrial> trials;
    if (!config_.hindsight) return trials;
    TuningSpec spec = config_.tuning;
    spec.method = SearchMethod::kGrid;
    spec.first_seed = config_.first_seed;
    spec.finalists = 1;
    for (const ExperimentPolicy& policy : config_.policies) {
      if (policy.search.empty() || !policy.training.empty()) continue;
      TuningHooks hooks{.stop = hooks_.stop};
      if (hooks_.on_progress) {
        hooks.on_progress = [&](size_t done, size_t planned) {
          hooks_.on_progress(fmt::format("{}: {} in hindsight", workload, policy.label), done,
                             planned);
        };
      }
      ASSIGN_OR_RETURN(const TuningResult tried,
                       Tune({&test, &test, BaseOf(config_, policy, clusters_)}, policy.search, spec,
                            store_, threads_, hooks));
      AddTrials(policy.label, tried, trials);
    }
    return trials;
  }

  using BoundsByCluster = std::map<std::string, std::vector<ClairvoyantBound>>;

  absl::StatusOr<BoundsByCluster> ComputeBounds(const std::string& workload, const CellTrace& test,
                                                size_t first_row) {
    BoundsByCluster bounds;
    for (size_t r = first_row; r < results_.rows.size(); ++r) {
      bounds[results_.rows[r].cluster].resize(static_cast<size_t>(config_.seeds));
    }
    for (auto& [cluster, by_seed] : bounds) {
      RETURN_IF_ERROR(RunInParallel(
          by_seed.size(), threads_,
          [&, &by_seed = by_seed, &cluster = cluster](size_t i) -> absl::Status {
            by_seed[i] =
                ComputeBound(test.trace, clusters_.at(cluster), {Seed(i), config_.within_minute});
            return absl::OkStatus();
          },
          hooks_.stop));
      ExperimentBound mean{.workload = workload, .cluster = cluster};
      const double share = 1.0 / static_cast<double>(by_seed.size());
      for (const ClairvoyantBound& bound : by_seed) {
        mean.needed_gb_seconds += bound.total().needed_gb_seconds * share;
        mean.warm_gb_seconds += bound.total().warm_gb_seconds * share;
        mean.fewest_cold_starts += static_cast<double>(bound.total().fewest_cold_starts) * share;
      }
      for (const TradeOffPoint& point : by_seed[0].WithoutPrewarm().points()) {
        mean.points.emplace_back(point.cold_starts, point.gb_seconds);
      }
      results_.bounds.push_back(std::move(mean));
    }
    return bounds;
  }

  void FillValues(ExperimentRow& row, const std::vector<RunSummary>& runs,
                  const BoundsByCluster& bounds, const std::vector<HindsightTrial>& trials) const {
    row.values.resize(ExperimentMetrics().size());
    for (size_t i = 0; i < runs.size(); ++i) {
      const RunSummary& s = runs[i];
      row.seeds.push_back(Seed(i));
      const BoundDistance distance = DistanceTo(bounds.at(row.cluster)[i].WithPrewarm(),
                                                s.gb_seconds, static_cast<double>(s.cold_starts));
      const HindsightTrial* cheapest = CheapestInHindsight(trials, s.slo_violation_share);
      const double values[] = {s.slowdown_p99.value_or(kMissing),
                               s.slowdown_p99_geomean.value_or(kMissing),
                               s.latency_p99_ms.value_or(kMissing),
                               s.slo_violation_share,
                               s.gb_seconds,
                               s.container_seconds,
                               static_cast<double>(s.cold_starts),
                               s.cold_start_share,
                               s.replica_changes_per_hour,
                               distance.gb_seconds_factor.value_or(kMissing),
                               cheapest ? s.gb_seconds / cheapest->gb_seconds : kMissing};
      for (size_t m = 0; m < row.values.size(); ++m) row.values[m].push_back(values[m]);
    }
  }

  const ExperimentRow& BaselineOf(size_t first_row) const {
    return *std::find_if(
        results_.rows.begin() + static_cast<std::ptrdiff_t>(first_row), results_.rows.end(),
        [&](const ExperimentRow& row) { return row.policy == config_.baseline && !row.tuned; });
  }

  void FillStatistics(ExperimentRow& row, const ExperimentRow& baseline) const {
    const BootstrapOptions bootstrap{.resamples = config_.resamples, .level = config_.confidence};
    for (size_t m = 0; m < row.values.size(); ++m) {
      std::vector<double> values, mine, theirs;
      for (size_t i = 0; i < row.values[m].size(); ++i) {
        const double value = row.values[m][i], other = baseline.values[m][i];
        if (std::isnan(value)) continue;
        values.push_back(value);
        if (std::isnan(other)) continue;
        mine.push_back(value);
        theirs.push_back(other);
      }
      row.mean.push_back(MeanInterval(values, bootstrap));
      row.ratio.push_back(RatioInterval(mine, theirs, bootstrap));
    }
  }

  ExperimentConfig config_;
  const std::string folder_;
  CellStore& store_;
  const int threads_;
  const ExperimentHooks& hooks_;
  Clusters clusters_;
  std::vector<SimulationConfig> configs_;  // of results_.rows
  std::vector<PolicySource> sources_;      // of results_.rows
  ExperimentResults results_;
};

}  // namespace

const std::vector<Metric>& ExperimentMetrics() {
  static const std::vector<Metric> metrics = {
      {"slowdown_p99", "p99 slowdown", "x", Better::kLower},
      {"slowdown_p99_geomean", "p99 slowdown, mean of functions", "x", Better::kLower},
      {"latency_p99_ms", "p99 latency", "ms", Better::kLower},
      {"slo_violation_share", "SLO violations", "share", Better::kLower},
      {"gb_seconds", "GB-seconds", "GB s", Better::kLower},
      {"container_seconds", "container-seconds", "s", Better::kLower},
      {"cold_starts", "cold starts", "requests", Better::kLower},
      {"cold_start_share", "cold starts per request", "share", Better::kLower},
      {"replica_changes_per_hour", "replica changes per hour", "1/h", Better::kLower},
      {"gb_seconds_over_bound", "GB-seconds over the bound", "x", Better::kLower},
      {"gb_seconds_over_hindsight", "GB-seconds over the cheapest rule in hindsight", "x",
       Better::kLower},
  };
  return metrics;
}

absl::StatusOr<TuningResult> TuneOnWorkload(const ExperimentConfig& config,
                                            const ExperimentPolicy& policy,
                                            const std::string& workload, const std::string& folder,
                                            CellStore& store, int threads,
                                            const ExperimentHooks& hooks) {
  const WorkloadSpec& spec = config.workloads.at(workload);
  ASSIGN_OR_RETURN(const Clusters clusters, LoadClusters(config, folder));
  ASSIGN_OR_RETURN(const Trace whole, LoadWorkload(spec, folder));
  ASSIGN_OR_RETURN(const PolicySource source,
                   SourceOf(config, policy, spec, clusters.at(policy.cluster), folder, hooks));
  TuningHooks tuning_hooks{.stop = hooks.stop};
  if (hooks.on_progress) {
    tuning_hooks.on_progress = [&](size_t done, size_t planned) {
      hooks.on_progress(fmt::format("{}: tune {}", workload, policy.label), done, planned);
    };
  }
  return TuneOnParts(whole, *spec.split, policy, BaseOf(config, policy, clusters), source,
                     config.tuning, store, threads, tuning_hooks);
}

absl::StatusOr<ExperimentResults> RunExperiment(const ExperimentConfig& config,
                                                const std::string& folder, CellStore& store,
                                                int threads, const ExperimentHooks& hooks) {
  return Experiment(config, folder, store, threads, hooks).Run();
}

}  // namespace reeve
