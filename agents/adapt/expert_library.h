// One expert per environment, kept durably: what was learned is there when an environment returns,
// after a restart as well.
//
// A library is a few files in a folder or a database (agents/adapt/expert_storage.h):
//   expert-000003-v0000000012.rexpert   an expert as of version 12 of the library
//   library-v0000000012.index           which file of each expert version 12 consists of, and the
//                                       detector's state at that moment
// Save writes the files of what changed and then the index: a version is there when its index is,
// whole, so experts and detector always fit together. The files of the last few versions stay.
// Whatever is truncated or damaged is passed over on opening: an index, for the one before; an
// expert's file, for its newest that is sound.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/expert.h"
#include "agents/adapt/expert_storage.h"
#include "agents/adapt/library_files.h"
#include "agents/adapt/library_index.h"
#include "agents/adapt/state_vectors.h"
#include "agents/adapt/warm_start.h"
#include "core/config.h"

namespace reeve {

enum class WhenFull : uint8_t { kMerge, kEvict };
constexpr auto EnumNames(WhenFull) {
  return std::array<std::pair<WhenFull, std::string_view>, 2>{
      {{WhenFull::kMerge, "merge"}, {WhenFull::kEvict, "evict"}}};
}

struct ExpertLibrarySpec {
  int32_t max_experts = 16;
  WhenFull when_full = WhenFull::kMerge;
  WarmStart warm_start = WarmStart::kClosest;
  int32_t versions = 3;

  template <class V>
  static void Fields(V& v) {
    using S = ExpertLibrarySpec;
    v.Field("max_experts", &S::max_experts, "Experts that are kept", {1, 4096});
    v.Field("when_full", &S::when_full,
            "For one more: the two whose environments are closest become one, which keeps the "
            "policy that learned longer; or the least recently used one goes");
    v.Field("warm_start", &S::warm_start,
            "What the expert of a new environment begins with: the policy of the closest "
            "environment, or nothing");
    v.Field("versions", &S::versions, "Saved versions that stay", {1, 1000});
  }
};

// Not thread-safe.
class ExpertLibrary {
 public:
  using Access = ExpertStorage::Access;

  // For reading it wants a library that is there (NotFound) and takes the prior of the library's
  // last version. `prior`: by which contexts are compared. Errors of the storage.
  static absl::StatusOr<ExpertLibrary> Open(std::unique_ptr<ExpertStorage> storage,
                                            const ExpertLibrarySpec& spec,
                                            const SpreadPrior& prior);
  // In a folder: see OpenExpertFolder.
  static absl::StatusOr<ExpertLibrary> Open(const std::string& folder,
                                            const ExpertLibrarySpec& spec, const SpreadPrior& prior,
                                            Access access);

  const std::string& path() const { return storage_->path(); }  // the folder or the database
  int64_t version() const { return version_; }                  // last saved; 0: none
  // What Open passed over, and what it took instead: a sentence each.
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::map<int64_t, Expert>& experts() const { return experts_; }
  const Expert* Find(int64_t environment) const;
  const SpreadPrior& prior() const { return prior_; }
  // The detector's state of the version that was opened; empty: there is none.
  const StateVectors& detector() const { return detector_; }

  // Of two experts by their contexts (Bhattacharyya); none where one has no contexts or others.
  std::optional<double> Distance(int64_t a, int64_t b) const;
  // The expert of the environment closest to these contexts.
  std::optional<int64_t> Closest(const ContextMoments& contexts) const;

  // An expert for a new environment, not in the library yet: by warm_start a copy of the closest
  // one's policy and normalisers (with a fresh optimiser), or `scratch`; from scratch as well where
  // nothing is close or of the same networks. Its exploration has not begun.
  Expert Begin(const EnvironmentStats& stats, const TrainerState& scratch,
               const CheckpointInfo& info, SimTime now) const;

  // An expert that went, to make room.
  struct Departure {
    int64_t environment = kNoEnvironment;
    std::optional<int64_t> merged_into;  // none: evicted
    std::string message;                 // for the log
  };
  // Takes an expert in, in place of the one of the same environment if there is one. When there are
  // too many, others depart until there are not; what was put stays, though it may take another
  // in (not be taken). The caller tells the detector.
  std::vector<Departure> Put(Expert expert);
  absl::Status Forget(int64_t environment);  // NotFound

  // Writes a new version: what changed since the last, and `detector`. FailedPrecondition when
  // opened for reading; errors of the storage, after which the last version still stands.
  absl::Status Save(const StateVectors& detector);

 private:
  ExpertLibrary(std::unique_ptr<ExpertStorage> storage, const ExpertLibrarySpec& spec,
                const SpreadPrior& prior);

  absl::Status Load();
  void LoadExperts(const LibraryIndex& index, const std::vector<LibraryFile>& files);
  absl::Status RemoveOldFiles();
  Departure MakeRoom(int64_t staying);

  std::unique_ptr<ExpertStorage> storage_;
  ExpertLibrarySpec spec_;
  SpreadPrior prior_;
  int64_t version_ = 0;
  int64_t last_used_version_ = 0;  // the highest among all files, also of versions without index
  std::map<int64_t, Expert> experts_;
  std::map<int64_t, int64_t> saved_as_;  // environment -> version of its file; absent: changed
  StateVectors detector_;
  std::vector<std::string> warnings_;
};

}  // namespace reeve
