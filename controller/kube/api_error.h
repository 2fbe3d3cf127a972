// What the Kubernetes API says when it refuses, as absl::Status.
//
//   HTTP  reason            code here           what follows for a caller
//   400   BadRequest        InvalidArgument     permanent: do not repeat
//   401   Unauthorized      Unauthenticated     credentials are read anew, then once more
//   403   Forbidden         PermissionDenied    a right is missing: go on without it
//   404   NotFound          NotFound            the object is gone
//   409   AlreadyExists     AlreadyExists
//   409   Conflict, others  Aborted             read again, decide again
//   410   Expired, Gone     OutOfRange          list again
//   413                     InvalidArgument     permanent
//   422   Invalid           InvalidArgument     permanent: a validation or an admission refused it
//   429   TooManyRequests   ResourceExhausted   wait (retry_after), then again
//   5xx                     Unavailable         wait, then again
// Everything else is Internal: no API server answers so.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/units.h"

namespace reeve {

// A Status object (kind: Status), or what can be made of another body.
struct ApiError {
  int code = 0;         // HTTP
  std::string reason;   // "NotFound"; derived from the code when the body has none
  std::string message;  // for people, at most 1000 bytes of it
  std::optional<SimTime> retry_after;
};

// Any bytes do as a body.
ApiError ParseApiError(int http_status, std::string_view body);
// The same of a body that has been parsed; any JSON does.
ApiError ReadApiError(int http_status, const nlohmann::json& body);

// `what` names what was tried: "PATCH revisions default/hello-00001".
absl::Status ToStatus(const ApiError& error, std::string_view what);

}  // namespace reeve
