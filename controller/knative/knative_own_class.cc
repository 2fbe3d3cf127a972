// attach: own_class. What Knative's autoscaler would do for the functions whose class is ours.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "controller/knative/class_plan.h"
#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "core/status.h"

namespace reeve {

using nlohmann::json;

void KnativePlatform::ReconcileClass(SimTime now) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.view == nullptr || !MayActOn(FunctionId(static_cast<uint32_t>(i)))) continue;
    const Annotations& annotations = slot.view->autoscaler_annotations;
    const auto own = annotations.find(std::string(knative::kClass));
    if (own == annotations.end() || own->second != config_.class_name) continue;
    if (slot.queued > 0 && slot.view->deployed_replicas == 0) {
      const FunctionId id(static_cast<uint32_t>(i));
      Decision decision;
      decision.replicas = 1;
      if (hooks_.wake) hooks_.wake(id, now - began_, decision);
      slot.replicas = std::max(1, Bounded(*slot.view, decision.replicas.value_or(1)));
      slot.asked_at = now;
      if (hooks_.poke) hooks_.poke(id);
      slot.written = CarryOut(slot);
      continue;
    }
    const absl::Status status = ReconcileOne(slot, now);
    if (slot.replicas) slot.written = status;
    if (clock_.Now() - now > WriteWithin()) return;
  }
}

absl::Status KnativePlatform::ReconcileOne(Slot& slot, SimTime now) {
  const RevisionView& view = *slot.view;
  const KubeObject autoscaler = autoscalers_->Find(view.ns, view.name);
  if (autoscaler == nullptr) return absl::OkStatus();  // not yet
  // Not before Knative has seen the class: its own autoscaler may still be at it.
  if (AnnotationOf(*autoscaler, knative::kClass) != config_.class_name) return absl::OkStatus();
  const KubeObject service = serverless_services_->Find(view.ns, view.name);
  const bool proxied = service != nullptr && TextAt(*service, "spec.mode") == "Proxy";
  if (!proxied) slot.proxied_since.reset();
  if (proxied && !slot.proxied_since) slot.proxied_since = now;

  const Annotations owners = OwnersAnnotations(view.autoscaler_annotations);
  const auto initial = owners.find(std::string(knative::kInitialScale));
  const int32_t fresh = initial != owners.end() && initial->second == "0" ? 0 : 1;
  ClassInput input;
  input.autoscaler = autoscaler.get();
  input.serverless_service = service.get();
  input.deployed = view.deployed_replicas;
  input.ready = static_cast<int32_t>(view.ready());
  // Nobody has decided yet: as it is.
  input.wanted = slot.replicas.value_or(Bounded(view, view.deployed_replicas.value_or(fresh)));
  input.min_scale = BoundsOf(owners).min;
  input.proxied_for = slot.proxied_since ? now - *slot.proxied_since : SimTime();
  input.grace = config_.zero_grace;
  input.now = Timestamp(clock_.WallNow());
  const ClassPlan plan = PlanClass(input);
  if (plan.create_service) {
    const auto created =
        writer_->Create(knative::kServerlessServices, view.ns, *plan.create_service);
    if (!created.ok() && !absl::IsAlreadyExists(created.status())) return created.status();
  }
  if (plan.service_patch) {
    RETURN_IF_ERROR(writer_
                        ->Patch({knative::kServerlessServices, view.ns, view.name},
                                PatchKind::kMerge, *plan.service_patch)
                        .status());
  }
  std::optional<int32_t> count = plan.scale;
  // What is wanted seems to be there, and we have asked for something else last: what is known of
  // the deployment may be of before that, whether its answer came or not.
  if (!count && slot.scaled && slot.scaled != input.deployed) count = input.deployed;
  if (count) {
    slot.scaled = count;
    const ObjectRef scale{kube::kDeployments, view.ns, view.name + "-deployment", "scale"};
    RETURN_IF_ERROR(
        writer_->Patch(scale, PatchKind::kMerge, json{{"spec", {{"replicas", *count}}}}).status());
  }
  if (plan.status_patch) {
    const ObjectRef status{knative::kPodAutoscalers, view.ns, view.name, "status"};
    const std::string version = TextAt(*autoscaler, "metadata.resourceVersion");
    ASSIGN_OR_RETURN(json written, writer_->Patch(status, PatchKind::kMerge, *plan.status_patch));
    autoscalers_->Assume(version, std::move(written));
  }
  return absl::OkStatus();
}

}  // namespace reeve
