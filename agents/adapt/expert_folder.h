// Experts as the files of a folder, with a file `lock` that is held by who writes.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agents/adapt/expert_storage.h"

namespace reeve {

// For writing, makes the folder where there is none; Unavailable while another process has it open
// for writing. For reading, a folder that is not there has no files.
absl::StatusOr<std::unique_ptr<ExpertStorage>> OpenExpertFolder(const std::string& folder,
                                                                ExpertStorage::Access access);

}  // namespace reeve
