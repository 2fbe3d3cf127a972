#include "controller/openwhisk_server/entities.h"

#include <charconv>
#include <set>
#include <utility>
#include <vector>

#include "controller/openwhisk_server/messages.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;

absl::Status Malformed(std::string_view why) {
  return absl::InvalidArgumentError(messages::Malformed(why));
}
// As Scala's require says it.
absl::Status Requirement(std::string_view why) {
  return Malformed(fmt::format("requirement failed: {}", why));
}

const json* Member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

absl::StatusOr<SemVer> ParseVersion(const json& value) {
  const absl::Status wrong = Malformed("semantic version not valid");
  if (!value.is_string()) return wrong;
  const std::string text = value.get<std::string>();
  std::vector<int64_t> parts;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    int64_t part = 0;
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc() || part < 0 || part > 1'000'000'000) return wrong;
    parts.push_back(part);
    if (next == end) break;
    if (*next != '.' || parts.size() == 3) return wrong;
    at = next + 1;
  }
  parts.resize(3);
  return SemVer{parts[0], parts[1], parts[2]};
}

absl::StatusOr<int64_t> WholeNumber(const json& value, std::string_view what) {
  if (value.is_number_integer()) {
    if (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX) {
      return Malformed(fmt::format("{} limit malformed", what));
    }
    return value.get<int64_t>();
  }
  if (value.is_number_float()) {
    return Requirement(fmt::format("{} limit must be whole number", what));
  }
  return Malformed(fmt::format("{} limit malformed", what));
}

// Reads version, publish and annotations into `head`; the version goes up where none is given.
absl::Status ReadHead(const json& body, bool exists, EntityHead& head) {
  if (!body.is_object() && !body.is_null()) return Malformed("Object expected");
  head.version = exists ? head.version.UpPatch() : SemVer();
  if (body.is_null()) return absl::OkStatus();
  if (const json* version = Member(body, "version")) {
    ASSIGN_OR_RETURN(head.version, ParseVersion(*version));
  }
  if (const json* publish = Member(body, "publish")) {
    if (!publish->is_boolean()) return Malformed("publish must be a boolean");
    head.publish = publish->get<bool>();
  }
  if (const json* annotations = Member(body, "annotations")) {
    RETURN_IF_ERROR(CheckParameters(*annotations));
    head.annotations = *annotations;
  }
  return absl::OkStatus();
}

absl::Status ReadParameters(const json& body, json& parameters) {
  if (body.is_null()) return absl::OkStatus();
  if (const json* given = Member(body, "parameters")) {
    RETURN_IF_ERROR(CheckParameters(*given));
    parameters = *given;
  }
  return absl::OkStatus();
}

// Upstream holds memory and log limits against thresholds in bytes, and names those so.
absl::StatusOr<int64_t> Megabytes(const json& value, std::string_view what, Mebibytes min,
                                  Mebibytes max) {
  ASSIGN_OR_RETURN(const int64_t mb, WholeNumber(value, what));
  if (mb < min.value()) {
    return Requirement(
        fmt::format("{} {} MB below allowed threshold of {} B", what, mb, min.value() * 1048576));
  }
  if (mb > max.value()) {
    return Requirement(
        fmt::format("{} {} MB exceeds allowed threshold of {} B", what, mb, max.value() * 1048576));
  }
  return mb;
}

absl::Status ReadLimits(const json& given, const SystemLimits& system, ActionLimits& limits) {
  if (!given.is_object()) return Malformed("limits must be an object");
  if (const json* timeout = Member(given, "timeout")) {
    ASSIGN_OR_RETURN(limits.timeout_ms, WholeNumber(*timeout, "time"));
    const int64_t min = system.timeout_min.micros() / 1000,
                  max = system.timeout_max.micros() / 1000;
    if (limits.timeout_ms < min) {
      return Requirement(
          fmt::format("duration {} milliseconds below allowed threshold of {} "
                      "milliseconds",
                      limits.timeout_ms, min));
    }
    if (limits.timeout_ms > max) {
      return Requirement(
          fmt::format("duration {} milliseconds exceeds allowed threshold of {} "
                      "milliseconds",
                      limits.timeout_ms, max));
    }
  }
  if (const json* memory = Member(given, "memory")) {
    ASSIGN_OR_RETURN(limits.memory_mb,
                     Megabytes(*memory, "memory", system.memory_min, system.memory_max));
  }
  if (const json* logs = Member(given, "logs")) {
    ASSIGN_OR_RETURN(limits.logs_mb, Megabytes(*logs, "log", system.logs_min, system.logs_max));
  }
  if (const json* concurrency = Member(given, "concurrency")) {
    ASSIGN_OR_RETURN(limits.concurrency, WholeNumber(*concurrency, "concurrency"));
    if (limits.concurrency < system.concurrency_min) {
      return Requirement(fmt::format("concurrency {} below allowed threshold of {}",
                                     limits.concurrency, system.concurrency_min));
    }
    if (limits.concurrency > system.concurrency_max) {
      return Requirement(fmt::format("concurrency {} exceeds allowed threshold of {}",
                                     limits.concurrency, system.concurrency_max));
    }
  }
  if (const json* instances = Member(given, "instances")) {
    ASSIGN_OR_RETURN(const int64_t count, WholeNumber(*instances, "instances"));
    if (count < 1 || count > 100000) {
      return Requirement(fmt::format("instances {} not between 1 and 100000", count));
    }
    limits.instances = count;
  }
  return absl::OkStatus();
}

absl::Status ReadExec(const json& given, const std::string& ns, const SystemLimits& system,
                      json& exec) {
  if (!given.is_object()) return Malformed("exec must be an object");
  const json* kind = Member(given, "kind");
  if (kind == nullptr || !kind->is_string()) {
    return Malformed("'kind' must be a string defined in 'exec'");
  }
  const std::string name = kind->get<std::string>();
  exec = json::object();
  if (name == "sequence") {
    const json* components = Member(given, "components");
    if (components == nullptr || !components->is_array()) {
      return Malformed("'components' must be defined for sequence kind");
    }
    if (components->empty()) {
      return absl::InvalidArgumentError(std::string(messages::kSequenceEmpty));
    }
    if (components->size() > static_cast<size_t>(system.sequence_length)) {
      return absl::InvalidArgumentError(std::string(messages::kSequenceTooLong));
    }
    json resolved = json::array();
    for (const json& component : *components) {
      if (!component.is_string()) return Malformed("fully qualified name must be a string");
      ASSIGN_OR_RETURN(const EntityPath path, ParseEntityPath(component.get<std::string>(), ns));
      resolved.push_back("/" + path.Qualified());
    }
    exec = {{"kind", "sequence"}, {"components", std::move(resolved)}};
    return absl::OkStatus();
  }
  const bool black_box = name == "blackbox";
  const json* code = Member(given, "code");
  if (!black_box && (code == nullptr || !(code->is_string() || code->is_object()))) {
    return Malformed(fmt::format(
        "'code' must be a string or attachment object defined in 'exec' for '{}' actions", name));
  }
  const json* image = Member(given, "image");
  if (black_box && (image == nullptr || !image->is_string())) {
    return Malformed("'image' must be a string defined in 'exec' for 'blackbox' actions");
  }
  const size_t size =
      code != nullptr && code->is_string() ? code->get_ref<const std::string&>().size() : 0;
  const auto allowed = static_cast<uint64_t>(system.code_size.value()) << 20;
  if (size > allowed) return absl::OutOfRangeError(messages::TooBig("Code", size, allowed));
  // nodejs:default stands for the newest one.
  exec["kind"] =
      name.ends_with(":default") ? (name == "nodejs:default" ? "nodejs:20" : name) : name;
  if (code != nullptr) exec["code"] = *code;
  if (image != nullptr) exec["image"] = *image;
  if (const json* main = Member(given, "main")) exec["main"] = *main;
  // Archives come as Base64, which no program looks like.
  const json* binary = Member(given, "binary");
  const bool archive = code != nullptr && code->is_string() &&
                       code->get_ref<const std::string&>().starts_with("UEsDB");
  exec["binary"] = binary != nullptr && binary->is_boolean() ? binary->get<bool>() : archive;
  return absl::OkStatus();
}

void SetAnnotation(json& annotations, const char* key, const json& value) {
  for (json& annotation : annotations) {
    if (annotation["key"] == key) {
      annotation["value"] = value;
      return;
    }
  }
  annotations.push_back({{"key", key}, {"value", value}});
}

json PathAndName(const EntityPath& path) {
  return {{"path", path.Path()}, {"name", path.name}};
}

json HeadJson(const EntityHead& head) {
  return {{"namespace", head.path.Path()},      {"name", head.path.name},
          {"version", head.version.ToString()}, {"publish", head.publish},
          {"annotations", head.annotations},    {"updated", head.updated_ms}};
}

}  // namespace

std::string SemVer::ToString() const {
  return fmt::format("{}.{}.{}", major, minor, patch);
}

absl::Status CheckParameters(const json& parameters) {
  const absl::Status wrong = Malformed("parameters malformed!");
  if (!parameters.is_array()) return wrong;
  std::set<std::string> keys;
  for (const json& parameter : parameters) {
    if (!parameter.is_object()) return wrong;
    const auto key = parameter.find("key");
    if (key == parameter.end() || !key->is_string() || !parameter.contains("value")) return wrong;
    if (!keys.insert(key->get<std::string>()).second) return wrong;
  }
  return absl::OkStatus();
}

json MergeParameters(const json& under, const json& over) {
  json merged = over;
  for (const json& parameter : under) {
    bool replaced = false;
    for (const json& other : over) replaced = replaced || other["key"] == parameter["key"];
    if (!replaced) merged.push_back(parameter);
  }
  return merged;
}

json ParameterObject(const json& parameters, const json& payload) {
  json object = json::object();
  for (const json& parameter : parameters) {
    object[parameter["key"].get<std::string>()] = parameter["value"];
  }
  if (payload.is_object()) object.update(payload);
  return object;
}

json ActionLimits::ToJson() const {
  json limits = {{"timeout", timeout_ms},
                 {"memory", memory_mb},
                 {"logs", logs_mb},
                 {"concurrency", concurrency}};
  if (instances) limits["instances"] = *instances;
  return limits;
}

bool Action::is_sequence() const {
  return kind() == "sequence";
}

std::string Action::kind() const {
  const auto found = exec.find("kind");
  return found == exec.end() ? "" : found->get<std::string>();
}

absl::Status PutAction(const json& body, const SystemLimits& limits, bool exists, Action& action) {
  Action changed = action;
  RETURN_IF_ERROR(ReadHead(body, exists, changed));
  const json* exec = body.is_object() ? Member(body, "exec") : nullptr;
  if (exec != nullptr) {
    const bool was_sequence = action.is_sequence();
    RETURN_IF_ERROR(ReadExec(*exec, changed.path.ns, limits, changed.exec));
    if (was_sequence) changed.parameters = json::array();
  } else if (!exists) {
    return absl::InvalidArgumentError(std::string(messages::kExecUndefined));
  }
  RETURN_IF_ERROR(ReadParameters(body, changed.parameters));
  if (body.is_object()) {
    if (const json* given = Member(body, "limits")) {
      RETURN_IF_ERROR(ReadLimits(*given, limits, changed.limits));
    }
    if (const json* gone = Member(body, "delAnnotations"); gone != nullptr && gone->is_array()) {
      json kept = json::array();
      for (const json& annotation : changed.annotations) {
        bool stays = true;
        for (const json& key : *gone) stays = stays && annotation["key"] != key;
        if (stays) kept.push_back(annotation);
      }
      changed.annotations = std::move(kept);
    }
  }
  SetAnnotation(changed.annotations, "exec", changed.kind());
  action = std::move(changed);
  return absl::OkStatus();
}

absl::Status PutTrigger(const json& body, bool exists, Trigger& trigger) {
  Trigger changed = trigger;
  RETURN_IF_ERROR(ReadHead(body, exists, changed));
  RETURN_IF_ERROR(ReadParameters(body, changed.parameters));
  for (const json& annotation : changed.annotations) {
    if (annotation["key"] != "feed") continue;
    if (!annotation["value"].is_string() ||
        !ParseEntityPath(annotation["value"].get<std::string>(), changed.path.ns).ok()) {
      return absl::InvalidArgumentError("Feed name is not valid");
    }
  }
  trigger = std::move(changed);
  return absl::OkStatus();
}

absl::Status PutPackage(const json& body, const std::string& ns, bool exists, Package& package) {
  Package changed = package;
  RETURN_IF_ERROR(ReadHead(body, exists, changed));
  RETURN_IF_ERROR(ReadParameters(body, changed.parameters));
  const json* binding = body.is_object() ? Member(body, "binding") : nullptr;
  if (binding != nullptr && !binding->empty()) {
    if (exists && !package.binding) {
      return absl::AlreadyExistsError(std::string(messages::kBecomeBinding));
    }
    if (!binding->is_object()) return Malformed("binding must be an object");
    const json* of_ns = Member(*binding, "namespace");
    const json* name = Member(*binding, "name");
    if (name == nullptr || !name->is_string() || (of_ns != nullptr && !of_ns->is_string())) {
      return Malformed("binding must have a namespace and a name");
    }
    std::string whole = of_ns == nullptr ? ns : of_ns->get<std::string>();
    ASSIGN_OR_RETURN(changed.binding,
                     ParseEntityPath("/" + whole + "/" + name->get<std::string>(), ns));
    if (!changed.binding->package.empty()) {
      return absl::InvalidArgumentError(std::string(messages::kMalformedName));
    }
  }
  package = std::move(changed);
  return absl::OkStatus();
}

absl::Status PutRule(const json& body, const std::string& ns, bool exists, Rule& rule) {
  Rule changed = rule;
  RETURN_IF_ERROR(ReadHead(body, exists, changed));
  for (const auto& [key, path] : {std::pair<const char*, EntityPath*>{"trigger", &changed.trigger},
                                  {"action", &changed.action}}) {
    const json* given = body.is_object() ? Member(body, key) : nullptr;
    if (given == nullptr) {
      if (exists) continue;
      return absl::InvalidArgumentError(std::string(messages::kRuleIncomplete));
    }
    if (given->is_string()) {
      ASSIGN_OR_RETURN(*path, ParseEntityPath(given->get<std::string>(), ns));
    } else if (given->is_object() && given->contains("path") && given->contains("name") &&
               (*given)["path"].is_string() && (*given)["name"].is_string()) {
      ASSIGN_OR_RETURN(*path, ParseEntityPath("/" + (*given)["path"].get<std::string>() + "/" +
                                                  (*given)["name"].get<std::string>(),
                                              ns));
    } else {
      return Malformed(fmt::format("{} must be a fully qualified name", key));
    }
  }
  rule = std::move(changed);
  return absl::OkStatus();
}

json ToJson(const Action& action, CodeShown code) {
  json j = HeadJson(action);
  j["exec"] = action.exec;
  if (code == CodeShown::kNone) j["exec"].erase("code");
  j["parameters"] = action.parameters;
  j["limits"] = action.limits.ToJson();
  return j;
}

json ToJson(const Package& package) {
  json j = HeadJson(package);
  j["parameters"] = package.parameters;
  j["binding"] = json::object();
  if (package.binding) {
    j["binding"] = {{"namespace", package.binding->ns}, {"name", package.binding->name}};
  }
  return j;
}

json ToJson(const Trigger& trigger) {
  json j = HeadJson(trigger);
  j["parameters"] = trigger.parameters;
  j["limits"] = json::object();
  j["rules"] = json::object();
  for (const auto& [name, rule] : trigger.rules) {
    j["rules"][name] = {{"action", PathAndName(rule.action)},
                        {"status", rule.active ? "active" : "inactive"}};
  }
  return j;
}

json ToJson(const Rule& rule, bool active) {
  json j = HeadJson(rule);
  j["trigger"] = PathAndName(rule.trigger);
  j["action"] = PathAndName(rule.action);
  j["status"] = active ? "active" : "inactive";
  return j;
}

json Summary(const Action& action) {
  json j = HeadJson(action);
  j["exec"] = {{"binary", action.exec.value("binary", false)}};
  j["limits"] = action.limits.ToJson();
  return j;
}

json Summary(const Package& package) {
  json j = ToJson(package);
  j.erase("parameters");
  if (!package.binding) j["binding"] = false;
  return j;
}

json Summary(const Trigger& trigger) {
  return HeadJson(trigger);
}

}  // namespace reeve::openwhisk_server
