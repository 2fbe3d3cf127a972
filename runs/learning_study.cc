#include "runs/learning_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "agents/nn/network_spec.h"
#include "core/status.h"
#include "runs/study_ratios.h"
#include "runs/training.h"
#include "runs/worker_pool.h"

namespace reeve {
namespace {

// ---- the study

// Joins the runs of functions that were trained and served each alone.
StudyRun Joined(std::vector<StudyRun> parts) {
  StudyRun whole = parts.front();
  whole.functions.clear();
  whole.returns.clear();
  whole.latency_p99_ms = std::numeric_limits<double>::quiet_NaN();
  double requests = 0, violations = 0;
  whole.gb_seconds = whole.replica_changes_per_hour = 0;
  for (StudyRun& part : parts) {
    whole.gb_seconds += part.gb_seconds;
    whole.replica_changes_per_hour += part.replica_changes_per_hour;
    for (StudyFunction& f : part.functions) {
      requests += f.requests;
      violations += f.requests * f.slo_violation_share;
      whole.functions.push_back(std::move(f));
    }
    for (std::vector<double>& curve : part.returns) whole.returns.push_back(std::move(curve));
  }
  whole.slo_violation_share = requests > 0 ? violations / requests : 0;
  whole.final_return = FinalReturn(whole);
  return whole;
}

class LearningRunner {
 public:
  LearningRunner(const LearningStudyConfig& config, std::string folder, JsonStore& store,
                 int threads, const StudyHooks& hooks)
      : config_(config),
        folder_(std::move(folder)),
        store_(store),
        threads_(threads),
        hooks_(hooks) {}

  absl::StatusOr<StudyResults> Run() {
    RETURN_IF_ERROR(PlanAll());
    std::vector<StudyRun> runs(cells_.size());
    std::atomic<size_t> done = 0;
    RETURN_IF_ERROR(RunInParallel(
        cells_.size(), threads_,
        [&](size_t i) -> absl::Status {
          ASSIGN_OR_RETURN(runs[i], Get(cells_[i]));
          const size_t now_done = ++done;
          if (hooks_.on_progress) hooks_.on_progress(now_done, cells_.size());
          return absl::OkStatus();
        },
        hooks_.stop));
    return Collect(std::move(runs));
  }

 private:
  // Cells [first, first + seeds * parts) of a row: seed by seed, and of each one part (or, alone,
  // one for every function).
  struct RowPlan {
    std::string scenario, variant;
    size_t first = 0, parts = 1;
  };

  struct Cell {
    LearningRunSpec run;
    std::string trace;  // TraceChecksum of its training
  };

  std::string PathOf(const std::string& file) const {
    return (std::filesystem::path(folder_) / file).lexically_normal().string();
  }

  absl::StatusOr<TrainingConfig> TrainingOf(const StudyScenario& scenario,
                                            const StudyVariant& variant) const {
    ASSIGN_OR_RETURN(TrainingConfig training, LoadTrainingFile(PathOf(config_.training)));
    if (!scenario.file.empty()) RETURN_IF_ERROR(ReplaceScenario(PathOf(scenario.file), training));
    std::vector<std::string> changes;
    for (const std::string& change : scenario.set) changes.push_back("scenario." + change);
    ASSIGN_OR_RETURN(training, Changed(training, changes));
    ASSIGN_OR_RETURN(training, Changed(training, config_.set));
    absl::StatusOr<TrainingConfig> changed = Changed(training, variant.set);
    if (!changed.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("variants: {}: {}", variant.label, MessageOf(changed.status())));
    }
    return changed;
  }

  // Parameters of one actor, as a training of this configuration would make it.
  static absl::StatusOr<PolicyModel> ModelOf(const TrainingConfig& config) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Training> training, Training::Create(config, 1));
    return training->state().model;
  }

  absl::Status MatchParameters(const StudyScenario& scenario, const StudyVariant& variant,
                               TrainingConfig& training) const {
    if (variant.same_parameters_as.empty()) return absl::OkStatus();
    const auto reference =
        std::find_if(config_.variants.begin(), config_.variants.end(),
                     [&](const StudyVariant& v) { return v.label == variant.same_parameters_as; });
    ASSIGN_OR_RETURN(const TrainingConfig other, TrainingOf(scenario, *reference));
    ASSIGN_OR_RETURN(const PolicyModel wanted, ModelOf(other));
    ASSIGN_OR_RETURN(const PolicyModel own, ModelOf(training));
    training.learner.actor.width = NearestWidth(training.learner.actor, own.actor.inputs,
                                                own.actor.outputs, wanted.actor.parameters);
    training.learner.critic.width = NearestWidth(training.learner.critic, own.critic.inputs,
                                                 own.critic.outputs, wanted.critic.parameters);
    return absl::OkStatus();
  }

  absl::Status PlanRow(const std::string& name, const StudyScenario& scenario,
                       const StudyVariant& variant) {
    ASSIGN_OR_RETURN(TrainingConfig training, TrainingOf(scenario, variant));
    RETURN_IF_ERROR(MatchParameters(scenario, variant, training));
    std::vector<TrainingConfig> parts = {training};
    if (variant.alone) {
      if (training.scenario.functions.empty()) {
        return absl::InvalidArgumentError(fmt::format(
            "variants: {}: 'alone' needs a scenario with functions of its own", variant.label));
      }
      parts.clear();
      for (const ScenarioFunction& function : training.scenario.functions) {
        parts.push_back(training);
        parts.back().scenario.functions = {function};
      }
    }
    ASSIGN_OR_RETURN(const std::string trace, TraceChecksum(training));
    rows_.push_back({name, variant.label, cells_.size(), parts.size()});
    for (int32_t s = 0; s < config_.seeds; ++s) {
      for (const TrainingConfig& part : parts) {
        LearningRunSpec cell{
            .training = part,
            .rule = variant.rule,
            .evaluation = config_.evaluation,
            .evaluation_seed = config_.evaluation.first_seed + static_cast<uint64_t>(s)};
        cell.training.seed = config_.first_seed + static_cast<uint64_t>(s);
        cells_.push_back({std::move(cell), trace});
      }
    }
    return absl::OkStatus();
  }

  absl::Status PlanAll() {
    std::map<std::string, StudyScenario> scenarios = config_.scenarios;
    if (scenarios.empty()) scenarios[""] = {};
    for (const auto& [name, scenario] : scenarios) {
      for (const StudyVariant& variant : config_.variants) {
        RETURN_IF_ERROR(PlanRow(name, scenario, variant));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<StudyRun> Get(const Cell& planned) {
    const LearningRunSpec& cell = planned.run;
    const std::string key = fmt::format("{}\n{}\n{}\n{}\n{}", planned.trace, cell.evaluation_seed,
                                        cell.evaluation.length.micros(), WriteConfig(cell.training),
                                        cell.rule ? WriteConfig(*cell.rule) : "");
    StudyRun run;
    ASSIGN_OR_RETURN(const nlohmann::ordered_json json,
                     store_.Get(
                         "learning-run", key,
                         [&]() -> absl::StatusOr<nlohmann::ordered_json> {
                           ASSIGN_OR_RETURN(const StudyRun fresh, RunLearning(cell, hooks_.stop));
                           return StudyRunToJson(fresh);
                         },
                         [](const nlohmann::ordered_json& kept) {
                           StudyRun ignored;
                           return StudyRunFromJson(kept, ignored);
                         }));
    if (!StudyRunFromJson(json, run)) return absl::InternalError("a run's result cannot be read");
    return run;
  }

  StudyResults Collect(std::vector<StudyRun> runs) const {
    StudyResults results{.name = config_.name,
                         .title = config_.title,
                         .confidence = config_.confidence,
                         .resamples = config_.resamples,
                         .rows = {},
                         .ratios = {}};
    for (const RowPlan& plan : rows_) {
      StudyRow row{plan.scenario, plan.variant, {}};
      for (size_t s = 0; s < static_cast<size_t>(config_.seeds); ++s) {
        const auto first = runs.begin() + static_cast<std::ptrdiff_t>(plan.first + s * plan.parts);
        const auto last = first + static_cast<std::ptrdiff_t>(plan.parts);
        std::vector<StudyRun> parts(std::make_move_iterator(first), std::make_move_iterator(last));
        row.runs.push_back(parts.size() == 1 ? std::move(parts.front()) : Joined(std::move(parts)));
      }
      results.rows.push_back(std::move(row));
    }
    const BootstrapOptions bootstrap{.resamples = config_.resamples, .level = config_.confidence};
    for (const StudyRow& row : results.rows) {
      if (row.variant != config_.variants.front().label) continue;
      for (const StudyRatio& ratio : config_.ratios) {
        std::vector<StudyRatioRow> ratios =
            RatiosBetween(RowOf(results, row.scenario, ratio.of),
                          RowOf(results, row.scenario, ratio.to), ratio, bootstrap);
        std::move(ratios.begin(), ratios.end(), std::back_inserter(results.ratios));
      }
    }
    return results;
  }

  static const StudyRow& RowOf(const StudyResults& results, const std::string& scenario,
                               const std::string& variant) {
    return *std::find_if(results.rows.begin(), results.rows.end(), [&](const StudyRow& row) {
      return row.scenario == scenario && row.variant == variant;
    });
  }

  const LearningStudyConfig& config_;
  const std::string folder_;
  JsonStore& store_;
  const int threads_;
  const StudyHooks& hooks_;
  std::vector<Cell> cells_;
  std::vector<RowPlan> rows_;
};

}  // namespace

absl::StatusOr<StudyResults> RunLearningStudy(const LearningStudyConfig& config,
                                              const std::string& folder, JsonStore& store,
                                              int threads, const StudyHooks& hooks) {
  return LearningRunner(config, folder, store, threads, hooks).Run();
}

}  // namespace reeve
