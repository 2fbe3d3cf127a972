#include "controller/kube/api_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/kube/json_reading.h"

namespace reeve {
namespace {

constexpr size_t kLongestMessage = 1000;

std::string ReasonOf(int code) {
  switch (code) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "RequestEntityTooLarge";
    case 422:
      return "Invalid";
    case 429:
      return "TooManyRequests";
    case 503:
      return "ServiceUnavailable";
    case 504:
      return "Timeout";
    default:
      return fmt::format("HTTP {}", code);
  }
}

// Text that is safe in one line of a log, whatever bytes a peer sends.
std::string OneLine(std::string_view text) {
  std::string line(text.substr(0, kLongestMessage));
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80) c = '?';
  }
  return line;
}

absl::StatusCode CodeOf(const ApiError& error) {
  switch (error.code) {
    case 400:
    case 413:
    case 415:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 409:
      return error.reason == "AlreadyExists" ? absl::StatusCode::kAlreadyExists
                                             : absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    default:
      return error.code >= 500 ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal;
  }
}

std::string_view AdviceOf(int code) {
  switch (code) {
    case 401:
      return "; the token or certificate is not accepted: check the kubeconfig or the service "
             "account";
    case 403:
      return "; the account lacks this right: see deploy/base/rbac.yaml";
    default:
      return "";
  }
}

}  // namespace

ApiError ReadApiError(int http_status, const nlohmann::json& body) {
  ApiError error{.code = http_status, .reason = "", .message = "", .retry_after = std::nullopt};
  if (TextAt(body, "kind") == "Status") {
    error.reason = OneLine(TextAt(body, "reason"));
    error.message = OneLine(TextAt(body, "message"));
    // In the events of a watch the HTTP status says nothing, the object does.
    const int64_t code = IntegerAt(body, "code").value_or(0);
    if (http_status < 400 && code >= 400 && code < 600) error.code = static_cast<int>(code);
    const int64_t seconds = IntegerAt(body, "details.retryAfterSeconds").value_or(0);
    if (seconds > 0) error.retry_after = SimTime::Seconds(std::min<int64_t>(seconds, 24 * 3600));
  }
  if (error.reason.empty()) error.reason = ReasonOf(error.code);
  return error;
}

ApiError ParseApiError(int http_status, std::string_view body) {
  const nlohmann::json parsed = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  ApiError error = ReadApiError(http_status, parsed);
  // A proxy, a load balancer or an admission plugin that speaks plain text.
  if (TextAt(parsed, "kind") != "Status") error.message = OneLine(body);
  return error;
}

absl::Status ToStatus(const ApiError& error, std::string_view what) {
  return absl::Status(CodeOf(error), fmt::format("{}: {} {}{}{}{}", what, error.code, error.reason,
                                                 error.message.empty() ? "" : ": ", error.message,
                                                 AdviceOf(error.code)));
}

}  // namespace reeve
