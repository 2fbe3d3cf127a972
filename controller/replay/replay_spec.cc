#include "controller/replay/replay_spec.h"

#include "core/status.h"

namespace reeve {

absl::Status ReplayTargetSpec::Validate() const {
  if (url.empty()) {
    return absl::InvalidArgumentError(
        "url: say where requests go, as in http://127.0.0.1:8080/{function}");
  }
  if (kind == ReplayTargetKind::kOpenWhisk && key_file.empty() && key_files.empty()) {
    return absl::InvalidArgumentError(
        "key_file: OpenWhisk asks for a key; name a file that holds uuid:secret");
  }
  if (kind == ReplayTargetKind::kOpenWhisk && !token_file.empty()) {
    return absl::InvalidArgumentError("token_file: not for openwhisk, which has key_file");
  }
  if (kind != ReplayTargetKind::kOpenWhisk && (!key_file.empty() || !key_files.empty())) {
    return absl::InvalidArgumentError("key_file: for openwhisk only; others have token_file");
  }
  return absl::OkStatus();
}

absl::Status LiveReplaySpec::Validate() const {
  RETURN_IF_ERROR(target.Validate());
  if (from % SimTime::Minutes(1) != SimTime()) {
    return absl::InvalidArgumentError("from: it must be whole minutes");
  }
  return absl::OkStatus();
}

}  // namespace reeve
