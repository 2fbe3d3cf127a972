#include "runs/detection_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "core/status.h"
#include "runs/context_recording.h"
#include "runs/worker_pool.h"

namespace reeve {
namespace {

constexpr size_t kMostCandidates = 10'000;

absl::StatusOr<DetectorSpec> WithParameters(const StudyDetector& detector,
                                            const Assignments& assignments) {
  DetectorSpec spec = detector.detector;
  if (assignments.empty()) return spec;
  ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Parse(WriteConfig(spec), detector.label));
  for (const auto& [path, value] : assignments) {
    RETURN_IF_ERROR(node.Set(path + "=" + value));
  }
  DetectorSpec changed;
  if (absl::Status status = ReadConfig(node, changed); !status.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("detectors: {}: search: {}", detector.label, MessageOf(status)));
  }
  return changed;
}

// The recordings of one workload.
struct Recorded {
  Scenario scenario;
  std::vector<ContextRecording> runs, tuning;  // by seed
};

class DetectionRunner {
 public:
  DetectionRunner(const DetectionStudyConfig& config, std::string folder, int threads,
                  const DetectionHooks& hooks)
      : config_(config), folder_(std::move(folder)), threads_(threads), hooks_(hooks) {}

  absl::StatusOr<DetectionResults> Run() {
    RETURN_IF_ERROR(ReadScenarios());
    RETURN_IF_ERROR(RecordAll());
    DetectionResults results{.name = config_.name,
                             .title = config_.title,
                             .context = {},
                             .tolerance_s = config_.tolerance.seconds(),
                             .confidence = config_.confidence,
                             .resamples = config_.resamples,
                             .rows = {}};
    for (const auto& [name, workload] : config_.workloads) {
      if (!workload.report) continue;
      if (results.context.empty()) results.context = recorded_.at(name).runs.front().names;
      for (const StudyDetector& detector : config_.detectors) {
        ASSIGN_OR_RETURN(DetectionRow row, Measure(name, workload, detector));
        results.rows.push_back(std::move(row));
      }
    }
    return results;
  }

 private:
  bool Tunes(const std::string& name) const {
    return std::any_of(config_.workloads.begin(), config_.workloads.end(), [&](const auto& entry) {
      return entry.second.report && TunedOn(entry.first, entry.second) == name;
    });
  }

  absl::Status ReadScenarios() {
    for (const auto& [name, workload] : config_.workloads) {
      const std::string path =
          (std::filesystem::path(folder_) / workload.scenario).lexically_normal().string();
      absl::StatusOr<Scenario> scenario = LoadScenario(path, workload.set);
      if (!scenario.ok()) {
        return absl::Status(scenario.status().code(),
                            fmt::format("workloads: {}: {}", name, MessageOf(scenario.status())));
      }
      Recorded& recorded = recorded_[name];
      recorded.scenario = std::move(*scenario);
      recorded.runs.resize(workload.report ? static_cast<size_t>(config_.seeds) : 0);
      recorded.tuning.resize(Tunes(name) ? static_cast<size_t>(config_.tuning_seeds) : 0);
    }
    return absl::OkStatus();
  }

  absl::Status RecordAll() {
    struct Job {
      const DetectionWorkload* workload;
      const Scenario* scenario;
      uint64_t seed;
      ContextRecording* out;
    };
    std::vector<Job> jobs;
    for (auto& [name, recorded] : recorded_) {
      const DetectionWorkload& workload = config_.workloads.at(name);
      for (size_t i = 0; i < recorded.runs.size(); ++i) {
        jobs.push_back({&workload, &recorded.scenario, config_.first_seed + i, &recorded.runs[i]});
      }
      for (size_t i = 0; i < recorded.tuning.size(); ++i) {
        jobs.push_back(
            {&workload, &recorded.scenario, config_.first_tuning_seed + i, &recorded.tuning[i]});
      }
    }
    return InParallel("record contexts", jobs.size(), [&](size_t i) -> absl::Status {
      const Job& job = jobs[i];
      ASSIGN_OR_RETURN(
          *job.out,
          RecordContexts(*job.scenario,
                         {.schedule = job.workload->schedule ? &*job.workload->schedule : nullptr,
                          .policy = config_.policy,
                          .context = config_.context,
                          .length = job.workload->length,
                          .seed = job.seed},
                         hooks_.stop));
      return absl::OkStatus();
    });
  }

  absl::Status InParallel(std::string_view what, size_t count,
                          const std::function<absl::Status(size_t)>& work) {
    std::atomic<size_t> done = 0;
    return RunInParallel(
        count, threads_,
        [&](size_t i) -> absl::Status {
          RETURN_IF_ERROR(work(i));
          const size_t now_done = ++done;
          if (hooks_.on_progress) hooks_.on_progress(what, now_done, count);
          return absl::OkStatus();
        },
        hooks_.stop);
  }

  // The parameters with the highest mean F1 on the tuning seeds of a workload; of equals the first
  // of the grid.
  struct Tuned {
    Assignments parameters;
    double f1 = 0;
  };
  absl::StatusOr<Tuned> Tune(const std::string& workload, const StudyDetector& detector) {
    const auto known = tuned_.find({workload, detector.label});
    if (known != tuned_.end()) return known->second;
    ASSIGN_OR_RETURN(const std::vector<Assignments> candidates,
                     GridCandidates(detector.search, kMostCandidates));
    const std::vector<ContextRecording>& recordings = recorded_.at(workload).tuning;
    std::vector<double> f1(candidates.size() * recordings.size());
    const std::string what = fmt::format("tune {} on {}", detector.label, workload);
    RETURN_IF_ERROR(InParallel(what, f1.size(), [&](size_t i) -> absl::Status {
      ASSIGN_OR_RETURN(const DetectorSpec spec,
                       WithParameters(detector, candidates[i / recordings.size()]));
      const double one =
          ReplayDetector(recordings[i % recordings.size()], spec, config_.tolerance).score.f1();
      f1[i] = std::isfinite(one) ? one : 0;
      return absl::OkStatus();
    }));
    Tuned best{.parameters = {}, .f1 = -1};
    for (size_t c = 0; c < candidates.size(); ++c) {
      double mean = 0;
      for (size_t s = 0; s < recordings.size(); ++s) mean += f1[c * recordings.size() + s];
      mean /= static_cast<double>(recordings.size());
      if (mean > best.f1) best = {candidates[c], mean};
    }
    tuned_[{workload, detector.label}] = best;
    return best;
  }

  absl::StatusOr<DetectionRow> Measure(const std::string& name, const DetectionWorkload& workload,
                                       const StudyDetector& detector) {
    const Recorded& recorded = recorded_.at(name);
    DetectionRow row{.workload = name,
                     .detector = detector.label,
                     .labels = recorded.runs.front().labels,
                     .parameters = {},
                     .tuning_f1 = {},
                     .runs = {}};
    if (!detector.search.empty()) {
      ASSIGN_OR_RETURN(const Tuned tuned, Tune(TunedOn(name, workload), detector));
      row.parameters = tuned.parameters;
      row.tuning_f1 = tuned.f1;
    }
    ASSIGN_OR_RETURN(const DetectorSpec spec, WithParameters(detector, row.parameters));
    row.runs.resize(recorded.runs.size());
    const std::string what = fmt::format("measure {} on {}", detector.label, name);
    RETURN_IF_ERROR(InParallel(what, row.runs.size(), [&](size_t i) -> absl::Status {
      DetectorReplay replay = ReplayDetector(recorded.runs[i], spec, config_.tolerance);
      row.runs[i] = {config_.first_seed + i, std::move(replay.detected), std::move(replay.score)};
      return absl::OkStatus();
    }));
    return row;
  }

  const DetectionStudyConfig& config_;
  const std::string folder_;
  const int threads_;
  const DetectionHooks& hooks_;
  std::map<std::string, Recorded> recorded_;
  std::map<std::pair<std::string, std::string>, Tuned> tuned_;
};

}  // namespace

absl::StatusOr<DetectionResults> RunDetectionStudy(const DetectionStudyConfig& config,
                                                   const std::string& folder, int threads,
                                                   const DetectionHooks& hooks) {
  return DetectionRunner(config, folder, threads, hooks).Run();
}

}  // namespace reeve
