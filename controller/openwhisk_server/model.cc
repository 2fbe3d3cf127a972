#include "controller/openwhisk_server/model.h"

#include <algorithm>
#include <utility>

#include "controller/openwhisk_server/messages.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;

constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// What a client may call its request.
bool IsTransaction(const std::string& id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool IsOpen(const std::string& path) {
  return path == "/" || path == "/ping" || path == "/metrics" || path == "/api/v1" ||
         path == "/api/v1/";
}

}  // namespace

Model::Model(const ServerConfig& config, SimTime wall_origin)
    : config_(config),
      wall_origin_(wall_origin),
      activations_(static_cast<size_t>(config.kept_activations)),
      faults_(config.seed) {
  for (const auto& [name, spec] : config.namespaces) {
    namespace_of_key_[spec.key] = name;
    namespaces_[name].spec = spec;
  }
  faults_.Set(config.faults, SimTime());
}

Model::~Model() = default;

absl::StatusOr<std::unique_ptr<Model>> Model::Make(const ServerConfig& config,
                                                   std::unique_ptr<const Trace> load,
                                                   SimTime wall_origin) {
  std::unique_ptr<Model> model(new Model(config, wall_origin));
  RETURN_IF_ERROR(model->MakeActions(std::move(load)));
  return model;
}

// ---- time

void Model::AdvanceTo(SimTime time) {
  for (;;) {
    SimTime next = std::min(time, NextLoad());
    if (!agenda_.empty()) next = std::min(next, agenda_.begin()->first);
    executor_->AdvanceTo(std::max(next, now()));
    PlayLoad();
    while (!agenda_.empty() && agenda_.begin()->first <= now()) {
      const std::function<void()> due = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      due();
    }
    if (now() >= time && NextLoad() > now()) break;
  }
  executor_->AdvanceTo(time);  // what began at this moment
}

bool Model::busy() const {
  return !under_way_.empty() || !agenda_.empty() || !load_.done;
}

void Model::ReadLoad() {
  while (!load_.done && load_.at == load_.batch.arrivals.size()) {
    load_.at = 0;
    if (load_.source->Next(load_.batch)) continue;
    load_.batch = {};
    if (config_.load.repeat) {
      load_.begin += load_.trace->duration();
      load_.source->Restart({config_.seed, config_.load.within_minute}, 0);
    } else {
      load_.done = true;
    }
  }
}

SimTime Model::NextLoad() const {
  if (load_.done) return SimTime::Max();
  return load_.begin + load_.batch.start +
         SimTime::Micros(load_.batch.arrivals[load_.at].offset_us);
}

void Model::PlayLoad() {
  while (NextLoad() <= now()) {
    const Arrival& arrival = load_.batch.arrivals[load_.at++];
    // An action that somebody has deleted is not invoked any more.
    (void)Begin(config_.load.ns, load_.actions[arrival.function], json::object(), std::nullopt,
                SimTime::Micros(arrival.work_us), /*counted=*/false);
    ReadLoad();
  }
}

std::string Model::NewId() {
  const RandomStream draws(config_.seed, StreamPurpose::kGenerator, UINT32_MAX);
  const uint64_t high = draws.Bits(2 * ids_), low = draws.Bits(2 * ids_ + 1);
  ++ids_;
  return fmt::format("{:016x}{:016x}", high, low);
}

// ---- who asks for what

std::optional<std::string> Model::UserOf(const ServedRequest& request) const {
  const std::optional<std::string> shown = BasicCredentials(request.authorization);
  if (!shown) return std::nullopt;
  const auto found = namespace_of_key_.find(*shown);
  if (found == namespace_of_key_.end()) return std::nullopt;
  return found->second;
}

std::optional<ServedAnswer> Model::Judge(const ServedRequest& head) const {
  if (IsOpen(head.path)) return std::nullopt;
  if (UserOf(head)) return std::nullopt;
  const auto why =
      head.authorization.empty() ? messages::kNoCredentials : messages::kWrongCredentials;
  const std::string transaction =
      IsTransaction(head.request_id) ? head.request_id : std::string("unknown");
  return ToAnswer(absl::UnauthenticatedError(std::string(why)), transaction);
}

void Model::Handle(const ServedRequest& request, Reply reply) {
  const std::string transaction = IsTransaction(request.request_id) ? request.request_id : NewId();
  const Reply tagged = [reply = std::move(reply), transaction](ServedAnswer answer) {
    answer.headers.emplace_back("X-Request-ID", transaction);
    reply(std::move(answer));
  };
  if (IsOpen(request.path)) {
    if (request.method != "GET") {
      return tagged(ToAnswer(absl::UnimplementedError(std::string(messages::kMethodNotAllowed)),
                             transaction));
    }
    if (request.path == "/metrics") return tagged({200, events_.ToText(), kMetricsType});
    if (request.path == "/ping") return tagged({200, "pong"});
    return tagged(JsonAnswer(200, Info()));
  }
  const std::optional<std::string> user = UserOf(request);
  const auto fault = faults_.Meet(request.method, request.path, now());
  if (fault && user) {
    const absl::Status status = FaultStatus(*fault, *user);
    if (!status.ok()) {
      ServedAnswer answer = ToAnswer(status, transaction);
      if (fault->kind == FaultKind::kError) answer.code = fault->code;
      return tagged(std::move(answer));
    }
    if (fault->kind == FaultKind::kDrop) {
      ServedAnswer nothing;
      nothing.cut = AnswerCut::kBeforeHead;
      return tagged(std::move(nothing));
    }
    return Route(request, transaction, WithFault(*fault, tagged));
  }
  Route(request, transaction, tagged);
}

Reply Model::WithFault(const FaultSpec& fault, Reply reply) {
  if (fault.kind == FaultKind::kCut) {
    return [reply = std::move(reply)](ServedAnswer answer) {
      answer.cut = AnswerCut::kInBody;
      reply(std::move(answer));
    };
  }
  return [this, delay = fault.delay, reply = std::move(reply)](ServedAnswer answer) {
    agenda_.emplace(now() + delay, [reply, answer = std::move(answer)] { reply(answer); });
  };
}

// OK for those that let the request through.
absl::Status Model::FaultStatus(const FaultSpec& fault, const std::string& user) const {
  const NamespaceSpec& spec = namespaces_.at(user).spec;
  switch (fault.kind) {
    case FaultKind::kThrottleRate:
      return absl::ResourceExhaustedError(messages::RequestsPerMinute(
          spec.invocations_per_minute + 1, spec.invocations_per_minute));
    case FaultKind::kThrottleConcurrent:
      return absl::ResourceExhaustedError(
          messages::ConcurrentRequests(spec.concurrent_invocations, spec.concurrent_invocations));
    case FaultKind::kError:
      return absl::InternalError(fault.code == 503 ? std::string(messages::kOverloaded)
                                                   : "There was an internal server error.");
    case FaultKind::kDelay:
    case FaultKind::kCut:
    case FaultKind::kDrop:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

void Model::Route(const ServedRequest& request, const std::string& transaction,
                  const Reply& reply) {
  const auto fail = [&](const absl::Status& status) { reply(ToAnswer(status, transaction)); };
  const std::optional<std::string> user = UserOf(request);
  if (!user) return fail(absl::UnauthenticatedError(std::string(messages::kWrongCredentials)));
  const std::vector<std::string> steps = PathSteps(request.path);
  const absl::Status no_path = absl::NotFoundError(std::string(messages::kNoSuchPath));
  if (steps.size() < 3 || steps[0] != "api" || steps[1] != "v1" || steps[2] != "namespaces") {
    return fail(no_path);
  }
  if (steps.size() == 3 || (steps.size() == 4 && steps[3].empty())) {
    if (request.method != "GET") {
      return fail(absl::UnimplementedError(std::string(messages::kMethodNotAllowed)));
    }
    return reply(JsonAnswer(200, json::array({*user})));
  }
  if (steps.size() < 5) return fail(no_path);
  const std::string& ns = steps[3] == "_" ? *user : steps[3];
  if (!IsEntityName(ns)) {
    return fail(absl::InvalidArgumentError("The namespace contains illegal characters."));
  }
  absl::StatusOr<json> body = ParseBody(request.body);
  if (!body.ok()) return fail(body.status());
  Call call{request,          *user,       ns,   {steps.begin() + 5, steps.end()},
            *std::move(body), transaction, reply};
  Answered answered = Dispatch(call, steps[4]);
  if (!answered.ok()) return fail(answered.status());
  if (*answered) reply(**std::move(answered));
}

Model::Answered Model::Dispatch(Call& call, const std::string& collection) {
  // "…/actions/" is "…/actions"; "…/actions/package/" is another thing.
  if (call.rest.size() == 1 && call.rest[0].empty()) call.rest.clear();
  if (collection == "actions") return ActionsCall(call);
  if (collection == "activations") return ActivationsCall(call);
  if (collection == "packages") return PackagesCall(call);
  if (collection == "triggers") return TriggersCall(call);
  if (collection == "rules") return RulesCall(call);
  if (collection == "limits" && call.rest.empty() && call.request.method == "GET") {
    if (call.ns != call.user) return absl::PermissionDeniedError(messages::NotAuthorized(call.ns));
    return JsonAnswer(200, LimitsOf(call.ns));
  }
  return absl::NotFoundError(std::string(messages::kNoSuchPath));
}

absl::Status Model::MayWrite(const Call& call, const EntityPath& path) const {
  if (path.ns == call.user) return absl::OkStatus();
  return absl::PermissionDeniedError(messages::NotAuthorized(path.Qualified()));
}

// What others may read is what lies in their public packages.
absl::Status Model::MayRead(const Call& call, const EntityPath& path) const {
  if (path.ns == call.user) return absl::OkStatus();
  const auto package =
      packages_.find({path.ns, "", path.package.empty() ? path.name : path.package});
  if (package != packages_.end() && package->second.publish) return absl::OkStatus();
  return absl::PermissionDeniedError(messages::NotAuthorized(path.Qualified()));
}

absl::Status Model::CheckCollection(const EntityPath& path, std::string_view own) const {
  const bool elsewhere = (own != "actions" && actions_.contains(path)) ||
                         (own != "packages" && packages_.contains(path)) ||
                         (own != "triggers" && triggers_.contains(path)) ||
                         (own != "rules" && rules_.contains(path));
  if (!elsewhere) return absl::OkStatus();
  return absl::AlreadyExistsError(std::string(messages::kConformance));
}

// ---- what the server tells of itself

json Model::Info() const {
  const SystemLimits& l = config_.limits;
  const auto bytes = [](Mebibytes m) { return m.value() * 1048576; };
  const auto ms = [](SimTime t) { return t.micros() / 1000; };
  int64_t per_minute = 0, concurrent = 0, fires = 0;
  for (const auto& [name, state] : namespaces_) {
    per_minute = std::max<int64_t>(per_minute, state.spec.invocations_per_minute);
    concurrent = std::max<int64_t>(concurrent, state.spec.concurrent_invocations);
    fires = std::max<int64_t>(fires, state.spec.fires_per_minute);
  }
  json limits = {{"actions_per_minute", per_minute},
                 {"triggers_per_minute", fires},
                 {"concurrent_actions", concurrent},
                 {"sequence_length", l.sequence_length},
                 {"min_action_duration", ms(l.timeout_min)},
                 {"max_action_duration", ms(l.timeout_max)},
                 {"min_action_memory", bytes(l.memory_min)},
                 {"max_action_memory", bytes(l.memory_max)},
                 {"min_action_logs", bytes(l.logs_min)},
                 {"max_action_logs", bytes(l.logs_max)},
                 {"min_action_concurrency", l.concurrency_min},
                 {"max_action_concurrency", l.concurrency_max}};
  return {{"description", "OpenWhisk, simulated by Reeve"},
          {"support", {{"github", "https://github.com/apache/openwhisk/issues"}}},
          {"api_paths", {"/api/v1"}},
          {"runtimes", {{"nodejs", json::array({{{"kind", "nodejs:20"}, {"default", true}}})}}},
          {"limits", limits}};
}

json Model::LimitsOf(const std::string& ns) const {
  const NamespaceSpec& spec = namespaces_.at(ns).spec;
  const SystemLimits& l = config_.limits;
  return {{"invocationsPerMinute", spec.invocations_per_minute},
          {"concurrentInvocations", spec.concurrent_invocations},
          {"firesPerMinute", spec.fires_per_minute},
          {"allowedKinds", json::array({"*"})},
          {"storeActivations", true},
          {"minActionMemory", l.memory_min.value()},
          {"maxActionMemory", l.memory_max.value()},
          {"minActionLogs", l.logs_min.value()},
          {"maxActionLogs", l.logs_max.value()},
          {"minActionTimeout", l.timeout_min.micros() / 1000},
          {"maxActionTimeout", l.timeout_max.micros() / 1000},
          {"minActionConcurrency", l.concurrency_min},
          {"maxActionConcurrency", l.concurrency_max}};
}

}  // namespace reeve::openwhisk_server
