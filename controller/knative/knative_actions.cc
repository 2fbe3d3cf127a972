// What KnativePlatform writes, but for the work of an autoscaler class of our own
// (knative_own_class.cc).
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

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

// The object has what we set, and that is not what was asked for last: a write that got no answer
// was carried out after all, later than the one that followed it.
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
    if (!MayActOn(FunctionId(static_cast<uint32_t>(i)))) {  // since a moment ago
      status_[i].not_carried_out = true;
      continue;
    }
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
  return CarryOn(begin, decisions);
}

// A quarter of the period: what is left over is written in the next one, and no tick is lost by it.
SimTime KnativePlatform::WriteWithin() const {
  if (window_ == SimTime()) return SimTime::Millis(500);
  return std::clamp(SimTime::Micros(window_.micros() / 4), SimTime::Millis(100), kWriteAtMost);
}

void KnativePlatform::NoteWhatIsBehind() {
  if (config_.attach != AttachMode::kAnnotate) return;
  for (Slot& slot : slots_) {
    if (slot.view == nullptr || !slot.replicas || !slot.written.ok()) continue;
    slot.to_write |= IsBehind(AnnotationsFor(*slot.view), *slot.replicas);
  }
}

absl::Status KnativePlatform::CarryOn(SimTime begin, std::span<const Decision> decisions) {
  size_t tried = 0, unavailable = 0;
  absl::Status last;
  bool left_over = false;
  // Where the last one ended: or those behind would never have their turn.
  const size_t first = write_first_;
  for (size_t k = 0; k < slots_.size(); ++k) {
    const size_t i = (first + k) % slots_.size();
    Slot& slot = slots_[i];
    if (slot.view == nullptr) continue;
    const bool may_act = MayActOn(FunctionId(static_cast<uint32_t>(i)));
    if (!slot.to_write) {
      // Pods that have come since are to be as the others.
      if (may_act && !slot.given_up && (slot.cpu || slot.memory_limit)) {
        slot.written = ResizePods(slot, slot.cpu, slot.memory_limit);
      }
      continue;
    }
    // A server that does not answer would use up the tick, one time-out after the other.
    const bool in_time = unavailable < 2 && clock_.Now() - begin <= WriteWithin();
    if (in_time && may_act) {
      slot.written = CarryOut(slot);
      ++tried;
    } else {
      slot.written = absl::UnavailableError("not written yet: the tick had no time left");
      if (!in_time && !std::exchange(left_over, true)) write_first_ = i;
    }
    const bool waits = absl::IsFailedPrecondition(slot.written);  // for the probe
    const bool refused = IsRefusal(slot.written);
    // Whatever is no refusal passes: no connection, conflicts, 429, 500.
    const bool again = !slot.written.ok() && !waits && !refused;
    if (again && in_time && may_act) {
      ++unavailable;
      last = slot.written;
    }
    const bool decided = !decisions.empty() && decisions[i] != Decision{};
    slot.to_write = waits || (again && !decided);
    slot.given_up = again && decided;
    if (!decided || !(again || refused)) continue;
    status_[i].not_carried_out = true;
    status_[i].actuation = refused ? Actuation::kRefused : Actuation::kPending;
    status_[i].detail = MessageOf(slot.written);
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
    const absl::Status annotated = writer_->Annotate(
        AnnotatedCache(), view.ns, view.name,
        [&](const Annotations& now) { return AttachPatch(now, wanted); }, slot.unsure);
    // A refusal and 429 say that nothing was done.
    if (annotated.ok()) {
      slot.unsure = false;
    } else if (!IsRefusal(annotated) && !absl::IsResourceExhausted(annotated)) {
      slot.unsure = true;
    }
    RETURN_IF_ERROR(annotated);
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
    slot.written = absl::FailedPreconditionError(
        "not written yet: it has just been found out that it goes to the PodAutoscaler");
  } else {
    return;
  }
  probe_.reset();
  spdlog::info("knative: annotations go to the {}, as this release follows them",
               *annotated_ == AnnotatedObject::kRevision ? "revision" : "PodAutoscaler");
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
        *cache, slot.ns, slot.name,
        [&](const Annotations& now) -> std::optional<json> {
          const Annotations owners = OwnersAnnotations(now);
          const auto own = owners.find(std::string(knative::kClass));
          const bool ours = own != owners.end() && own->second == config_.class_name;
          if (ours && cache == &AnnotatedCache()) {
            // Its owner chose our class; without us nobody would scale it.
            return AttachPatch(now,
                               {{std::string(knative::kClass), std::string(knative::kKpaClass)}});
          }
          return HandBackPatch(now);
        },
        slot.unsure);
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  slot.replicas.reset();
  slot.cpu.reset();
  slot.memory_limit.reset();
  slot.proxied_since.reset();
  slot.scaled.reset();
  slot.written = absl::OkStatus();
  slot.to_write = slot.given_up = slot.unsure = false;
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
