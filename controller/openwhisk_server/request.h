// A request to the API as it is understood: where it goes, who sent it, what it asks for. Errors
// are statuses whose message is OpenWhisk's; ToAnswer gives them their HTTP status.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/serve/http_listener.h"
#include "core/units.h"

namespace reeve::openwhisk_server {

// "Basic dXNlcjpwYXNzd29yZA==" as "user:password"; nullopt: something else.
std::optional<std::string> BasicCredentials(std::string_view authorization);

// The steps of a path, decoded already: "/api/v1/namespaces/_/" is {"api", "v1", "namespaces", "_",
// ""}: a path that ends with a slash ends with an empty step.
std::vector<std::string> PathSteps(std::string_view path);

// Whether it may be the name of a namespace, package, action, trigger or rule.
bool IsEntityName(std::string_view name);
// InvalidArgument for what may not.
absl::Status CheckEntityName(std::string_view name);

// "/ns/name", "/ns/package/name"; without the leading slash it begins with the package or the name,
// in `ns`. "_" for a namespace is `ns`. InvalidArgument for anything else.
struct EntityPath {
  std::string ns, package, name;
  // "ns" or "ns/package".
  std::string Path() const { return package.empty() ? ns : ns + "/" + package; }
  std::string Qualified() const { return Path() + "/" + name; }
  auto operator<=>(const EntityPath&) const = default;
};
absl::StatusOr<EntityPath> ParseEntityPath(std::string_view text, std::string_view ns);

// The body as JSON; null where there is none. InvalidArgument when it is not JSON, or nested deeper
// than anybody needs.
absl::StatusOr<nlohmann::json> ParseBody(std::string_view body);

// Values of the query; absent ones are the default. InvalidArgument: not of the type.
absl::StatusOr<bool> BoolParameter(const std::string& query, const std::string& name,
                                   bool otherwise);
absl::StatusOr<std::optional<int64_t>> EpochParameter(const std::string& query,
                                                      const std::string& name);

// limit (0 means the most) and skip of a list.
struct ListRange {
  size_t limit = 30, skip = 0;
};
absl::StatusOr<ListRange> ParseListRange(const std::string& query, std::string_view collection);

// The HTTP status of an error: InvalidArgument 400, Unauthenticated 401, PermissionDenied 403,
// NotFound 404, Unimplemented 405, AlreadyExists and Aborted 409, OutOfRange 413,
// ResourceExhausted 429, Unavailable 503, else 500.
int HttpCode(const absl::Status& status);
// {"error": …, "code": transaction}.
ServedAnswer ToAnswer(const absl::Status& status, const std::string& transaction);
ServedAnswer JsonAnswer(int code, const nlohmann::json& body);

}  // namespace reeve::openwhisk_server
