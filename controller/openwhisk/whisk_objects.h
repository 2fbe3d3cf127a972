// OpenWhisk's objects, read from JSON that somebody else wrote: whatever is in it, what comes out
// keeps what is said here.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/units.h"

namespace reeve {

// limits of an action; what its JSON does not say is the default of the server.
struct WhiskLimits {
  Mebibytes memory{256};             // >= 1
  int32_t concurrency = 1;           // >= 1, activations at once in a container
  std::optional<int32_t> instances;  // >= 1, containers at most; unset: no limit of its own
  SimTime timeout = SimTime::Minutes(1);

  bool operator==(const WhiskLimits&) const = default;
};

struct WhiskAction {
  std::string ns;       // "guest"; without the package
  std::string path;     // "hello" or "package/hello": what follows …/actions/
  std::string version;  // "0.0.3"
  WhiskLimits limits;
  bool sequence = false;              // it has no container of its own
  std::optional<int64_t> updated_ms;  // when this version was made, by the server's clock
  nlohmann::json annotations = nlohmann::json::array();  // of {key, value}
};

// One activation's record; times are of the server's clock, ms since 1970.
struct WhiskActivation {
  std::string id;
  std::string path;     // of its action, as WhiskAction::path
  std::string version;  // of its action
  int64_t start_ms = 0;
  std::optional<int64_t> end_ms;   // unset: it has not ended; else >= start_ms
  int32_t status_code = 0;         // 0 success, 1 application's, 2 developer's, 3 platform's error
  int64_t wait_ms = 0;             // >= 0: from the request to start_ms
  std::optional<int64_t> init_ms;  // >= 0: a container was initialised for it; part of end - start
  bool timeout = false;            // it was ended at its time limit

  int64_t arrival_ms() const { return start_ms - wait_ms; }
};

// An element of GET …/actions, or the answer of GET or PUT of one. InvalidArgument when it has no
// name.
absl::StatusOr<WhiskAction> ReadWhiskAction(const nlohmann::json& object);

// An element of GET …/activations, docs=false or true. nullopt where it is none of an action: a
// trigger's, a sequence's (its parts have records of their own), or not readable.
std::optional<WhiskActivation> ReadWhiskActivation(const nlohmann::json& object);

// The value of an annotation; null when there is none.
const nlohmann::json* WhiskAnnotation(const nlohmann::json& annotations, std::string_view key);

// What limits may be set to, as far as the server tells: GET / and GET /namespaces/_/limits.
struct WhiskBounds {
  std::optional<Mebibytes> min_memory, max_memory;
  std::optional<int32_t> min_concurrency, max_concurrency;
  std::optional<int32_t> max_instances;
  std::optional<int32_t> concurrent_invocations, invocations_per_minute;
};
// Narrows `bounds` by what an answer says: `limits` of GET /, with bytes, and after it the limits
// of a namespace, with megabytes, in the names of all releases. Anything else is passed over.
void ReadWhiskBounds(const nlohmann::json& answer, WhiskBounds& bounds);

// The text of an error answer, {"error": …, "code": …}, at most 500 bytes; for any bytes.
std::string WhiskErrorText(std::string_view body);

}  // namespace reeve
