// Objects of the API as people write them: YAML documents.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace reeve {

// The maps among a file's documents, in order. Quoted scalars are texts; of the others true, false
// and integers are what they look like. Errors name the file, and the line where YAML is broken.
absl::StatusOr<std::vector<nlohmann::json>> ReadYamlObjects(const std::string& path);

}  // namespace reeve
