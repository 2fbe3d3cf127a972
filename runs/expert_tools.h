// Work on a library of experts (agents/adapt/expert_library.h) while nothing learns with it: what
// `reeve experts` does beside showing (runs/expert_report.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/detector_state.h"
#include "agents/adapt/expert_library.h"
#include "agents/adapt/expert_storage.h"

namespace reeve {

// A library that is there (NotFound). For changing, nothing departs and no version is removed for
// want of room: what a run keeps is for the run to say. Contexts are compared as the library's last
// version did. Unavailable while another process has it open for writing.
absl::StatusOr<ExpertLibrary> OpenLibraryToRead(const ExpertStorageOpener& open);
absl::StatusOr<ExpertLibrary> OpenLibraryToChange(const ExpertStorageOpener& open);

// What its detector knew when it was saved; no environments where no state is stored. An error when
// the state is of no detector.
absl::StatusOr<DetectorOverview> DetectorOf(const ExpertLibrary& library);

// OutOfRange: "out/lib: no expert 9; there are 0 (calm), 1".
absl::StatusOr<const Expert*> ExpertOf(const ExpertLibrary& library, int64_t environment);

struct ImportOptions {
  std::string path;
  int64_t environment = kNoEnvironment;
  std::string label;     // empty: that of the expert it replaces
  bool replace = false;  // an expert of this environment
};
// Takes the policy or training of a file in as the expert of an environment, and saves. It has the
// contexts, visits and times of the expert that it replaces, or what the detector knows of the
// environment. Makes the library where there is none. Returns a sentence that says what was done.
// AlreadyExists where the environment has an expert and `replace` is not set; errors of
// ImportExpert.
absl::StatusOr<std::string> ImportIntoLibrary(const ExpertStorageOpener& open,
                                              const ImportOptions& options,
                                              std::vector<std::string>& warnings);

// Drops the experts of these environments, all or none, and saves. The stored state of the detector
// forgets them as well, unless `expert_only`: then they stay known, and begin anew with a new
// expert when they return. Returns a sentence for each. OutOfRange for an environment that neither
// has an expert nor is known; FailedPrecondition where the detector has one in force.
absl::StatusOr<std::vector<std::string>> ForgetInLibrary(const ExpertStorageOpener& open,
                                                         const std::vector<int64_t>& environments,
                                                         bool expert_only,
                                                         std::vector<std::string>& warnings);

}  // namespace reeve
