#include "runs/training_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "agents/ppo/checkpoint_folder.h"
#include "agents/ppo/event_writer.h"
#include "core/config.h"
#include "core/files.h"
#include "core/status.h"
#include "core/table.h"
#include "runs/csv_table.h"
#include "runs/training_checkpoint.h"
#include "runs/training_log.h"
#include "runs/training_page.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTrainingMarker = ".reeve-training";
constexpr const char* kTrainingConfig = "config.yaml";

std::string FileIn(const std::string& folder, const char* name) {
  return (fs::path(folder) / name).string();
}

// training.csv: "iteration,step,name,value", kept as text until it is written, whole each time, so
// that it never ends in the middle of a row.
class CsvLog {
 public:
  explicit CsvLog(std::string path) : path_(std::move(path)) {}

  // What an interrupted training wrote of iterations after the checkpoint is dropped.
  absl::Status Load(int64_t last_iteration) {
    const absl::StatusOr<std::string> text = ReadFile(path_);
    if (!text.ok()) return absl::IsNotFound(text.status()) ? absl::OkStatus() : text.status();
    CsvRows rows(*text, path_);
    std::vector<std::string> fields;
    ASSIGN_OR_RETURN(bool more, rows.Next(fields));  // the header
    while (more) {
      ASSIGN_OR_RETURN(more, rows.Next(fields));
      int64_t iteration = 0;
      std::string what;
      if (!more) break;
      if (fields.size() != 4 || !config_internal::ReadScalar(fields[0], iteration, what)) {
        return InvalidAt(path_, rows.line(), 0, "not a row of a training's log");
      }
      if (iteration > last_iteration) continue;
      text_ += fmt::format("{},{},{},{}\n", fields[0], fields[1], CsvField(fields[2]), fields[3]);
    }
    return absl::OkStatus();
  }
  void Add(const IterationStats& stats, const NamedNumberList& numbers) {
    for (const auto& [name, value] : numbers) {
      if (!std::isfinite(value)) continue;
      text_ += fmt::format("{},{},{},{:.9g}\n", stats.iteration, stats.steps_done, CsvField(name),
                           value);
    }
  }
  std::string Whole() const { return "iteration,step,name,value\n" + text_; }
  absl::Status Write() const { return WriteFileAtomically(path_, Whole()); }

 private:
  const std::string path_;
  std::string text_;
};

// Without rates: they follow from the machine, not from the training.
CheckpointInfo NumberedInfoOf(const Training& training, const NamedNumberList& numbers) {
  std::map<std::string, double> metrics;
  for (const auto& [name, value] : numbers) {
    if (std::isfinite(value) && !name.starts_with("rate/")) metrics[name] = value;
  }
  return CheckpointInfoOf(training, std::move(metrics));
}

// Everything that reaches the folder.
class Writer {
 public:
  Writer(const Training& training, const std::string& folder)
      : training_(training),
        folder_(folder),
        checkpoints_(FileIn(folder, "checkpoints"), training.config().checkpoints.keep),
        csv_(FileIn(folder, "training.csv")) {}

  // `last`: what the checkpoint says that is gone on from; empty at the beginning.
  absl::Status Begin(NamedNumberList last) {
    last_ = std::move(last);
    RETURN_IF_ERROR(csv_.Load(training_.state().iteration));
    ASSIGN_OR_RETURN(EventWriter events, EventWriter::Create(folder_, training_.steps_done()));
    events_.emplace(std::move(events));
    return WriteFileAtomically(FileIn(folder_, kTrainingConfig), WriteConfig(training_.config()));
  }

  // `demonstrated`: a rule drove, so the returns are not of the policy.
  absl::Status Note(const IterationStats& stats, const NamedNumberList& numbers,
                    bool demonstrated) {
    csv_.Add(stats, numbers);
    std::vector<ScalarSample> samples;
    for (const auto& [name, value] : numbers) samples.push_back({name, value});
    events_->Add(stats.steps_done, samples);
    last_ = numbers;
    const double score = NumberNamed(numbers, "return/mean");
    if (!demonstrated && std::isfinite(score)) {
      RETURN_IF_ERROR(
          checkpoints_
              .SaveIfBest(NumberedInfoOf(training_, numbers), training_.state().model, score)
              .status());
    }
    return events_->Flush();
  }

  absl::Status Save(bool finished) {
    const CheckpointInfo info = NumberedInfoOf(training_, last_);
    // Before the checkpoint: rows of iterations after the one that is gone on from are dropped,
    // but missing ones would stay missing.
    RETURN_IF_ERROR(csv_.Write());
    RETURN_IF_ERROR(checkpoints_.Save(info, training_.state()));
    RETURN_IF_ERROR(SavePolicy(FileIn(folder_, "policy.rpolicy"), info, training_.state().model));
    RETURN_IF_ERROR(WriteTrainingPage({.name = training_.config().name,
                                       .steps_done = training_.steps_done(),
                                       .steps_planned = training_.steps_planned(),
                                       .finished = finished},
                                      csv_.Whole(), FileIn(folder_, "report.html")));
    nlohmann::ordered_json summary = {{"format", "reeve-training"},
                                      {"version", 1},
                                      {"name", training_.config().name},
                                      {"finished", finished},
                                      {"iterations", training_.state().iteration},
                                      {"steps", training_.steps_done()},
                                      {"planned_steps", training_.steps_planned()}};
    for (const auto& [name, value] : info.metrics) summary["last"][name] = value;
    return WriteFileAtomically(FileIn(folder_, "summary.json"), summary.dump(1) + "\n");
  }

 private:
  const Training& training_;
  const std::string folder_;
  CheckpointFolder checkpoints_;
  CsvLog csv_;
  std::optional<EventWriter> events_;
  NamedNumberList last_;
};

// The numbers of the iteration that is gone on from.
absl::StatusOr<NamedNumberList> Resume(Training& training, const std::string& folder,
                                       const TrainingHooks& hooks) {
  const CheckpointFolder checkpoints(FileIn(folder, "checkpoints"), 1);
  std::vector<std::string> warnings;
  absl::StatusOr<TrainingCheckpoint> latest = checkpoints.LoadLatest(warnings);
  for (const std::string& warning : warnings) {
    if (hooks.warn) hooks.warn(warning);
  }
  // Ended before its first checkpoint: from the beginning, then.
  if (absl::IsNotFound(latest.status())) return NamedNumberList();
  RETURN_IF_ERROR(latest.status());
  RETURN_IF_ERROR(training.Restore(std::move(latest->state)));
  const std::map<std::string, double>& metrics = latest->info.metrics;
  return NamedNumberList(metrics.begin(), metrics.end());
}

}  // namespace

absl::Status PrepareTrainingFolder(const std::string& folder, bool resume) {
  std::error_code error;
  const bool there = fs::exists(folder, error) && !fs::is_empty(folder, error);
  const bool marked = fs::exists(FileIn(folder, kTrainingMarker), error);
  const bool begun = marked && fs::exists(FileIn(folder, kTrainingConfig), error);
  if (resume && !begun) {
    return absl::NotFoundError(folder + ": holds no training to go on with");
  }
  if (!resume && begun) {
    return absl::AlreadyExistsError(
        fmt::format("{}: holds a training already; go on with it by --resume, or choose another "
                    "folder",
                    folder));
  }
  if (there && !marked) {
    return absl::FailedPreconditionError(
        folder + ": holds something that is not a training; choose another folder");
  }
  RETURN_IF_ERROR(MakeDirectories(folder));
  return MakeEmptyFile(FileIn(folder, kTrainingMarker));
}

absl::StatusOr<TrainingOutcome> TrainInFolder(Training& training, const std::string& folder,
                                              bool resume, bool writes,
                                              const TrainingHooks& hooks) {
  TrainingOutcome outcome;
  if (resume) {
    ASSIGN_OR_RETURN(outcome.last, Resume(training, folder, hooks));
  }
  std::optional<Writer> writer;
  if (writes) {
    writer.emplace(training, folder);
    RETURN_IF_ERROR(writer->Begin(outcome.last));
  }
  const int64_t steps_per_iteration = static_cast<int64_t>(training.config().learner.horizon) *
                                      training.config().environments * training.env_spec().agents;
  while (!training.Done()) {
    const bool demonstrated = training.bootstrapping();
    ASSIGN_OR_RETURN(const IterationStats stats, training.RunIteration());
    outcome.last = NamedNumbers(training.env_spec(), stats, steps_per_iteration);
    if (writer) {
      RETURN_IF_ERROR(writer->Note(stats, outcome.last, demonstrated));
      if (stats.iteration % training.config().checkpoints.every == 0) {
        RETURN_IF_ERROR(writer->Save(/*finished=*/false));
      }
    }
    if (hooks.on_iteration) hooks.on_iteration(training, stats, outcome.last);
    ASSIGN_OR_RETURN(const bool stop, training.AnyProcess(hooks.stop && hooks.stop()));
    if (stop) break;
  }
  outcome.finished = training.Done();
  if (writer) RETURN_IF_ERROR(writer->Save(outcome.finished));
  return outcome;
}

}  // namespace reeve
