// What a namespace holds: actions, packages, triggers, rules; how they are read from PUT requests
// and written in answers. Fields and their types are those of apiv1swagger.json and of the answers
// of a real server.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/openwhisk_server/request.h"
#include "controller/openwhisk_server/server_config.h"

namespace reeve::openwhisk_server {

struct SemVer {
  int64_t major = 0, minor = 0, patch = 1;
  std::string ToString() const;
  SemVer UpPatch() const { return {major, minor, patch + 1}; }
  bool operator==(const SemVer&) const = default;
};

// A list of {"key", "value"} with different keys. InvalidArgument: something else.
absl::Status CheckParameters(const nlohmann::json& parameters);
// Of `over` where both have it. Both as CheckParameters wants them.
nlohmann::json MergeParameters(const nlohmann::json& under, const nlohmann::json& over);
// {"key": value, …}, and what a request brings on top.
nlohmann::json ParameterObject(const nlohmann::json& parameters, const nlohmann::json& payload);

// What all entities have.
struct EntityHead {
  EntityPath path;
  SemVer version;
  bool publish = false;
  nlohmann::json annotations = nlohmann::json::array();
  int64_t updated_ms = 0;
};

struct ActionLimits {
  int64_t timeout_ms = 60000;
  int64_t memory_mb = 256;
  int64_t logs_mb = 10;
  int64_t concurrency = 1;
  std::optional<int64_t> instances;

  nlohmann::json ToJson() const;
  bool operator==(const ActionLimits&) const = default;
};

struct Action : EntityHead {
  nlohmann::json exec = nlohmann::json::object();
  nlohmann::json parameters = nlohmann::json::array();
  ActionLimits limits;

  // Who executes it.
  BehaviourSpec behaviour;
  uint32_t pool = 0;
  std::optional<uint32_t> execution;  // the executor's version; none of a sequence
  uint64_t drawn = 0;                 // activations whose work was drawn

  bool is_sequence() const;
  std::string kind() const;
};

struct Package : EntityHead {
  nlohmann::json parameters = nlohmann::json::array();
  std::optional<EntityPath> binding;
};

struct TriggerRule {
  EntityPath action;
  bool active = true;
};

struct Trigger : EntityHead {
  nlohmann::json parameters = nlohmann::json::array();
  std::map<std::string, TriggerRule> rules;  // by the rule's qualified name
};

struct Rule : EntityHead {
  EntityPath trigger, action;
};

// Changes of an entity, from a PUT's body: what is absent stays. All of them are read before any is
// made: on an error the entity is as it was. InvalidArgument says what the body may not have;
// OutOfRange what is too big.
absl::Status PutAction(const nlohmann::json& body, const SystemLimits& limits, bool exists,
                       Action& action);
absl::Status PutTrigger(const nlohmann::json& body, bool exists, Trigger& trigger);
// The binding is read, not resolved.
absl::Status PutPackage(const nlohmann::json& body, const std::string& ns, bool exists,
                        Package& package);
// `trigger` and `action` of the body, where given.
absl::Status PutRule(const nlohmann::json& body, const std::string& ns, bool exists, Rule& rule);

enum class CodeShown : uint8_t { kWhole, kNone };
nlohmann::json ToJson(const Action& action, CodeShown code);
nlohmann::json ToJson(const Package& package);  // without what it holds
nlohmann::json ToJson(const Trigger& trigger);
nlohmann::json ToJson(const Rule& rule, bool active);
// As lists show them.
nlohmann::json Summary(const Action& action);
nlohmann::json Summary(const Package& package);
nlohmann::json Summary(const Trigger& trigger);

}  // namespace reeve::openwhisk_server
