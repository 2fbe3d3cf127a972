// Activation records over the API.
#include <utility>

#include "controller/openwhisk_server/messages.h"
#include "controller/openwhisk_server/model.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

using nlohmann::json;

absl::Status CheckActivationId(const std::string& id) {
  if (id.size() != 32) return absl::InvalidArgumentError(messages::ActivationIdLength(id.size()));
  if (id.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return absl::InvalidArgumentError(std::string(messages::kActivationIdIllegal));
  }
  return absl::OkStatus();
}

}  // namespace

Model::Answered Model::ActivationsCall(Call& call) {
  if (call.request.method != "GET") {
    return absl::UnimplementedError(std::string(messages::kMethodNotAllowed));
  }
  if (call.ns != call.user) return absl::PermissionDeniedError(messages::NotAuthorized(call.ns));
  if (call.rest.empty()) return ListActivations(call);
  RETURN_IF_ERROR(CheckActivationId(call.rest[0]));
  const std::string part = call.rest.size() > 1 ? call.rest[1] : "";
  if (call.rest.size() > 2 || (!part.empty() && part != "logs" && part != "result")) {
    return absl::NotFoundError(std::string(messages::kNoSuchPath));
  }
  const Activation* activation = activations_.Find(call.ns, call.rest[0]);
  if (activation == nullptr) return absl::NotFoundError(std::string(messages::kNotFound));
  if (part == "logs") return JsonAnswer(200, {{"logs", activation->logs}});
  if (part == "result") return JsonAnswer(200, activation->ResponseJson());
  return JsonAnswer(200, activation->ToJson());
}

Model::Answered Model::ListActivations(const Call& call) {
  const std::string& text = call.request.query;
  ActivationQuery query;
  ASSIGN_OR_RETURN(query.range, ParseListRange(text, "activations"));
  ASSIGN_OR_RETURN(query.since, EpochParameter(text, "since"));
  ASSIGN_OR_RETURN(query.upto, EpochParameter(text, "upto"));
  ASSIGN_OR_RETURN(const bool count, BoolParameter(text, "count", false));
  ASSIGN_OR_RETURN(const bool docs, BoolParameter(text, "docs", false));
  if (count && docs) return absl::InvalidArgumentError(std::string(messages::kDocsWithCount));
  std::string name = QueryParameter(text, "name");
  if (name.starts_with('/')) name.erase(0, 1);
  if (!name.empty()) {
    const std::vector<std::string> steps = PathSteps(name);
    bool fine = steps.size() <= 2;
    for (const std::string& step : steps) fine = fine && IsEntityName(step);
    if (!fine) {
      return absl::InvalidArgumentError(
          messages::MalformedParameter("name", messages::BadNameFilter(name)));
    }
    query.name = name;
  }
  if (count) return JsonAnswer(200, {{"activations", activations_.Count(call.ns, query)}});
  json list = json::array();
  for (const Activation* activation : activations_.List(call.ns, query)) {
    list.push_back(docs ? activation->ToJson() : activation->Summary());
  }
  return JsonAnswer(200, list);
}

}  // namespace reeve::openwhisk_server
