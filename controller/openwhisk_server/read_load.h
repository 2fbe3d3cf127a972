// The workload that an OpenWhisk server plays by itself.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "controller/openwhisk_server/server_config.h"
#include "traces/trace.h"

namespace reeve::openwhisk_server {

// The workload of config.load, or null where there is none. A scenario's cluster takes the place of
// config.cluster if it scales on demand. Errors: those of the files.
absl::StatusOr<std::unique_ptr<const Trace>> ReadLoad(ServerConfig& config);

}  // namespace reeve::openwhisk_server
