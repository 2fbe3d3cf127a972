// Packages, triggers and rules over the API.
#include <utility>

#include "controller/openwhisk_server/entity_list.h"
#include "controller/openwhisk_server/messages.h"
#include "controller/openwhisk_server/model.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;

absl::Status NotFound() {
  return absl::NotFoundError(std::string(messages::kNotFound));
}
absl::Status NotAllowed() {
  return absl::UnimplementedError(std::string(messages::kMethodNotAllowed));
}

}  // namespace

// ---- packages

json Model::WholePackage(const Package& package) const {
  json whole = ToJson(package);
  const EntityPath& of = package.binding ? *package.binding : package.path;
  if (package.binding) {
    if (const auto bound = packages_.find(of); bound != packages_.end()) {
      whole["parameters"] = MergeParameters(bound->second.parameters, package.parameters);
    }
  }
  whole["actions"] = json::array();
  whole["feeds"] = json::array();
  for (const auto& [path, action] : actions_) {
    if (path.ns != of.ns || path.package != of.name) continue;
    bool feed = false;
    for (const json& annotation : action.annotations) feed = feed || annotation["key"] == "feed";
    whole[feed ? "feeds" : "actions"].push_back({{"name", path.name},
                                                 {"version", action.version.ToString()},
                                                 {"annotations", action.annotations}});
  }
  return whole;
}

Model::Answered Model::PackagesCall(Call& call) {
  const std::string& method = call.request.method;
  if (call.rest.empty()) {
    if (method != "GET") return NotAllowed();
    // Of others, the public ones.
    std::map<EntityPath, Package> visible;
    for (const auto& [path, package] : packages_) {
      if (path.ns == call.ns && (call.ns == call.user || package.publish)) {
        visible.emplace(path, package);
      }
    }
    return ListEntities(call.request.query, "packages", visible, call.ns, std::nullopt,
                        [](const Package& package) { return Summary(package); });
  }
  if (call.rest.size() > 1) return absl::NotFoundError(std::string(messages::kNoSuchPath));
  RETURN_IF_ERROR(CheckEntityName(call.rest[0]));
  const EntityPath path{call.ns, "", call.rest[0]};
  if (method == "PUT") return PutPackageCall(call, path);
  const auto found = packages_.find(path);
  if (method == "GET") {
    RETURN_IF_ERROR(MayRead(call, path));
    if (found == packages_.end()) {
      RETURN_IF_ERROR(CheckCollection(path, "packages"));
      return NotFound();
    }
    return JsonAnswer(200, WholePackage(found->second));
  }
  if (method != "DELETE") return NotAllowed();
  RETURN_IF_ERROR(MayWrite(call, path));
  if (found == packages_.end()) return NotFound();
  ASSIGN_OR_RETURN(const bool force, BoolParameter(call.request.query, "force", false));
  std::vector<EntityPath> inside;
  for (const auto& [action, unused] : actions_) {
    if (action.ns == path.ns && action.package == path.name) inside.push_back(action);
  }
  if (!inside.empty() && !force) {
    return absl::AlreadyExistsError(messages::PackageNotEmpty(inside.size()));
  }
  for (const EntityPath& action : inside) RETURN_IF_ERROR(DeleteActionCall(call, action).status());
  const json shown = ToJson(found->second);
  packages_.erase(found);
  return JsonAnswer(200, shown);
}

Model::Answered Model::PutPackageCall(Call& call, const EntityPath& path) {
  RETURN_IF_ERROR(MayWrite(call, path));
  ASSIGN_OR_RETURN(const bool overwrite, BoolParameter(call.request.query, "overwrite", false));
  if (path.name == "default") {
    return absl::InvalidArgumentError(messages::PackageReserved(path.name));
  }
  const auto found = packages_.find(path);
  const bool exists = found != packages_.end();
  if (exists && !overwrite) return absl::AlreadyExistsError(std::string(messages::kExists));
  RETURN_IF_ERROR(CheckCollection(path, "packages"));
  Package changed;
  if (exists) changed = found->second;
  changed.path = path;
  RETURN_IF_ERROR(PutPackage(call.body, call.user, exists, changed));
  if (changed.binding) {
    RETURN_IF_ERROR(MayRead(call, *changed.binding));
    const auto bound = packages_.find(*changed.binding);
    if (bound == packages_.end()) {
      return absl::InvalidArgumentError(std::string(messages::kBindingMissing));
    }
    if (bound->second.binding || bound->first == path) {
      return absl::InvalidArgumentError(std::string(messages::kBindingToBinding));
    }
  }
  changed.updated_ms = WallMs(now());
  return JsonAnswer(200, ToJson(packages_[path] = std::move(changed)));
}

// ---- triggers

Model::Answered Model::TriggersCall(Call& call) {
  const std::string& method = call.request.method;
  if (call.ns != call.user) return absl::PermissionDeniedError(messages::NotAuthorized(call.ns));
  if (call.rest.empty()) {
    if (method != "GET") return NotAllowed();
    return ListEntities(call.request.query, "triggers", triggers_, call.ns, std::nullopt,
                        [](const Trigger& trigger) { return Summary(trigger); });
  }
  if (call.rest.size() > 1) return absl::NotFoundError(std::string(messages::kNoSuchPath));
  RETURN_IF_ERROR(CheckEntityName(call.rest[0]));
  const EntityPath path{call.ns, "", call.rest[0]};
  const auto found = triggers_.find(path);
  const bool exists = found != triggers_.end();
  if (method == "PUT") {
    ASSIGN_OR_RETURN(const bool overwrite, BoolParameter(call.request.query, "overwrite", false));
    if (exists && !overwrite) return absl::AlreadyExistsError(std::string(messages::kExists));
    RETURN_IF_ERROR(CheckCollection(path, "triggers"));
    Trigger changed;
    if (exists) changed = found->second;
    changed.path = path;
    RETURN_IF_ERROR(PutTrigger(call.body, exists, changed));
    changed.updated_ms = WallMs(now());
    return JsonAnswer(200, ToJson(triggers_[path] = std::move(changed)));
  }
  if (!exists) {
    RETURN_IF_ERROR(CheckCollection(path, "triggers"));
    return NotFound();
  }
  if (method == "GET") return JsonAnswer(200, ToJson(found->second));
  if (method == "POST") return Fire(call, found->second);
  if (method != "DELETE") return NotAllowed();
  const json shown = ToJson(found->second);
  triggers_.erase(found);
  return JsonAnswer(200, shown);
}

// ---- rules

bool Model::RuleActive(const Rule& rule) const {
  const auto trigger = triggers_.find(rule.trigger);
  if (trigger == triggers_.end()) return false;
  const auto link = trigger->second.rules.find(rule.path.Qualified());
  return link != trigger->second.rules.end() && link->second.active;
}

Model::Answered Model::RulesCall(Call& call) {
  const std::string& method = call.request.method;
  if (call.ns != call.user) return absl::PermissionDeniedError(messages::NotAuthorized(call.ns));
  if (call.rest.empty()) {
    if (method != "GET") return NotAllowed();
    return ListEntities(call.request.query, "rules", rules_, call.ns, std::nullopt,
                        [this](const Rule& rule) { return ToJson(rule, RuleActive(rule)); });
  }
  if (call.rest.size() > 1) return absl::NotFoundError(std::string(messages::kNoSuchPath));
  RETURN_IF_ERROR(CheckEntityName(call.rest[0]));
  const EntityPath path{call.ns, "", call.rest[0]};
  if (method == "PUT") return PutRuleCall(call, path);
  const auto found = rules_.find(path);
  if (found == rules_.end()) {
    RETURN_IF_ERROR(CheckCollection(path, "rules"));
    return NotFound();
  }
  if (method == "GET") return JsonAnswer(200, ToJson(found->second, RuleActive(found->second)));
  if (method == "POST") return SetRuleStatus(call, found->second);
  if (method != "DELETE") return NotAllowed();
  const json shown = ToJson(found->second, false);
  if (const auto trigger = triggers_.find(found->second.trigger); trigger != triggers_.end()) {
    trigger->second.rules.erase(path.Qualified());
  }
  rules_.erase(found);
  return JsonAnswer(200, shown);
}

Model::Answered Model::PutRuleCall(Call& call, const EntityPath& path) {
  ASSIGN_OR_RETURN(const bool overwrite, BoolParameter(call.request.query, "overwrite", false));
  const auto found = rules_.find(path);
  const bool exists = found != rules_.end();
  if (exists && !overwrite) return absl::AlreadyExistsError(std::string(messages::kExists));
  RETURN_IF_ERROR(CheckCollection(path, "rules"));
  Rule changed;
  if (exists) changed = found->second;
  changed.path = path;
  RETURN_IF_ERROR(PutRule(call.body, call.user, exists, changed));
  RETURN_IF_ERROR(MayRead(call, changed.action));
  if (changed.trigger.ns != call.user) {
    return absl::PermissionDeniedError(messages::NotAuthorized(changed.trigger.Qualified()));
  }
  const auto trigger = triggers_.find(changed.trigger);
  if (trigger == triggers_.end()) {
    return absl::InvalidArgumentError(
        fmt::format("trigger {} does not exist", changed.trigger.Qualified()));
  }
  if (!Resolve(changed.action).ok()) {
    return absl::InvalidArgumentError(
        fmt::format("action {} does not exist", changed.action.Qualified()));
  }
  const bool active = exists ? RuleActive(found->second) : true;
  if (exists) {
    const auto before = triggers_.find(found->second.trigger);
    if (before != triggers_.end()) before->second.rules.erase(path.Qualified());
  }
  trigger->second.rules[path.Qualified()] = {changed.action, active};
  changed.updated_ms = WallMs(now());
  return JsonAnswer(200, ToJson(rules_[path] = std::move(changed), active));
}

Model::Answered Model::SetRuleStatus(Call& call, const Rule& rule) {
  const std::string status =
      call.body.is_object() && call.body.contains("status") && call.body["status"].is_string()
          ? call.body["status"].get<std::string>()
          : "";
  if (status != "active" && status != "inactive") {
    return absl::InvalidArgumentError(
        messages::Malformed("'" + status + "' is not a recognized rule state"));
  }
  const auto trigger = triggers_.find(rule.trigger);
  if (trigger == triggers_.end()) {
    return absl::NotFoundError(std::string(messages::kRuleWithoutTrigger));
  }
  trigger->second.rules[rule.path.Qualified()] = {rule.action, status == "active"};
  return ServedAnswer{200, "OK"};
}

}  // namespace reeve::openwhisk_server
