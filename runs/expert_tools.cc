#include "runs/expert_tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "agents/adapt/expert_exchange.h"
#include "core/status.h"

namespace reeve {
namespace {

// Whatever limits a run has, nothing is removed here.
constexpr ExpertLibrarySpec kUnlimited{.max_experts = 4096, .versions = 1000};

std::string NameOf(const Expert& expert) {
  return expert.label.empty() ? fmt::format("{}", expert.environment)
                              : fmt::format("{} ({})", expert.environment, expert.label);
}

std::string NamesOfExperts(const ExpertLibrary& library) {
  std::vector<std::string> names;
  for (const auto& [environment, expert] : library.experts()) names.push_back(NameOf(expert));
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

absl::Status NoExpert(const ExpertLibrary& library, int64_t environment) {
  return absl::OutOfRangeError(fmt::format("{}: no expert {}; there are {}", library.path(),
                                           environment, NamesOfExperts(library)));
}

absl::Status ForgetOne(int64_t environment, bool expert_only, ExpertLibrary& library,
                       StateVectors& detector, std::vector<std::string>& done) {
  const Expert* const expert = library.Find(environment);
  DetectorOverview overview;
  if (!expert_only) {
    ASSIGN_OR_RETURN(overview, DetectorOf(library));
  }
  const bool known = overview.Find(environment) != nullptr;
  if (expert == nullptr && !known) return NoExpert(library, environment);
  if (known && overview.in_force == environment) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: environment {} is in force, so the detector cannot forget it; let another come into "
        "force first, or drop its expert alone (--expert-only), which then begins anew",
        library.path(), environment));
  }
  std::string what = expert == nullptr
                         ? fmt::format("environment {}, which had no expert", environment)
                         : fmt::format("expert {}", NameOf(*expert));
  if (expert != nullptr) RETURN_IF_ERROR(library.Forget(environment));
  if (known) {
    RETURN_IF_ERROR(ForgetInDetectorState(environment, detector));
    what += expert == nullptr ? "" : " and its environment";
  }
  done.push_back("forgotten: " + what);
  return absl::OkStatus();
}

absl::StatusOr<ExpertLibrary> OpenToWrite(const ExpertStorageOpener& open,
                                          const SpreadPrior& prior) {
  ASSIGN_OR_RETURN(std::unique_ptr<ExpertStorage> storage, open(ExpertStorage::Access::kWrite));
  return ExpertLibrary::Open(std::move(storage), kUnlimited, prior);
}

}  // namespace

absl::StatusOr<ExpertLibrary> OpenLibraryToRead(const ExpertStorageOpener& open) {
  ASSIGN_OR_RETURN(std::unique_ptr<ExpertStorage> storage, open(ExpertStorage::Access::kRead));
  return ExpertLibrary::Open(std::move(storage), kUnlimited, {});
}

absl::StatusOr<ExpertLibrary> OpenLibraryToChange(const ExpertStorageOpener& open) {
  // Opening for writing would make what is not there, and compare contexts by another prior.
  ASSIGN_OR_RETURN(const ExpertLibrary reading, OpenLibraryToRead(open));
  return OpenToWrite(open, reading.prior());
}

absl::StatusOr<DetectorOverview> DetectorOf(const ExpertLibrary& library) {
  absl::StatusOr<DetectorOverview> overview = ReadDetectorState(library.detector());
  if (absl::IsNotFound(overview.status())) return DetectorOverview();
  if (overview.ok()) return overview;
  return absl::Status(
      overview.status().code(),
      fmt::format("{}: the stored detector: {}", library.path(), MessageOf(overview.status())));
}

absl::StatusOr<const Expert*> ExpertOf(const ExpertLibrary& library, int64_t environment) {
  const Expert* const expert = library.Find(environment);
  if (expert == nullptr) return NoExpert(library, environment);
  return expert;
}

absl::StatusOr<std::string> ImportIntoLibrary(const ExpertStorageOpener& open,
                                              const ImportOptions& options,
                                              std::vector<std::string>& warnings) {
  RETURN_IF_ERROR(LoadPolicy(options.path).status());  // before a library is made
  absl::StatusOr<ExpertLibrary> library = OpenLibraryToChange(open);
  if (absl::IsNotFound(library.status())) library = OpenToWrite(open, {});
  if (!library.ok()) return library.status();
  warnings = library->warnings();
  const Expert* const before = library->Find(options.environment);
  if (before != nullptr && !options.replace) {
    return absl::AlreadyExistsError(
        fmt::format("{}: there is an expert {}; --replace puts this policy in its place",
                    library->path(), NameOf(*before)));
  }
  ASSIGN_OR_RETURN(Expert expert, ImportExpert(*library, options.environment, options.path));
  ASSIGN_OR_RETURN(const DetectorOverview detector, DetectorOf(*library));
  std::string how = "the detector has not met that environment yet";
  if (before != nullptr) {
    expert.label = before->label;
    expert.stats = before->stats;
    expert.created = before->created;
    expert.last_used = before->last_used;
    how = "in place of the one that was there";
  } else if (const EnvironmentStats* const stats = detector.Find(options.environment)) {
    expert.stats = *stats;
    expert.created = stats->first_seen;
    expert.last_used = stats->last_seen;
    how = "an environment that the detector knows";
  }
  if (!options.label.empty()) expert.label = options.label;
  const std::string name = NameOf(expert);
  library->Put(std::move(expert));
  RETURN_IF_ERROR(library->Save(StateVectors(library->detector())));
  return fmt::format("{} is expert {} of {}, version {}: {}", options.path, name, library->path(),
                     library->version(), how);
}

absl::StatusOr<std::vector<std::string>> ForgetInLibrary(const ExpertStorageOpener& open,
                                                         const std::vector<int64_t>& environments,
                                                         bool expert_only,
                                                         std::vector<std::string>& warnings) {
  ASSIGN_OR_RETURN(ExpertLibrary library, OpenLibraryToChange(open));
  warnings = library.warnings();
  StateVectors detector = library.detector();
  std::vector<std::string> done;
  std::vector<int64_t> ids = environments;
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const int64_t id : ids) {
    RETURN_IF_ERROR(ForgetOne(id, expert_only, library, detector, done));
  }
  RETURN_IF_ERROR(library.Save(detector));
  return done;
}

}  // namespace reeve
