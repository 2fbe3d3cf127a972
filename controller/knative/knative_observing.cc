// What KnativePlatform observes: functions, their windows, and what became of what was asked for.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/quantity.h"
#include "controller/window_rows.h"
#include "core/status.h"

namespace reeve {

std::vector<RevisionView> KnativePlatform::Views() const {
  const ClusterObjects objects{.services = services_->All(),
                               .revisions = revisions_->All(),
                               .autoscalers = autoscalers_->All(),
                               .deployments = deployments_->All(),
                               .pods = pods_->All()};
  return ViewRevisions(
      objects, {.tenant_label = config_.tenant_label, .slo_annotation = config_.slo_annotation});
}

void KnativePlatform::UpdateCatalogue() {
  std::vector<LiveFunction>& functions = catalogue_.functions;
  std::set<size_t> seen;
  bool changed = false;
  for (Slot& slot : slots_) slot.view = nullptr;
  for (const RevisionView& view : views_) {
    LiveFunction function = Describe(view);
    const auto [entry, added] = slot_of_id_.try_emplace(function.id, slots_.size());
    if (added) {
      slots_.emplace_back();
      functions.emplace_back();
    }
    Slot& slot = slots_[entry->second];
    LiveFunction& known = functions[entry->second];
    slot.ns = view.ns;
    slot.name = view.name;
    slot.view = &view;
    if (elector_ != nullptr) slot.shard = ShardOf(function.tenant, elector_->shards());
    seen.insert(entry->second);
    changed |= added || !known.present || known.name != function.name ||
               known.tenant != function.tenant || known.slo_latency != function.slo_latency;
    known = std::move(function);
  }
  for (size_t i = 0; i < functions.size(); ++i) {
    if (seen.count(i) > 0 || !functions[i].present) continue;
    functions[i].present = false;
    slots_[i].memory = {};
    slots_[i].ForgetAsked();
    changed = true;
  }
  if (changed) ++catalogue_.generation;
}

void KnativePlatform::Slot::ForgetAsked() {
  replicas.reset();
  cpu.reset();
  memory_limit.reset();
  scaled.reset();
  written = absl::OkStatus();
  to_write = given_up = false;
}

void KnativePlatform::FillCluster(ClusterState& cluster) const {
  cluster = {};
  for (const KubeObject& node : nodes_->All()) {
    if (ConditionOf(*node, "Ready") != "True") continue;
    const auto cpu = ParseCpuQuantity(TextAt(*node, "status.allocatable.cpu"));
    const auto memory = ParseMemoryQuantity(TextAt(*node, "status.allocatable.memory"));
    if (cpu.ok()) cluster.cpu_capacity += *cpu;
    if (memory.ok()) cluster.memory_capacity += *memory;
    ++cluster.nodes_ready;
  }
  // Without capacity nothing is held either (live_platform.h).
  if (cluster.memory_capacity == Mebibytes()) return;
  for (const RevisionView& view : views_) {
    for (const PodView& pod : view.pods) {
      cluster.cpu_limits += pod.cpu_limit;
      cluster.memory_held += pod.memory_limit;
    }
  }
  // Limits may be more than there is: what is held is not.
  cluster.memory_held = std::min(cluster.memory_held, cluster.memory_capacity);
}

absl::Status KnativePlatform::Observe(Snapshot& snapshot) {
  const SimTime now = clock_.Now();
  RETURN_IF_ERROR(Healthy());
  views_ = Views();
  UpdateCatalogue();
  LearnAnnotatedObject(now);
  const std::optional<SimTime> since =
      observed_at_ || direct_ == nullptr ? observed_at_ : direct_->asking_since();
  const SimTime window = since ? now - *since : SimTime();
  const FigureRound round = direct_ != nullptr ? direct_->Collect(views_, now, window)
                                               : prometheus_->Collect(views_, now, window);
  observed_at_ = now;
  window_ = window;
  snapshot.time = now - began_;
  snapshot.window = window;
  snapshot.functions.Resize(slots_.size());
  snapshot.functions.histograms = nullptr;
  status_.assign(slots_.size(), FunctionStatus());
  const RowDefaults defaults{config_.assumed_cpu, config_.assumed_memory};
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    // Another instance asks meanwhile: what we asked for once does not count any more.
    if (!MayActOn(FunctionId(static_cast<uint32_t>(i)))) slot.ForgetAsked();
    if (slot.view == nullptr) {
      ClearRow(i, snapshot.functions);
      status_[i].detail = "the revision is gone, or no route leads to it";
      continue;
    }
    const auto found = round.revisions.find(slot.view->key());
    const bool measured = round.status.ok() && window > SimTime();
    const FunctionFigures* figures =
        measured && found != round.revisions.end() ? &found->second : nullptr;
    FillRow(*slot.view, figures, defaults, i, slot.memory, snapshot.functions);
    slot.queued = figures != nullptr ? figures->queued.value_or(0) : 0;
    snapshot.functions.replicas_asked[i] = static_cast<uint32_t>(
        std::max(0, slot.replicas.value_or(slot.view->deployed_replicas.value_or(0))));
    FillStatus(slot, figures, round, now, status_[i]);
    JudgeActuation(slot, now, status_[i]);
  }
  FillCluster(snapshot.cluster);
  for (size_t i = 0; i < slots_.size(); ++i) {
    snapshot.cluster.cpu_used_millicores += snapshot.functions.cpu_used_millicores[i];
  }
  if (MayAct()) {
    if (config_.attach == AttachMode::kOwnClass) ReconcileClass(now);
    // What failed is in the status; that it did is no failure of observing.
    NoteWhatIsBehind();
    CarryOn(clock_.Now(), {}).IgnoreError();
  }
  return absl::OkStatus();
}

void KnativePlatform::FillStatus(const Slot& slot, const FunctionFigures* figures,
                                 const FigureRound& round, SimTime now,
                                 FunctionStatus& status) const {
  if (!round.status.ok()) {
    status.detail = MessageOf(round.status);
  } else if (round.window == SimTime()) {
    status.detail = "the first window has not passed yet";
  } else if (figures != nullptr) {
    status.metrics_age = std::max(SimTime(), now - round.measured_at);
  } else if (slot.view->ready() == 0) {
    status.metrics_age = SimTime();  // nothing runs: the zeros are sound
  } else {
    status.detail = direct_ != nullptr
                        ? fmt::format("{} pods are ready and too few of their queue-proxies answer",
                                      slot.view->ready())
                        : "Prometheus has no figures of it: is it scraped, and are Knative's "
                          "request metrics switched on?";
  }
  // What the watches know is as old as the last word of the API server.
  const SimTime contact = OldestContact();
  if (contact != SimTime::Max() && status.metrics_age != SimTime::Max()) {
    status.metrics_age = std::max(status.metrics_age, now - contact);
  }
}

void KnativePlatform::JudgeActuation(const Slot& slot, SimTime now, FunctionStatus& status) const {
  if (!slot.replicas && !slot.cpu && !slot.memory_limit) return;
  const RevisionView& view = *slot.view;
  const absl::Status& written = slot.written;
  if (IsRefusal(written)) {
    status.actuation = Actuation::kRefused;
    status.detail = MessageOf(written);
  } else if (!written.ok()) {
    status.actuation = Actuation::kPending;
    status.detail = MessageOf(written);
  } else if (Overridden(AnnotationsFor(view)) ||
             AnnotationsFor(view).count(std::string(knative::kAttached)) == 0) {
    status.actuation = Actuation::kOverridden;
    status.detail = "somebody else has changed the annotations that were set";
  } else {
    const int32_t asked = slot.replicas.value_or(0);
    // Under Knative's own autoscaler the last pod goes when it thinks so.
    const int32_t slack = asked == 0 && config_.attach == AttachMode::kAnnotate ? 1 : 0;
    const int32_t deployed = view.deployed_replicas.value_or(0);
    const bool done = !slot.replicas || (deployed >= asked && deployed <= asked + slack);
    status.actuation = done ? Actuation::kDone : Actuation::kPending;
    if (!done && now - slot.asked_at > config_.actuation_within) {
      status.detail = fmt::format(
          "{} replicas were asked for and the Deployment has {}{}", asked, deployed,
          view.desired_scale == -1 ? ": Knative's autoscaler has no metrics of it and then does "
                                     "not scale down"
                                   : "");
    }
    for (const PodView& pod : view.pods) {
      if (!slot.cpu && !slot.memory_limit) break;
      if (pod.resize_problem.empty()) continue;
      status.actuation = Actuation::kPending;
      status.detail = fmt::format("pod {}: {}", pod.name, pod.resize_problem);
    }
  }
  status.pending_for = status.actuation == Actuation::kDone ? SimTime() : now - slot.asked_at;
}

}  // namespace reeve
