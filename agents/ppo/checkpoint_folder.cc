#include "agents/ppo/checkpoint_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr std::string_view kPrefix = "iteration-", kSuffix = ".ckpt";
constexpr size_t kDigits = 10;
constexpr const char* kScore = "checkpoint_score";  // among the metrics of best.ckpt

bool IsState(const std::string& name) {
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() && name.starts_with(kPrefix) &&
         name.ends_with(kSuffix) &&
         name.find_first_not_of("0123456789", kPrefix.size()) == kPrefix.size() + kDigits;
}

// What AtomicFile writes to before it renames.
bool IsHalfWritten(const std::string& name) {
  return name.find(kSuffix) != std::string::npos && name.ends_with(".tmp");
}

// Names of the files of `folder` for which `wanted` holds, sorted; none when it cannot be read.
std::vector<std::string> NamesIn(const std::string& folder, bool (*wanted)(const std::string&)) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (wanted(name)) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

CheckpointFolder::CheckpointFolder(std::string folder, int32_t keep)
    : folder_(std::move(folder)), keep_(static_cast<size_t>(keep)) {
  REEVE_CHECK(keep >= 1);
}

std::vector<std::string> CheckpointFolder::States() const {
  std::vector<std::string> paths = NamesIn(folder_, IsState);
  for (std::string& path : paths) path = folder_ + "/" + path;
  return paths;
}

absl::Status CheckpointFolder::Save(const CheckpointInfo& info, const TrainerState& state) {
  RETURN_IF_ERROR(MakeDirectories(folder_));
  RETURN_IF_ERROR(SaveTraining(
      fmt::format("{}/{}{:0{}}{}", folder_, kPrefix, state.iteration, kDigits, kSuffix), info,
      state));
  std::vector<std::string> old = States();
  old.resize(old.size() - std::min(old.size(), keep_));
  for (const std::string& name : NamesIn(folder_, IsHalfWritten))
    old.push_back(folder_ + "/" + name);
  for (const std::string& path : old) {
    std::error_code error;
    std::filesystem::remove(path, error);
    if (error) return FromErrno(error.value(), path, "cannot remove an old checkpoint");
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> CheckpointFolder::SaveIfBest(const CheckpointInfo& info,
                                                  const PolicyModel& model, double score) {
  REEVE_CHECK(std::isfinite(score));
  // A best policy that is damaged, or none: this one is better.
  const auto best = LoadPolicy(best_path());
  if (best.ok()) {
    const auto found = best->info.metrics.find(kScore);
    if (found != best->info.metrics.end() && found->second >= score) return false;
  }
  CheckpointInfo with_score = info;
  with_score.metrics[kScore] = score;
  RETURN_IF_ERROR(MakeDirectories(folder_));
  RETURN_IF_ERROR(SavePolicy(best_path(), with_score, model));
  return true;
}

absl::StatusOr<TrainingCheckpoint> CheckpointFolder::LoadLatest(
    std::vector<std::string>& warnings) const {
  std::vector<std::string> paths = States();
  absl::Status first_error = absl::NotFoundError(folder_ + ": no checkpoint to resume from");
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    auto training = LoadTraining(*path);
    if (training.ok()) return training;
    if (path == paths.rbegin()) first_error = training.status();
    warnings.push_back(MessageOf(training.status()) + "; trying the checkpoint before");
  }
  return first_error;
}

}  // namespace reeve
