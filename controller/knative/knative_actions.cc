// What KnativePlatform writes; the rest of it is in knative_platform.cc.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "controller/knative/class_plan.h"
#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

// A tick writes no longer than this, or a quarter of the period; what is left is written in the
// next.
constexpr SimTime kWriteAtMost = SimTime::Seconds(4);

// New resources of one container, each only where it has a limit already: a limit where there was
// none would change the pod's quality of service, which is refused. nullopt: as it is.
std::optional<json> Resized(const json& container, std::optional<Millicores> cpu,
                            std::optional<Mebibytes> memory) {
  json resources = json::object();
  const auto set = [&](const char* resource, const std::string& value, auto parse) {
    const std::string limit = TextAt(container, std::string("resources.limits.") + resource);
    const std::string request = TextAt(container, std::string("resources.requests.") + resource);
    const auto now = parse(limit);
    const auto wanted = parse(value);
    if (limit.empty() || !now.ok() || !wanted.ok() || *now == *wanted) return;
    resources["limits"][resource] = value;
    const auto asked = parse(request);
    // A request that was the limit stays the limit, and none is above it.
    if (!request.empty() && asked.ok() && (*asked == *now || *asked > *wanted)) {
      resources["requests"][resource] = value;
    }
  };
  if (cpu) set("cpu", CpuQuantity(*cpu), ParseCpuQuantity);
  if (memory) set("memory", MemoryQuantity(*memory), ParseMemoryQuantity);
  if (resources.empty()) return std::nullopt;
  return resources;
}

// The object has what we set, and that is not what was asked for last: a write that failed was
// carried out all the same, and by a cache that did not know it the next seemed to be needless.
bool IsBehind(const Annotations& now, int32_t asked) {
  if (now.count(std::string(knative::kAttached)) == 0 || Overridden(now)) return false;
  const Annotations set = AttachmentOf(now).set;
  const auto low = set.find(std::string(knative::kMinScale));
  return low != set.end() && low->second != std::to_string(asked);
}

}  // namespace

bool IsRefusal(const absl::Status& written) {
  return absl::IsPermissionDenied(written) || absl::IsInvalidArgument(written) ||
         absl::IsNotFound(written);
}

Informer& KnativePlatform::AnnotatedCache() {
  return annotated_ == AnnotatedObject::kPodAutoscaler ? *autoscalers_ : *revisions_;
}

const Annotations& KnativePlatform::AnnotationsFor(const RevisionView& view) const {
  return annotated_ == AnnotatedObject::kPodAutoscaler ? view.autoscaler_annotations
                                                       : view.annotations;
}

LiveFunction KnativePlatform::Describe(const RevisionView& view) const {
  LiveFunction function;
  // Names of revisions are used again when a service is made anew; identifiers are not.
  function.id = fmt::format("{}/{}/{}", view.ns, view.name, view.uid.substr(0, 8));
  function.name = view.latest ? view.ns + "/" + view.service : view.key();
  function.tenant = view.tenant;
  function.slo_latency = view.slo_latency;
  const ScaleBounds bounds = BoundsOf(OwnersAnnotations(AnnotationsFor(view)));
  function.min_replicas = view.reachable ? bounds.min : 0;
  if (bounds.max > 0) function.max_replicas = bounds.max;
  return function;
}

int32_t KnativePlatform::Bounded(const RevisionView& view, int32_t replicas) const {
  const LiveFunction function = Describe(view);
  return std::max(0, std::min(std::max(replicas, function.min_replicas), function.max_replicas));
}

absl::Status KnativePlatform::TakeOver(std::span<const FunctionId>) {
  return absl::OkStatus();
}

absl::Status KnativePlatform::Apply(std::span<const Decision> decisions) {
  if (decisions.size() != slots_.size()) {
    return absl::InvalidArgumentError(
        fmt::format("knative: {} decisions for {} functions", decisions.size(), slots_.size()));
  }
  if (config_.attach == AttachMode::kObserve) return absl::OkStatus();
  if (!MayAct()) {
    return absl::UnavailableError(fmt::format("knative: not the leader, which is '{}'", Leader()));
  }
  const SimTime begin = clock_.Now();
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    const Decision& decision = decisions[i];
    if (slot.view == nullptr || decision == Decision{}) continue;
    if (!MayActOn(FunctionId(static_cast<uint32_t>(i)))) continue;  // since a moment ago
    bool news = false;
    const auto ask = [&news](auto& asked, const auto& wanted) {
      if (!wanted || asked == wanted) return;
      asked = wanted;
      news = true;
    };
    if (decision.replicas) {
      ask(slot.replicas, std::optional<int32_t>(Bounded(*slot.view, *decision.replicas)));
    }
    if (capabilities_.cpu_limit) ask(slot.cpu, decision.cpu_limit);
    if (capabilities_.memory_limit) ask(slot.memory_limit, decision.memory_limit);
    if (news) slot.asked_at = begin;
    if (slot.replicas || slot.cpu || slot.memory_limit) slot.to_write = true;
  }
  return CarryOn(begin);
}

// A quarter of the period: what is left over is written in the next one, and no tick is lost by it.
SimTime KnativePlatform::WriteWithin() const {
  if (window_ == SimTime()) return SimTime::Millis(500);
  return std::clamp(SimTime::Micros(window_.micros() / 4), SimTime::Millis(100), kWriteAtMost);
}

absl::Status KnativePlatform::CarryOn(SimTime begin) {
  size_t tried = 0, unavailable = 0;
  absl::Status last;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.view == nullptr) continue;
    const bool may_act = MayActOn(FunctionId(static_cast<uint32_t>(i)));
    slot.to_write |= slot.replicas && slot.written.ok() &&
                     config_.attach == AttachMode::kAnnotate &&
                     IsBehind(AnnotationsFor(*slot.view), *slot.replicas);
    if (!slot.to_write) {
      if (!may_act) continue;
      // Pods that have come since are to be as the others.
      if (slot.cpu || slot.memory_limit)
        slot.written = ResizePods(slot, slot.cpu, slot.memory_limit);
      continue;
    }
    // A server that does not answer would use up the tick, one time-out after the other.
    if (unavailable >= 2 || clock_.Now() - begin > WriteWithin() || !may_act) {
      slot.written = absl::UnavailableError("not written yet: the tick had no time left");
      continue;
    }
    slot.written = CarryOut(slot);
    ++tried;
    const bool waits = absl::IsFailedPrecondition(slot.written);  // for the probe
    // Whatever is no refusal passes: no connection, conflicts, 429, 500.
    const bool again = !slot.written.ok() && !waits && !IsRefusal(slot.written);
    slot.to_write = again || waits;
    if (again) {
      ++unavailable;
      last = slot.written;
    }
  }
  if (tried > 0 && unavailable == tried) return absl::UnavailableError(MessageOf(last));
  return absl::OkStatus();
}

absl::Status KnativePlatform::CarryOut(Slot& slot) {
  const RevisionView& view = *slot.view;
  if (slot.replicas) {
    Annotations wanted;
    if (config_.attach == AttachMode::kOwnClass) {
      wanted = {{std::string(knative::kClass), config_.class_name}};
    } else {
      wanted = {{std::string(knative::kMinScale), std::to_string(*slot.replicas)},
                // Zero would mean: without limit.
                {std::string(knative::kMaxScale), std::to_string(std::max(1, *slot.replicas))}};
    }
    if (!annotated_) {
      // Not known yet whether the revision is what Knative follows: one of them is the probe.
      const size_t index = static_cast<size_t>(&slot - slots_.data());
      if (probe_ && *probe_ != index) {
        return absl::FailedPreconditionError("finding out first what this release follows");
      }
      if (!probe_) {
        probe_ = index;
        probed_at_ = clock_.Now();
      }
    }
    RETURN_IF_ERROR(
        writer_->Annotate(AnnotatedCache(), view.ns, view.name,
                          [&](const Annotations& now) { return AttachPatch(now, wanted); }));
    if (config_.attach == AttachMode::kOwnClass) RETURN_IF_ERROR(ReconcileOne(slot, clock_.Now()));
  }
  if (slot.cpu || slot.memory_limit) return ResizePods(slot, slot.cpu, slot.memory_limit);
  return absl::OkStatus();
}

void KnativePlatform::LearnAnnotatedObject(SimTime now) {
  if (annotated_ || !probe_) return;
  Slot& slot = slots_[*probe_];
  if (slot.view == nullptr) {
    probe_.reset();
    return;
  }
  const Annotations& autoscaler = slot.view->autoscaler_annotations;
  bool copied = true;
  for (const auto& [key, value] : AttachmentOf(slot.view->annotations).set) {
    const auto found = autoscaler.find(key);
    copied &= found != autoscaler.end() && found->second == value;
  }
  if (copied && slot.view->annotations.count(std::string(knative::kAttached)) > 0) {
    annotated_ = AnnotatedObject::kRevision;
  } else if (now - probed_at_ > config_.probe_within && slot.written.ok()) {
    // The revision is left as it was.
    const absl::Status undone = writer_->Annotate(*revisions_, slot.ns, slot.name, HandBackPatch);
    if (!undone.ok()) return;
    annotated_ = AnnotatedObject::kPodAutoscaler;
    slot.to_write = true;
  } else {
    return;
  }
  probe_.reset();
  spdlog::info("knative: annotations go to the {}, as this release follows them",
               *annotated_ == AnnotatedObject::kRevision ? "revision" : "PodAutoscaler");
}

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
  if (plan.scale) {
    const ObjectRef scale{kube::kDeployments, view.ns, view.name + "-deployment", "scale"};
    RETURN_IF_ERROR(
        writer_->Patch(scale, PatchKind::kMerge, json{{"spec", {{"replicas", *plan.scale}}}})
            .status());
  }
  if (plan.status_patch) {
    const ObjectRef status{knative::kPodAutoscalers, view.ns, view.name, "status"};
    const std::string version = TextAt(*autoscaler, "metadata.resourceVersion");
    ASSIGN_OR_RETURN(json written, writer_->Patch(status, PatchKind::kMerge, *plan.status_patch));
    autoscalers_->Assume(version, std::move(written));
  }
  return absl::OkStatus();
}

absl::Status KnativePlatform::ResizePods(const Slot& slot, std::optional<Millicores> cpu,
                                         std::optional<Mebibytes> memory) {
  absl::Status first;
  for (const PodView& view : slot.view->pods) {
    const KubeObject pod = pods_->Find(slot.ns, view.name);
    if (pod == nullptr || view.terminating) continue;
    const json* containers = ArrayAt(*pod, "spec.containers");
    if (containers == nullptr) continue;
    for (const json& container : *containers) {
      if (TextAt(container, "name") != view.function_container) continue;
      const auto resources = Resized(container, cpu, memory);
      if (!resources) continue;
      json patched = {{"name", view.function_container}, {"resources", *resources}};
      const json patch = {{"spec", {{"containers", json::array({std::move(patched)})}}}};
      const std::string version = TextAt(*pod, "metadata.resourceVersion");
      // Not a plain merge patch: that would replace the list of containers.
      auto written =
          writer_->Patch({kube::kPods, slot.ns, view.name, "resize"}, PatchKind::kStrategic, patch);
      if (written.ok()) {
        pods_->Assume(version, *std::move(written));
      } else if (first.ok() && !absl::IsNotFound(written.status())) {
        first = written.status();
      }
    }
  }
  return first;
}

absl::Status KnativePlatform::HandBackOne(Slot& slot) {
  if (capabilities_.cpu_limit && slot.view != nullptr) {
    // Also those of an earlier run: pods carry no mark of who resized them.
    const RevisionView& view = *slot.view;
    const auto cpu = view.cpu_limit > Millicores() ? std::optional(view.cpu_limit) : std::nullopt;
    const auto memory =
        view.memory_limit > Mebibytes() ? std::optional(view.memory_limit) : std::nullopt;
    RETURN_IF_ERROR(ResizePods(slot, cpu, memory));
  }
  // Wherever ours are: an earlier run may have annotated the other one.
  for (Informer* cache : {revisions_.get(), autoscalers_.get()}) {
    const absl::Status status = writer_->Annotate(
        *cache, slot.ns, slot.name, [&](const Annotations& now) -> std::optional<json> {
          const Annotations owners = OwnersAnnotations(now);
          const auto own = owners.find(std::string(knative::kClass));
          const bool ours = own != owners.end() && own->second == config_.class_name;
          if (ours && cache == &AnnotatedCache()) {
            // Its owner chose our class; without us nobody would scale it.
            return AttachPatch(now,
                               {{std::string(knative::kClass), std::string(knative::kKpaClass)}});
          }
          return HandBackPatch(now);
        });
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  slot.replicas.reset();
  slot.cpu.reset();
  slot.memory_limit.reset();
  slot.proxied_since.reset();
  slot.written = absl::OkStatus();
  slot.to_write = false;
  return absl::OkStatus();
}

absl::Status KnativePlatform::HandBack(std::span<const FunctionId> functions) {
  if (config_.attach == AttachMode::kObserve) {
    return absl::UnimplementedError("knative: attach is observe: nothing was taken over");
  }
  const SimTime begin = clock_.Now();
  absl::Status first;
  for (const FunctionId function : functions) {
    if (function.index() >= slots_.size()) {
      return absl::InvalidArgumentError("knative: there is no such function");
    }
    if (clock_.Now() - begin > WriteWithin()) {
      return absl::UnavailableError("knative: not all were handed back in time: again");
    }
    const absl::Status status = HandBackOne(slots_[function.index()]);
    if (first.ok() && !status.ok()) first = status;
  }
  return first;
}

}  // namespace reeve
