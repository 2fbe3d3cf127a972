// Actions: reading, changing, deleting, invoking by name.
#include <algorithm>
#include <set>
#include <utility>

#include "controller/openwhisk_server/entity_list.h"
#include "controller/openwhisk_server/messages.h"
#include "controller/openwhisk_server/model.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;

constexpr int kDeepest = 32;  // sequences within sequences
constexpr int64_t kLongestWaitMs = 60000;

// A function's name as one that an action may have.
std::string ActionName(const std::string& function) {
  std::string name = function;
  for (char& c : name) {
    if (!IsEntityName(std::string("x") + c + "x")) c = '_';
  }
  if (!IsEntityName(name)) name = "f" + name;
  while (!name.empty() && !IsEntityName(name) && name.back() == ' ') name.pop_back();
  return name;
}

}  // namespace

// Those of the configuration, of the load, and OpenWhisk's own samples.
absl::Status Model::MakeActions(std::unique_ptr<const Trace> load) {
  struct Made {
    EntityPath path;
    ActionSpec spec;
    uint32_t pool;
  };
  std::vector<Made> made;
  const auto own_pool = [&](const EntityPath& path, const BehaviourSpec& behaviour) {
    const uint32_t pool = static_cast<uint32_t>(pool_specs_.size());
    pools_[path] = pool;
    pool_specs_.push_back({path.ns,
                           path.package.empty() ? path.name : path.package + "/" + path.name,
                           behaviour, config_.versions});
    return pool;
  };
  for (const auto& [name, spec] : config_.actions) {
    ASSIGN_OR_RETURN(const EntityPath path, ParseEntityPath("/" + name, ""));
    made.push_back({path, spec, own_pool(path, spec.behaviour)});
  }
  if (load != nullptr) {
    load_.trace = std::move(load);
    load_.begin = config_.load.begin_after;
    for (const FunctionProfile& profile : load_.trace->functions()) {
      const EntityPath path{config_.load.ns, "", ActionName(profile.name)};
      load_.actions.push_back(path);
      if (pools_.contains(path)) {
        const bool configured = config_.actions.contains(path.ns + "/" + path.name);
        if (configured && std::count(load_.actions.begin(), load_.actions.end(), path) == 1) {
          continue;  // the configuration says how it behaves
        }
        return absl::InvalidArgumentError(
            fmt::format("load: two functions of the workload would be the action '{}'", path.name));
      }
      ActionSpec spec;
      spec.behaviour = config_.behaviour;
      spec.behaviour.duration_ms = profile.duration_ms;
      if (profile.cold_start_ms) spec.behaviour.cold_start_ms = profile.cold_start_ms;
      if (profile.memory.value() > 0) {
        spec.memory =
            std::clamp(profile.memory, config_.limits.memory_min, config_.limits.memory_max);
      }
      spec.timeout = config_.limits.timeout_max;
      made.push_back({path, spec, own_pool(path, spec.behaviour)});
    }
    load_.source = MakeArrivalSource(*load_.trace, {config_.seed, config_.load.within_minute});
    load_.done = load_.trace->total_invocations() == 0;
    ReadLoad();
  }
  // The last pool is everybody else's.
  pool_specs_.push_back({"clients", "any", config_.behaviour, config_.client_versions});
  const uint32_t clients = static_cast<uint32_t>(pool_specs_.size() - 1);
  for (const char* name : {"echo", "cat", "date", "head", "sort", "split"}) {
    made.push_back({{"whisk.system", "utils", name}, {}, clients});
  }
  executor_ =
      std::make_unique<Executor>(config_.cluster, pool_specs_, config_.init_share, config_.seed,
                                 [this](const Execution& execution) { OnExecution(execution); });
  for (const Made& m : made) AddAction(m.path, m.spec, m.pool);
  return absl::OkStatus();
}

void Model::AddAction(EntityPath path, const ActionSpec& spec, uint32_t pool) {
  if (!path.package.empty()) {
    Package& package = packages_[{path.ns, "", path.package}];
    package.path = {path.ns, "", path.package};
    package.updated_ms = WallMs(now());
    package.publish = path.ns == "whisk.system";
  }
  const SystemLimits& limits = config_.limits;
  Action action;
  action.path = path;
  action.updated_ms = WallMs(now());
  action.exec = {{"kind", spec.kind}, {"code", "simulated"}, {"binary", false}};
  action.annotations = json::array({{{"key", "exec"}, {"value", spec.kind}}});
  action.limits.memory_mb = spec.memory.value_or(limits.memory_std).value();
  action.limits.timeout_ms = spec.timeout.value_or(limits.timeout_std).micros() / 1000;
  action.limits.logs_mb = limits.logs_std.value();
  action.limits.concurrency = spec.concurrency.value_or(limits.concurrency_std);
  if (spec.instances) action.limits.instances = *spec.instances;
  action.behaviour = spec.behaviour;
  action.pool = pool;
  Action& there = actions_[path] = std::move(action);
  Publish(there);
}

void Model::Publish(Action& action) {
  if (action.execution) executor_->Retire(*action.execution);
  action.execution.reset();
  if (action.is_sequence()) return;
  VersionLimits limits;
  limits.memory = Mebibytes(action.limits.memory_mb);
  limits.concurrency = static_cast<int32_t>(action.limits.concurrency);
  if (action.limits.instances) limits.instances = static_cast<int32_t>(*action.limits.instances);
  action.execution = executor_->AddVersion(action.pool, limits);
}

Model::Answered Model::ActionsCall(Call& call) {
  const std::string& method = call.request.method;
  const absl::Status not_allowed =
      absl::UnimplementedError(std::string(messages::kMethodNotAllowed));
  const auto summary = [](const Action& action) { return Summary(action); };
  if (call.rest.empty()) {
    if (method != "GET") return not_allowed;
    if (call.ns != call.user) return absl::PermissionDeniedError(messages::NotAuthorized(call.ns));
    return ListEntities(call.request.query, "actions", actions_, call.ns, std::nullopt, summary);
  }
  for (size_t i = 0; i < call.rest.size(); ++i) {
    if (i == 1 && call.rest[i].empty()) continue;
    RETURN_IF_ERROR(CheckEntityName(call.rest[i]));
  }
  if (call.rest.size() > 2) return absl::NotFoundError(std::string(messages::kNoSuchPath));
  if (call.rest.size() == 2 && call.rest[1].empty()) {
    if (method != "GET") return not_allowed;
    const EntityPath package{call.ns, "", call.rest[0]};
    RETURN_IF_ERROR(MayRead(call, package));
    const auto found = packages_.find(package);
    if (found == packages_.end()) return absl::NotFoundError(std::string(messages::kNotFound));
    const EntityPath& of = found->second.binding ? *found->second.binding : package;
    return ListEntities(call.request.query, "actions", actions_, of.ns, of.name, summary);
  }
  EntityPath path{call.ns, "", call.rest.back()};
  if (call.rest.size() == 2) path.package = call.rest[0];
  if (method == "PUT") return PutActionCall(call, path);
  if (method == "DELETE") return DeleteActionCall(call, path);
  if (method == "POST") return InvokeCall(call, path);
  if (method != "GET") return not_allowed;
  RETURN_IF_ERROR(MayRead(call, path));
  ASSIGN_OR_RETURN(const bool code, BoolParameter(call.request.query, "code", true));
  ASSIGN_OR_RETURN(const Resolved resolved, Resolve(path));
  json shown = ToJson(*resolved.action, code ? CodeShown::kWhole : CodeShown::kNone);
  shown["parameters"] = resolved.parameters;
  return JsonAnswer(200, shown);
}

absl::StatusOr<Model::Resolved> Model::Resolve(const EntityPath& path) const {
  Resolved resolved;
  resolved.path = path;
  json inherited = json::array();
  if (!path.package.empty()) {
    auto package = packages_.find({path.ns, "", path.package});
    if (package == packages_.end()) return absl::NotFoundError(std::string(messages::kNotFound));
    inherited = package->second.parameters;
    if (package->second.binding) {
      const EntityPath& to = *package->second.binding;
      package = packages_.find(to);
      if (package == packages_.end()) {
        return absl::NotFoundError(std::string(messages::kNotFound));
      }
      inherited = MergeParameters(package->second.parameters, inherited);
      resolved.path = {to.ns, to.name, path.name};
    }
  }
  const auto action = actions_.find(resolved.path);
  if (action == actions_.end()) {
    const bool elsewhere = path.package.empty() && !CheckCollection(path, "actions").ok();
    if (elsewhere) return absl::AlreadyExistsError(std::string(messages::kConformance));
    return absl::NotFoundError(std::string(messages::kNotFound));
  }
  resolved.action = &action->second;
  resolved.parameters = MergeParameters(inherited, action->second.parameters);
  return resolved;
}

Model::Answered Model::PutActionCall(Call& call, const EntityPath& path) {
  RETURN_IF_ERROR(MayWrite(call, path));
  ASSIGN_OR_RETURN(const bool overwrite, BoolParameter(call.request.query, "overwrite", false));
  if (!path.package.empty()) {
    const auto package = packages_.find({path.ns, "", path.package});
    if (package == packages_.end()) return absl::NotFoundError(std::string(messages::kNotFound));
    if (package->second.binding) {
      return absl::InvalidArgumentError(std::string(messages::kNotOnBinding));
    }
  }
  const auto found = actions_.find(path);
  const bool exists = found != actions_.end();
  if (exists && !overwrite) return absl::AlreadyExistsError(std::string(messages::kExists));
  RETURN_IF_ERROR(CheckCollection(path, "actions"));
  Action changed;
  if (exists) {
    changed = found->second;
  } else {
    const SystemLimits& limits = config_.limits;
    changed.path = path;
    changed.limits.memory_mb = limits.memory_std.value();
    changed.limits.timeout_ms = limits.timeout_std.micros() / 1000;
    changed.limits.logs_mb = limits.logs_std.value();
    changed.limits.concurrency = limits.concurrency_std;
    const auto own = pools_.find(path);
    changed.pool =
        own != pools_.end() ? own->second : static_cast<uint32_t>(pool_specs_.size() - 1);
    changed.behaviour = pool_specs_[changed.pool].behaviour;
  }
  RETURN_IF_ERROR(PutAction(call.body, config_.limits, exists, changed));
  if (changed.is_sequence()) RETURN_IF_ERROR(CheckSequence(changed));
  changed.updated_ms = WallMs(now());
  Action& there = actions_[path] = std::move(changed);
  Publish(there);
  return JsonAnswer(200, ToJson(there, CodeShown::kWhole));
}

// How many actions a sequence comes to, those of its parts included.
absl::StatusOr<int> Model::CountAtoms(const EntityPath& sequence, const Action& action,
                                      int depth) const {
  if (depth > kDeepest) return absl::InvalidArgumentError(std::string(messages::kSequenceTooLong));
  int count = 0;
  for (const json& component : action.exec["components"]) {
    ASSIGN_OR_RETURN(const EntityPath path,
                     ParseEntityPath(component.get<std::string>(), action.path.ns));
    if (path == sequence) {
      return absl::InvalidArgumentError(std::string(messages::kSequenceCyclic));
    }
    const absl::StatusOr<Resolved> resolved = Resolve(path);
    if (!resolved.ok()) {
      return absl::InvalidArgumentError(std::string(messages::kSequenceComponentMissing));
    }
    if (resolved->path == sequence) {
      return absl::InvalidArgumentError(std::string(messages::kSequenceCyclic));
    }
    if (!resolved->action->is_sequence()) {
      ++count;
    } else {
      ASSIGN_OR_RETURN(const int inner, CountAtoms(sequence, *resolved->action, depth + 1));
      count += inner;
    }
    if (count > config_.limits.sequence_length) {
      return absl::InvalidArgumentError(std::string(messages::kSequenceTooLong));
    }
  }
  return count;
}

absl::Status Model::CheckSequence(const Action& action) const {
  return CountAtoms(action.path, action, 0).status();
}

Model::Answered Model::DeleteActionCall(Call& call, const EntityPath& path) {
  RETURN_IF_ERROR(MayWrite(call, path));
  const auto found = actions_.find(path);
  if (found == actions_.end()) {
    RETURN_IF_ERROR(CheckCollection(path, "actions"));
    return absl::NotFoundError(std::string(messages::kNotFound));
  }
  const json shown = ToJson(found->second, CodeShown::kWhole);
  if (found->second.execution) executor_->Retire(*found->second.execution);
  actions_.erase(found);
  return JsonAnswer(200, shown);
}

Model::Answered Model::InvokeCall(Call& call, const EntityPath& path) {
  RETURN_IF_ERROR(MayRead(call, path));
  RETURN_IF_ERROR(Throttle(call.user));
  const auto allowed = static_cast<uint64_t>(config_.limits.payload_size.value()) << 20;
  if (call.request.body.size() > allowed) {
    return absl::OutOfRangeError(messages::TooBig("Request", call.request.body.size(), allowed));
  }
  if (!call.body.is_object() && !call.body.is_null()) {
    return absl::InvalidArgumentError(messages::Malformed("Object expected"));
  }
  ASSIGN_OR_RETURN(const bool blocking, BoolParameter(call.request.query, "blocking", false));
  ASSIGN_OR_RETURN(const bool result, BoolParameter(call.request.query, "result", false));
  const std::string timeout_text = QueryParameter(call.request.query, "timeout");
  int64_t timeout_ms = kLongestWaitMs;
  if (!timeout_text.empty()) {
    const absl::StatusOr<std::optional<int64_t>> given =
        EpochParameter(call.request.query, "timeout");
    if (!given.ok() || **given <= 0 || **given > kLongestWaitMs) {
      return absl::InvalidArgumentError(
          messages::MalformedParameter("timeout", messages::InvalidTimeout(kLongestWaitMs)));
    }
    timeout_ms = **given;
  }
  ASSIGN_OR_RETURN(const std::string id,
                   Begin(call.user, path, call.body, std::nullopt, std::nullopt, /*counted=*/true));
  if (blocking) {
    WaitFor(id, SimTime::Millis(timeout_ms), {call.reply, result, call.transaction});
    return std::nullopt;
  }
  ServedAnswer accepted = JsonAnswer(202, {{"activationId", id}});
  accepted.headers.emplace_back("X-OpenWhisk-Activation-Id", id);
  return accepted;
}

}  // namespace reeve::openwhisk_server
