// Activations: from an invocation to its record; sequences and triggers, which invoke others.
#include <algorithm>
#include <utility>

#include "controller/openwhisk_server/messages.h"
#include "controller/openwhisk_server/model.h"
#include "core/check.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;

// Of a stream of draws: the same whatever other actions there are. FNV-1a.
uint32_t HashOf(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

std::string InPackage(const EntityPath& path) {
  return path.package.empty() ? path.name : path.package + "/" + path.name;
}

json Annotation(const char* key, json value) {
  return {{"key", key}, {"value", std::move(value)}};
}

json ErrorResult(std::string_view why) {
  return {{"error", std::string(why)}};
}

uint64_t SizeOf(const json& result) {
  return result.dump(-1, ' ', false, json::error_handler_t::replace).size();
}

}  // namespace

absl::Status Model::Throttle(const std::string& user) {
  NamespaceState& state = namespaces_.at(user);
  absl::Status status = state.invocations.Check(Wall(), state.spec.invocations_per_minute);
  if (!status.ok()) {
    events_.OnTimedLimit(user);
    return status;
  }
  status = CheckConcurrent(state.under_way, state.spec.concurrent_invocations);
  if (!status.ok()) events_.OnConcurrentLimit(user);
  return status;
}

absl::StatusOr<std::string> Model::Begin(const std::string& user, const EntityPath& path,
                                         const json& payload, std::optional<std::string> cause,
                                         std::optional<SimTime> work, bool counted) {
  ASSIGN_OR_RETURN(const Resolved resolved, Resolve(path));
  json input = ParameterObject(resolved.parameters, payload);
  if (resolved.action->is_sequence()) {
    // Its parameters name its parts.
    return BeginSequence(user, resolved, payload.is_object() ? payload : json::object(),
                         std::move(cause));
  }
  Action& action = actions_.at(resolved.path);
  const std::string name = resolved.path.Qualified();
  const uint64_t draw = action.drawn++;
  if (!work) {
    const RandomStream draws(config_.seed, StreamPurpose::kServiceTime, HashOf(name));
    const double ms = action.behaviour.duration_ms.Sample(draws.Uniform(draw));
    work = SimTime::FromSeconds(std::min(ms, 1e9) / 1000);
  }
  UnderWay entry;
  if (action.behaviour.error_share > 0) {
    const RandomStream faults(config_.seed, StreamPurpose::kFailure, HashOf(name));
    entry.fails = faults.Uniform(draw) < action.behaviour.error_share;
  }
  // At its time limit the container is taken from it.
  const SimTime limit = SimTime::Millis(action.limits.timeout_ms);
  absl::StatusOr<uint64_t> ticket = executor_->Invoke(*action.execution, std::min(*work, limit));
  if (!ticket.ok()) return absl::UnavailableError(std::string(messages::kOverloaded));
  entry.activation.id = NewId();
  entry.activation.ns = user;
  entry.activation.name = resolved.path.name;
  entry.activation.version = action.version;
  entry.activation.filter = InPackage(resolved.path);
  entry.activation.cause = std::move(cause);
  entry.activation.result = std::move(input);
  entry.action = resolved.path;
  entry.kind = action.kind();
  entry.user = user;
  entry.limits = action.limits;
  entry.counted = counted;
  const std::string id = entry.activation.id;
  if (counted) ++namespaces_.at(user).under_way;
  under_way_.emplace(*ticket, std::move(entry));
  return id;
}

void Model::OnExecution(const Execution& e) {
  const auto found = under_way_.find(e.ticket);
  REEVE_CHECK(found != under_way_.end());
  UnderWay entry = std::move(found->second);
  under_way_.erase(found);
  if (entry.counted) --namespaces_.at(entry.user).under_way;
  Activation& a = entry.activation;
  const int64_t wait_ms = (e.start - e.arrival).micros() / 1000;
  const int64_t init_ms = e.init.micros() > 0 ? std::max<int64_t>(1, e.init.micros() / 1000) : 0;
  a.start_ms = WallMs(e.start);
  a.duration_ms = (e.end - e.start).micros() / 1000;
  a.end_ms = a.start_ms + *a.duration_ms;
  const bool timed_out = e.outcome == Outcome::kCompleted &&
                         e.end - e.start - e.init >= SimTime::Millis(entry.limits.timeout_ms);
  if (e.outcome == Outcome::kFailed) {
    a.status = ActivationStatus::kDeveloperError;
    a.result = ErrorResult(messages::kAbnormalRun);
  } else if (e.outcome != Outcome::kCompleted) {
    a.status = ActivationStatus::kWhiskError;
    a.result = ErrorResult(messages::kProvisioning);
  } else if (timed_out) {
    a.status = ActivationStatus::kDeveloperError;
    a.result = ErrorResult(messages::TimedOut(entry.limits.timeout_ms));
  } else if (entry.fails) {
    a.status = ActivationStatus::kApplicationError;
    a.result = ErrorResult("simulated error");
  } else if (a.result.contains("error")) {
    a.status = ActivationStatus::kApplicationError;
  }
  a.size = SizeOf(a.result);
  a.annotations =
      json::array({Annotation("path", entry.action.Qualified()), Annotation("waitTime", wait_ms),
                   Annotation("kind", entry.kind), Annotation("timeout", timed_out),
                   Annotation("limits", entry.limits.ToJson())});
  if (init_ms > 0) a.annotations.push_back(Annotation("initTime", init_ms));
  if (a.cause) a.annotations.push_back(Annotation("causedBy", "sequence"));
  events_.OnActivation({entry.action.ns, entry.user, InPackage(entry.action), entry.kind,
                        entry.limits.memory_mb, wait_ms, *a.duration_ms, init_ms, a.size,
                        a.status});
  OnEnded(std::move(a));
}

// Stores the record, and tells who waits for it.
void Model::OnEnded(Activation activation) {
  const std::string id = activation.id;
  if (const auto waiter = waiters_.find(id); waiter != waiters_.end()) {
    ServedAnswer answer = JsonAnswer(
        activation.HttpCode(), waiter->second.result ? activation.result : activation.ToJson());
    answer.headers.emplace_back("X-OpenWhisk-Activation-Id", id);
    const Reply reply = std::move(waiter->second.reply);
    waiters_.erase(waiter);
    reply(std::move(answer));
  }
  const std::optional<std::string> cause = activation.cause;
  if (cause) {
    if (const auto parent = sequences_.find(*cause); parent != sequences_.end()) {
      Activation& whole = parent->second.activation;
      whole.logs.push_back(id);
      whole.result = activation.result;
      whole.status = activation.status;
      parent->second.duration_ms += activation.duration_ms.value_or(0);
    }
  }
  activations_.Add(std::move(activation));
  if (cause) Continue(*cause);
}

void Model::WaitFor(const std::string& id, SimTime timeout, Waiter waiter) {
  waiters_.emplace(id, std::move(waiter));
  agenda_.emplace(now() + timeout, [this, id] {
    const auto found = waiters_.find(id);
    if (found == waiters_.end()) return;  // it was answered
    ServedAnswer accepted = JsonAnswer(202, {{"activationId", id}});
    accepted.headers.emplace_back("X-OpenWhisk-Activation-Id", id);
    const Reply reply = std::move(found->second.reply);
    waiters_.erase(found);
    reply(std::move(accepted));
  });
}

// ---- sequences

absl::StatusOr<std::string> Model::BeginSequence(const std::string& user, const Resolved& resolved,
                                                 json payload, std::optional<std::string> cause) {
  const Action& action = *resolved.action;
  Sequence sequence;
  for (const json& component : action.exec["components"]) {
    ASSIGN_OR_RETURN(const EntityPath path,
                     ParseEntityPath(component.get<std::string>(), action.path.ns));
    sequence.components.push_back(path);
  }
  Activation& a = sequence.activation;
  a.id = NewId();
  a.ns = user;
  a.name = resolved.path.name;
  a.version = action.version;
  a.filter = InPackage(resolved.path);
  a.start_ms = WallMs(now());
  a.cause = std::move(cause);
  a.result = std::move(payload);
  sequence.action = resolved.path;
  sequence.limits = action.limits;
  const std::string id = a.id;
  sequences_.emplace(id, std::move(sequence));
  executor_->AddWatcher();
  // Not at once: who invoked it may want to wait for it first.
  agenda_.emplace(now(), [this, id] { Continue(id); });
  return id;
}

void Model::Continue(const std::string& id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return;
  Sequence& sequence = found->second;
  Activation& a = sequence.activation;
  if (a.status != ActivationStatus::kSuccess || sequence.next == sequence.components.size()) {
    return EndSequence(id);
  }
  const EntityPath component = sequence.components[sequence.next++];
  const absl::StatusOr<std::string> begun = Begin(a.ns, component, a.result, id, std::nullopt,
                                                  /*counted=*/false);
  if (begun.ok()) return;
  a.status = ActivationStatus::kApplicationError;
  a.result = ErrorResult(absl::IsNotFound(begun.status()) ? messages::kSequenceComponentMissing
                                                          : messages::kSequenceFailed);
  EndSequence(id);
}

void Model::EndSequence(const std::string& id) {
  const auto found = sequences_.find(id);
  Sequence sequence = std::move(found->second);
  sequences_.erase(found);
  executor_->RemoveWatcher();
  Activation& a = sequence.activation;
  a.end_ms = std::max(a.start_ms, WallMs(now()));
  a.duration_ms = sequence.duration_ms;
  a.size = SizeOf(a.result);
  a.annotations =
      json::array({Annotation("path", sequence.action.Qualified()), Annotation("kind", "sequence"),
                   Annotation("topmost", !a.cause.has_value()),
                   Annotation("limits", sequence.limits.ToJson())});
  if (a.cause) a.annotations.push_back(Annotation("causedBy", "sequence"));
  OnEnded(std::move(a));
}

// ---- triggers

Model::Answered Model::Fire(Call& call, const Trigger& trigger) {
  NamespaceState& state = namespaces_.at(call.user);
  const absl::Status status = state.fires.Check(Wall(), state.spec.fires_per_minute);
  if (!status.ok()) {
    events_.OnTimedLimit(call.user);
    return status;
  }
  if (!call.body.is_object() && !call.body.is_null()) {
    return absl::InvalidArgumentError(messages::Malformed("Object expected"));
  }
  const bool any = std::any_of(trigger.rules.begin(), trigger.rules.end(),
                               [](const auto& rule) { return rule.second.active; });
  if (!any) return ServedAnswer{204, "", "application/json"};
  const json input = ParameterObject(trigger.parameters, call.body);
  Activation a;
  a.id = NewId();
  a.ns = call.user;
  a.name = trigger.path.name;
  a.version = trigger.version;
  a.filter = trigger.path.name;
  a.start_ms = WallMs(now());
  a.result = call.body.is_object() ? call.body : json::object();
  a.size = SizeOf(a.result);
  for (const auto& [name, rule] : trigger.rules) {
    json log = {{"rule", name}, {"action", rule.action.Qualified()}};
    if (!rule.active) {
      log["statusCode"] = 1;
      log["success"] = false;
      log["error"] = messages::RuleInactive(name, rule.action.Qualified());
    } else {
      const absl::Status throttled = Throttle(call.user);
      const absl::StatusOr<std::string> begun =
          throttled.ok() ? Begin(call.user, rule.action, input, std::nullopt, std::nullopt,
                                 /*counted=*/true)
                         : absl::StatusOr<std::string>(throttled);
      log["statusCode"] = begun.ok() ? 0 : 1;
      log["success"] = begun.ok();
      if (begun.ok()) {
        log["activationId"] = *begun;
      } else {
        log["error"] = MessageOf(begun.status());
      }
    }
    a.logs.push_back(log.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  const std::string id = a.id;
  activations_.Add(std::move(a));
  ServedAnswer accepted = JsonAnswer(202, {{"activationId", id}});
  accepted.headers.emplace_back("X-OpenWhisk-Activation-Id", id);
  return accepted;
}

}  // namespace reeve::openwhisk_server
