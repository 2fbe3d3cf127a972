#include "controller/knative/object_writer.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

Annotations ReadAnnotations(const json& object) {
  Annotations annotations;
  if (const json* entries = ObjectAt(object, "metadata.annotations")) {
    for (const auto& [key, value] : entries->items()) {
      if (value.is_string()) annotations[key] = value.get<std::string>();
    }
  }
  return annotations;
}

std::string RightTo(const char* verb, const ResourceType& type, const std::string& subresource) {
  return fmt::format("{} {}{}{}", verb, type.plural, subresource.empty() ? "" : "/", subresource);
}

}  // namespace

ObjectWriter::ObjectWriter(KubeClient& client, NetClock& clock, SimTime refused_wait)
    : client_(client), clock_(clock), refused_wait_(refused_wait) {}

absl::Status ObjectWriter::MayTry(const std::string& right) {
  const auto found = refusals_.find(right);
  if (found == refusals_.end() || clock_.Now() - found->second.at >= refused_wait_) {
    return absl::OkStatus();
  }
  return found->second.status;
}

absl::Status ObjectWriter::Noted(const std::string& right, const absl::Status& status) {
  if (status.ok()) {
    ++writes_;
    if (refusals_.erase(right) > 0) spdlog::info("knative: the right to {} is there again", right);
  } else if (absl::IsPermissionDenied(status)) {
    const bool news = refusals_.count(right) == 0;
    refusals_[right] = {clock_.Now(), status};
    if (news) {
      spdlog::warn("knative: no right to {}; going on without it: {}", right, MessageOf(status));
    }
  }
  return status;
}

absl::Status ObjectWriter::Annotate(Informer& cache, const std::string& ns, const std::string& name,
                                    const Plan& plan, bool read_first) {
  KubeObject object = cache.Find(ns, name);
  const ObjectRef ref{cache.type(), ns, name};
  if (object == nullptr) return absl::NotFoundError(ref.Text() + " is not there");
  const std::string right = RightTo("patch", cache.type(), "");
  for (bool read = read_first, last = false;; read = last = true) {
    if (read) {
      ASSIGN_OR_RETURN(json fresh, client_.Get(ref));
      cache.Assume(TextAt(*object, "metadata.resourceVersion"), fresh);
      object = std::make_shared<const json>(std::move(fresh));
    }
    std::optional<json> patch = plan(ReadAnnotations(*object));
    if (!patch) return absl::OkStatus();
    RETURN_IF_ERROR(MayTry(right));
    const std::string version = TextAt(*object, "metadata.resourceVersion");
    (*patch)["metadata"]["resourceVersion"] = version;
    auto written = client_.Patch(ref, PatchKind::kMerge, *patch,
                                 {.field_manager = std::string(knative::kFieldManager)});
    if (absl::IsAborted(written.status()) && !last) continue;
    RETURN_IF_ERROR(Noted(right, written.status()));
    cache.Assume(version, *std::move(written));
    return absl::OkStatus();
  }
}

absl::StatusOr<json> ObjectWriter::Patch(const ObjectRef& object, PatchKind kind,
                                         const json& patch) {
  const std::string right = RightTo("patch", object.type, object.subresource);
  RETURN_IF_ERROR(MayTry(right));
  auto written =
      client_.Patch(object, kind, patch, {.field_manager = std::string(knative::kFieldManager)});
  RETURN_IF_ERROR(Noted(right, written.status()));
  return written;
}

absl::StatusOr<json> ObjectWriter::Create(const ResourceType& type, const std::string& ns,
                                          const json& object) {
  const std::string right = RightTo("create", type, "");
  RETURN_IF_ERROR(MayTry(right));
  auto written =
      client_.Create(type, ns, object, {.field_manager = std::string(knative::kFieldManager)});
  RETURN_IF_ERROR(Noted(right, written.status()));
  return written;
}

}  // namespace reeve
