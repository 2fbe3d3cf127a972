#include "agents/adapt/expert_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "agents/adapt/expert_folder.h"
#include "core/check.h"
#include "core/status.h"

namespace reeve {

namespace {

GaussianModel ModelOf(const ContextMoments& contexts, const SpreadPrior& prior) {
  GaussianModel model(contexts.dimensions());
  model.Fit(contexts, prior);
  return model;
}

std::optional<double> DistanceOf(const ContextMoments& a, const ContextMoments& b,
                                 const SpreadPrior& prior) {
  if (a.dimensions() != b.dimensions() || a.dimensions() == 0) return std::nullopt;
  if (a.count == 0 || b.count == 0) return std::nullopt;
  return BhattacharyyaDistance(ModelOf(a, prior), ModelOf(b, prior));
}

// Whether `from`'s parameters mean the same in `to`'s place.
bool SameNetworks(const PolicyModel& from, const PolicyModel& to) {
  const auto same = [](const NetworkLayout& a, const NetworkLayout& b) {
    return WriteConfig(a.spec) == WriteConfig(b.spec) && a.inputs == b.inputs &&
           a.outputs == b.outputs;
  };
  return from.feature_names == to.feature_names && from.group_of == to.group_of &&
         from.heads() == to.heads() && same(from.actor, to.actor) && same(from.critic, to.critic);
}

std::string NameOf(const Expert& expert) {
  return expert.label.empty() ? fmt::format("{}", expert.environment)
                              : fmt::format("{} ({})", expert.environment, expert.label);
}

// `into` keeps its policy, and takes in what else is known of `from`.
void TakeIn(const Expert& from, Expert& into) {
  EnvironmentStats& to = into.stats;
  if (to.contexts.count == 0) {
    to.contexts = from.stats.contexts;
  } else if (from.stats.contexts.dimensions() == to.contexts.dimensions() &&
             from.stats.contexts.count > 0) {
    to.contexts.Merge(from.stats.contexts);
  }
  to.visits += from.stats.visits;
  to.first_seen = std::min(to.first_seen, from.stats.first_seen);
  to.last_seen = std::max(to.last_seen, from.stats.last_seen);
  into.created = std::min(into.created, from.created);
  into.last_used = std::max(into.last_used, from.last_used);
  into.explored = into.explored || from.explored;
  into.exploration_steps = std::max(into.exploration_steps, from.exploration_steps);
  std::vector<ExpertReturn> history = std::move(into.history);
  into.history.clear();
  history.insert(history.end(), from.history.begin(), from.history.end());
  std::ranges::stable_sort(history, {}, &ExpertReturn::time);
  for (const ExpertReturn& entry : history) into.Note(entry);
}

// What `parse` makes of the bytes of a file.
template <class Parse>
auto ReadWith(Parse parse, ExpertStorage& storage, const std::string& name)
    -> decltype(parse(name, name)) {
  const absl::StatusOr<std::string> bytes = storage.Read(name);
  if (!bytes.ok()) return bytes.status();
  return parse(*bytes, storage.PathOf(name));
}

}  // namespace

ExpertLibrary::ExpertLibrary(std::unique_ptr<ExpertStorage> storage, const ExpertLibrarySpec& spec,
                             const SpreadPrior& prior)
    : storage_(std::move(storage)), spec_(spec), prior_(prior) {}

absl::StatusOr<ExpertLibrary> ExpertLibrary::Open(std::unique_ptr<ExpertStorage> storage,
                                                  const ExpertLibrarySpec& spec,
                                                  const SpreadPrior& prior) {
  ExpertLibrary library(std::move(storage), spec, prior);
  RETURN_IF_ERROR(library.Load());
  return library;
}

absl::StatusOr<ExpertLibrary> ExpertLibrary::Open(const std::string& folder,
                                                  const ExpertLibrarySpec& spec,
                                                  const SpreadPrior& prior, Access access) {
  ASSIGN_OR_RETURN(std::unique_ptr<ExpertStorage> storage, OpenExpertFolder(folder, access));
  return Open(std::move(storage), spec, prior);
}

absl::Status ExpertLibrary::Load() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_->List());
  const std::vector<LibraryFile> files = LibraryFilesAmong(names);
  LibraryIndex index;
  bool found = false, any_experts = false;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {  // the newest first
    last_used_version_ = std::max(last_used_version_, file->version);
    if (!file->is_index()) {
      any_experts = true;
      continue;
    }
    if (found) continue;
    absl::StatusOr<LibraryIndex> read = ReadWith(ParseIndex, *storage_, file->name);
    if (read.ok() && read->version == file->version) {
      index = *std::move(read);
      found = true;
    } else {
      warnings_.push_back(
          (read.ok() ? storage_->PathOf(file->name) + ": of another version than its name says"
                     : MessageOf(read.status())) +
          "; trying the version before");
    }
  }
  const bool reading = storage_->access() == Access::kRead;
  if (!found && !any_experts) {
    if (reading) {
      return absl::NotFoundError(path() + ": not a library of experts (it has no index)");
    }
    return absl::OkStatus();  // a new one
  }
  if (found) {
    version_ = index.version;
    detector_ = std::move(index.detector);
    if (reading) prior_ = index.prior;
  } else {
    warnings_.push_back(path() +
                        ": no index can be read; taking the newest sound file of every expert, "
                        "without the detector's state");
    for (const LibraryFile& file : files) {
      if (!file.is_index()) index.experts[file.environment] = file.version;  // sorted by version
    }
  }
  LoadExperts(index, files);
  return absl::OkStatus();
}

void ExpertLibrary::LoadExperts(const LibraryIndex& index, const std::vector<LibraryFile>& files) {
  for (const auto& entry : index.experts) {
    const int64_t environment = entry.first, version = entry.second;
    std::vector<const LibraryFile*> own;  // the one that is meant, then the newest first
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      if (!file->is_index() && file->environment == environment) own.push_back(&*file);
    }
    std::stable_partition(own.begin(), own.end(),
                          [&](const LibraryFile* f) { return f->version == version; });
    const bool there = !own.empty() && own.front()->version == version;
    bool whole = false;
    for (const LibraryFile* const file : own) {
      if (whole) break;
      absl::StatusOr<Expert> expert = ReadWith(ParseExpert, *storage_, file->name);
      if (expert.ok() && expert->environment == environment) {
        whole = true;
        if (file->version == version) saved_as_[environment] = version;
        experts_[environment] = *std::move(expert);
      } else {
        warnings_.push_back((expert.ok() ? storage_->PathOf(file->name) +
                                               ": of another environment than its name says"
                                         : MessageOf(expert.status())) +
                            "; trying another version");
      }
    }
    if (!there) {
      warnings_.push_back(fmt::format("{}: the file of expert {} as of version {} is missing",
                                      path(), environment, version));
    }
    if (!whole) {
      warnings_.push_back(
          fmt::format("{}: expert {} is lost: none of its files can be read", path(), environment));
    }
  }
}

const Expert* ExpertLibrary::Find(int64_t environment) const {
  const auto found = experts_.find(environment);
  return found == experts_.end() ? nullptr : &found->second;
}

std::optional<double> ExpertLibrary::Distance(int64_t a, int64_t b) const {
  const Expert* const first = Find(a);
  const Expert* const second = Find(b);
  if (first == nullptr || second == nullptr) return std::nullopt;
  return DistanceOf(first->stats.contexts, second->stats.contexts, prior_);
}

std::optional<int64_t> ExpertLibrary::Closest(const ContextMoments& contexts) const {
  std::optional<int64_t> closest;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [environment, expert] : experts_) {
    const std::optional<double> distance = DistanceOf(expert.stats.contexts, contexts, prior_);
    if (!distance || *distance >= least) continue;
    least = *distance;
    closest = environment;
  }
  return closest;
}

Expert ExpertLibrary::Begin(const EnvironmentStats& stats, const TrainerState& scratch,
                            const CheckpointInfo& info, SimTime now) const {
  Expert expert;
  expert.environment = stats.id;
  expert.info = info;
  expert.state = scratch;
  expert.stats = stats;
  expert.created = expert.last_used = now;
  if (spec_.warm_start == WarmStart::kScratch) return expert;
  const std::optional<int64_t> closest = Closest(stats.contexts);
  if (!closest) return expert;
  const Expert& from = experts_.at(*closest);
  if (!SameNetworks(from.state.model, scratch.model)) return expert;
  expert.state.model = from.state.model;
  expert.begun_from = *closest;
  return expert;
}

std::vector<ExpertLibrary::Departure> ExpertLibrary::Put(Expert expert) {
  REEVE_CHECK(expert.environment >= 0);
  const int64_t environment = expert.environment;
  expert.stats.id = environment;
  experts_[environment] = std::move(expert);
  saved_as_.erase(environment);
  std::vector<Departure> departures;
  while (experts_.size() > static_cast<size_t>(spec_.max_experts) && experts_.size() > 1) {
    departures.push_back(MakeRoom(environment));
  }
  return departures;
}

ExpertLibrary::Departure ExpertLibrary::MakeRoom(int64_t staying) {
  Departure departure;
  std::optional<std::pair<int64_t, int64_t>> pair;
  double least = std::numeric_limits<double>::infinity();
  if (spec_.when_full == WhenFull::kMerge) {
    for (auto a = experts_.begin(); a != experts_.end(); ++a) {
      for (auto b = std::next(a); b != experts_.end(); ++b) {
        const std::optional<double> distance =
            DistanceOf(a->second.stats.contexts, b->second.stats.contexts, prior_);
        if (!distance || *distance >= least) continue;
        least = *distance;
        pair = {a->first, b->first};
      }
    }
  }
  if (pair) {
    auto [into, from] = *pair;
    const bool second_learned_longer =
        experts_.at(from).state.steps_done > experts_.at(into).state.steps_done;
    if (from == staying || (second_learned_longer && into != staying)) std::swap(into, from);
    TakeIn(experts_.at(from), experts_.at(into));
    saved_as_.erase(into);
    departure = {
        .environment = from,
        .merged_into = into,
        .message = fmt::format(
            "the library of experts is full ({}): expert {} becomes part of expert {}, the "
            "closest (distance {:.3g}), which keeps its policy",
            spec_.max_experts, NameOf(experts_.at(from)), NameOf(experts_.at(into)), least)};
  } else {
    auto oldest = experts_.end();
    for (auto it = experts_.begin(); it != experts_.end(); ++it) {
      if (it->first == staying) continue;
      if (oldest == experts_.end() || it->second.last_used < oldest->second.last_used) oldest = it;
    }
    departure = {
        .environment = oldest->first,
        .merged_into = std::nullopt,
        .message = fmt::format(
            "the library of experts is full ({}): expert {} goes, the least recently used "
            "(at {:.0f} s)",
            spec_.max_experts, NameOf(oldest->second), oldest->second.last_used.seconds())};
  }
  experts_.erase(departure.environment);
  saved_as_.erase(departure.environment);
  return departure;
}

absl::Status ExpertLibrary::Forget(int64_t environment) {
  if (experts_.erase(environment) == 0) {
    return absl::NotFoundError(fmt::format("{}: no expert {}", path(), environment));
  }
  saved_as_.erase(environment);
  return absl::OkStatus();
}

absl::Status ExpertLibrary::Save(const StateVectors& detector) {
  if (storage_->access() == Access::kRead) {
    return absl::FailedPreconditionError(path() + ": this library was opened for reading");
  }
  const int64_t version = ++last_used_version_;  // even if writing fails, this number is taken
  LibraryIndex index{
      .version = version, .experts = saved_as_, .prior = prior_, .detector = detector};
  std::vector<ExpertStorage::File> files;
  for (const auto& [environment, expert] : experts_) {
    if (saved_as_.contains(environment)) continue;
    index.experts[environment] = version;
    files.push_back({ExpertFileName(environment, version),
                     [&changed = expert] { return SerialiseExpert(changed); }});
  }
  files.push_back({IndexFileName(version), [&index] { return SerialiseIndex(index); }});
  RETURN_IF_ERROR(storage_->Write(files));
  version_ = version;
  saved_as_ = index.experts;
  detector_ = detector;
  return RemoveOldFiles();
}

absl::Status ExpertLibrary::RemoveOldFiles() {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_->List());
  const std::vector<LibraryFile> files = LibraryFilesAmong(names);
  std::set<std::string> kept;
  int32_t indices = 0;
  for (auto file = files.rbegin(); file != files.rend() && indices < spec_.versions; ++file) {
    if (!file->is_index()) continue;
    const absl::StatusOr<LibraryIndex> index = ReadWith(ParseIndex, *storage_, file->name);
    if (!index.ok()) continue;  // damaged: of no more use
    ++indices;
    kept.insert(file->name);
    for (const auto& [environment, version] : index->experts) {
      kept.insert(ExpertFileName(environment, version));
    }
  }
  std::vector<std::string> old;
  for (const LibraryFile& file : files) {
    if (!kept.contains(file.name)) old.push_back(file.name);
  }
  return storage_->Remove(old);
}

}  // namespace reeve
