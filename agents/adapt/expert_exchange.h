// Experts out of a library and into one, as files of policies.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/expert_library.h"

namespace reeve {

// Writes what acts (SavePolicy) or, with `training`, everything (SaveTraining). NotFound when there
// is no such expert.
absl::Status ExportExpert(const ExpertLibrary& library, int64_t environment, bool training,
                          const std::string& path);

// The policy or training of a file as an expert of `environment`, without contexts or history, its
// exploration over. A policy's file has no critic: that of the library's expert with the same
// networks that learned longest takes its place; InvalidArgument where there is none.
absl::StatusOr<Expert> ImportExpert(const ExpertLibrary& library, int64_t environment,
                                    const std::string& path);

}  // namespace reeve
