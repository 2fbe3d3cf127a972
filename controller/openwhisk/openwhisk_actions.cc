// What OpenWhiskPlatform writes; the rest of it is in openwhisk_platform.cc.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "controller/openwhisk/attachment.h"
#include "controller/openwhisk/openwhisk_platform.h"
#include "controller/openwhisk/prewarm_plan.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

// A tick writes no longer than this, or a quarter of the period; what is left over has its turn
// first in the next.
constexpr SimTime kWriteAtMost = SimTime::Seconds(4);
// Failures speak for more memory for so long.
constexpr SimTime kFailingFor = SimTime::Minutes(5);

}  // namespace

SimTime OpenWhiskPlatform::WriteWithin() const {
  if (window_ == SimTime()) return SimTime::Millis(500);
  return std::clamp(SimTime::Micros(window_.micros() / 4), SimTime::Millis(100), kWriteAtMost);
}

WhiskLimits OpenWhiskPlatform::WantedLimits(const Slot& slot, std::string* told) const {
  const WhiskBounds& bounds = tenants_[slot.tenant]->bounds;
  WhiskLimits wanted = slot.action->limits;
  std::vector<std::string> notes;
  if (slot.memory && config_.sets.memory) {
    const std::optional<Mebibytes> size = ChooseSize(*slot.memory, config_.sizes, bounds);
    if (!size) {
      notes.push_back("none of `sizes` is within what this server allows");
    } else {
      wanted.memory = *size;
      if (*size < *slot.memory) {
        notes.push_back(fmt::format("{} MiB were decided, and {} are the most that may be",
                                    slot.memory->value(), size->value()));
      }
    }
  }
  if (slot.concurrency && config_.sets.concurrency) {
    wanted.concurrency = ChooseConcurrency(*slot.concurrency, bounds);
    if (wanted.concurrency != *slot.concurrency) {
      notes.push_back(fmt::format("a concurrency of {} was decided, and {} may be",
                                  *slot.concurrency, wanted.concurrency));
    }
  }
  if (slot.replicas && config_.sets.instances) {
    wanted.instances = ChooseInstances(*slot.replicas, bounds);
    if (*wanted.instances != *slot.replicas) {
      notes.push_back(fmt::format("{} instances were decided, and {} may be", *slot.replicas,
                                  *wanted.instances));
    }
  }
  if (told != nullptr) *told = fmt::format("{}", fmt::join(notes, "; "));
  return wanted;
}

ChangeContext OpenWhiskPlatform::ContextOf(const Slot& slot, const WhiskLimits& wanted) const {
  const Tenant& tenant = *tenants_[slot.tenant];
  const bool events = slot.events != nullptr;
  const double cold_ms = events ? slot.events->cold_start_ms() : tenant.ledger.cold_start_ms();
  const double execution_ms =
      events ? slot.events->execution_ms() : tenant.ledger.execution_ms(slot.path);
  ChangeContext context;
  context.now = slot.action->limits;
  context.wanted = wanted;
  context.containers = slot.figures.containers;
  context.in_flight = slot.figures.in_flight;
  context.rate_rps = slot.rate_rps;
  context.execution_s = execution_ms / 1000;
  context.cold_start_s = cold_ms > 0 ? cold_ms / 1000 : config_.assumed.cold_start.seconds();
  context.failing = slot.failed_at >= SimTime() && clock_.Now() - slot.failed_at < kFailingFor;
  if (slot.changed_at) {
    context.since_last_change = clock_.Now() - *slot.changed_at;
  } else if (IsAttached(*slot.action) && slot.action->updated_ms) {
    // By an earlier run.
    const int64_t ago = ServerNow(tenant) - *slot.action->updated_ms;
    context.since_last_change = SimTime::Millis(std::clamp<int64_t>(ago, 0, 1'000'000'000'000));
  }
  return context;
}

absl::Status OpenWhiskPlatform::TakeOver(std::span<const FunctionId> functions) {
  for (const FunctionId function : functions) {
    if (function.index() >= slots_.size()) {
      return absl::InvalidArgumentError("openwhisk: there is no such function");
    }
    Slot& slot = slots_[function.index()];
    slot.handed_back = slot.none_left = false;
  }
  return absl::OkStatus();
}

absl::Status OpenWhiskPlatform::Apply(std::span<const Decision> decisions) {
  if (decisions.size() != slots_.size()) {
    return absl::InvalidArgumentError(
        fmt::format("openwhisk: {} decisions for {} functions", decisions.size(), slots_.size()));
  }
  const SimTime begin = clock_.Now();
  const PlatformCapabilities can = capabilities();
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    const Decision& decision = decisions[i];
    if (!slot.action || decision == Decision{}) continue;
    bool news = false;
    const auto ask = [&news](auto& asked, const auto& wanted) {
      if (!wanted || asked == wanted) return;
      asked = wanted;
      news = true;
    };
    if (can.replicas) ask(slot.replicas, decision.replicas);
    if (can.memory_limit) ask(slot.memory, decision.memory_limit);
    if (can.concurrency) ask(slot.concurrency, decision.concurrency);
    if (news) slot.asked_at = begin;
    if (!slot.asked()) continue;
    slot.to_write = true;
    slot.handed_back = slot.none_left = false;
  }
  return CarryOn(begin, decisions);
}

absl::Status OpenWhiskPlatform::CarryOn(SimTime begin, std::span<const Decision> decisions) {
  size_t tried = 0, failed = 0;
  absl::Status last;
  bool left_over = false;
  std::vector<int> failed_of(tenants_.size());
  // Where the last one ended: or those behind would never have their turn.
  const size_t first = write_first_;
  for (size_t k = 0; k < slots_.size(); ++k) {
    const size_t i = (first + k) % slots_.size();
    Slot& slot = slots_[i];
    if (!slot.action || !(slot.to_write || slot.handed_back || slot.replicas)) continue;
    const bool in_time = clock_.Now() - begin <= WriteWithin();
    if (!in_time && !std::exchange(left_over, true)) write_first_ = i;
    if (slot.handed_back) {
      // A PUT of ours that came after all.
      if (in_time && IsAttached(*slot.action)) HandBackOne(slot).IgnoreError();
      continue;
    }
    if (slot.to_write) {
      // A server that does not answer would use up the tick, one time-out after the other.
      const bool write = in_time && failed_of[slot.tenant] < 2;
      slot.written = write ? CarryOut(slot)
                           : absl::UnavailableError(in_time ? "not written: others before it failed"
                                                            : "the tick had no time left for it");
      if (write) ++tried;
      if (write && WhiskFailureMayPass(slot.written)) {
        ++failed;
        ++failed_of[slot.tenant];
        last = slot.written;
      }
      NoteWritten(i, !decisions.empty() && decisions[i] != Decision{});
    }
    if (in_time) Prewarm(slot);
  }
  if (tried > 0 && failed == tried) return absl::UnavailableError(MessageOf(last));
  return absl::OkStatus();
}

// What was decided and not carried out is the loop's again: what it decides next may differ. What
// only waits until it pays is accepted, and stays with us.
void OpenWhiskPlatform::NoteWritten(size_t index, bool decided) {
  Slot& slot = slots_[index];
  const bool passes = WhiskFailureMayPass(slot.written);
  const bool waits = slot.written.ok() && !slot.held.empty();
  slot.to_write = waits || (passes && !decided);
  if (!decided || slot.written.ok()) return;
  status_[index].not_carried_out = true;
  status_[index].actuation = passes ? Actuation::kPending : Actuation::kRefused;
  status_[index].detail = MessageOf(slot.written);
}

absl::Status OpenWhiskPlatform::CarryOut(Slot& slot) {
  slot.held.clear();
  if (slot.unsure) RETURN_IF_ERROR(ReadAgain(slot));
  const std::string told_before = slot.told;
  const WhiskLimits wanted = WantedLimits(slot, &slot.told);
  if (!slot.told.empty() && slot.told != told_before) {
    spdlog::info("openwhisk: {}/{}: {}", tenants_[slot.tenant]->ns, slot.path, slot.told);
  }
  const std::optional<json> body = AttachBody(*slot.action, wanted, config_.sets);
  if (!body) return absl::OkStatus();
  const ChangeVerdict verdict =
      JudgeChange(ContextOf(slot, wanted), config_.changes, config_.assumed.keep_alive);
  if (!verdict.change) {
    slot.held = verdict.why;
    return absl::OkStatus();
  }
  return PutAction(slot, *body);
}

absl::Status OpenWhiskPlatform::ReadAgain(Slot& slot) {
  Tenant& tenant = *tenants_[slot.tenant];
  const SimTime asked = clock_.Now();
  ASSIGN_OR_RETURN(const json answer, tenant.writer->Get(WhiskActionPath(tenant.spec.ns, slot.path),
                                                         {{"code", "false"}}));
  ASSIGN_OR_RETURN(WhiskAction action, ReadWhiskAction(answer));
  if (action.path != slot.path) {
    return absl::UnavailableError("the server answered with another action");
  }
  // Whoever changed it: its containers are new since then.
  if (slot.action && slot.action->version != action.version) slot.changed_at = asked;
  SetAction(slot, std::move(action), asked);
  slot.unsure = false;
  return absl::OkStatus();
}

absl::Status OpenWhiskPlatform::PutAction(Slot& slot, const json& body) {
  Tenant& tenant = *tenants_[slot.tenant];
  const uint64_t sent = tenant.writer->requests();
  const absl::StatusOr<json> answer =
      tenant.writer->Put(WhiskActionPath(tenant.spec.ns, slot.path), {{"overwrite", "true"}}, body);
  if (!answer.ok()) {
    // An answer that did not come, or came from somebody in between, says nothing about the action.
    const bool was_sent = tenant.writer->requests() != sent;
    slot.unsure = slot.unsure || (was_sent && WhiskFailureMayPass(answer.status()));
    if (absl::IsNotFound(answer.status())) tenant.source->ListActionsSoon();
    return answer.status();
  }
  const SimTime now = clock_.Now();
  slot.changed_at = now;
  ++changes_;
  absl::StatusOr<WhiskAction> action = ReadWhiskAction(*answer);
  if (!action.ok() || action->path != slot.path) {
    slot.unsure = true;
    return absl::UnavailableError("the answer to a change does not say what the action is now");
  }
  spdlog::info("openwhisk: {}/{}: version {}: {} MiB, concurrency {}", tenant.ns, slot.path,
               action->version, action->limits.memory.value(), action->limits.concurrency);
  SetAction(slot, *std::move(action), now);
  return absl::OkStatus();
}

void OpenWhiskPlatform::Prewarm(Slot& slot) {
  if (!config_.prewarm.enabled || !slot.replicas || *slot.replicas <= 0) return;
  Tenant& tenant = *tenants_[slot.tenant];
  if (!tenant.fresh) return;  // on what is known only
  const SimTime now = clock_.Now();
  while (!tenant.prewarms.empty() && now - tenant.prewarms.front() > SimTime::Minutes(1)) {
    tenant.prewarms.pop_front();
  }
  PrewarmContext context;
  context.floor = *slot.replicas;
  context.containers = slot.figures.containers;
  context.in_flight = slot.figures.in_flight;
  context.concurrency = slot.action->limits.concurrency;
  const auto last = tenant.ledger.LastInUse(slot.path, static_cast<uint32_t>(context.floor));
  if (last) context.idle_for = SimTime::Millis(std::max<int64_t>(0, tenant.end_ms - *last));
  if (slot.prewarmed_at) context.since_last_round = now - *slot.prewarmed_at;
  context.keep_alive = config_.assumed.keep_alive;
  // Of the tenant's own limits at most a half is used up by us.
  int64_t budget = config_.prewarm.per_minute;
  if (const auto most = tenant.bounds.invocations_per_minute) {
    budget = std::min(budget, int64_t{*most} / 2);
  }
  budget -= static_cast<int64_t>(tenant.prewarms.size());
  if (const auto most = tenant.bounds.concurrent_invocations) {
    budget = std::min(budget, int64_t{*most} / 2);
  }
  context.budget = budget;
  const int64_t count = PlanPrewarm(context, config_.prewarm);
  if (count <= 0) return;
  slot.prewarmed_at = now;
  const auto [ids, status] =
      tenant.invoker->InvokeAtOnce(WhiskActionPath(tenant.spec.ns, slot.path),
                                   {{config_.prewarm.marker, true}}, static_cast<size_t>(count));
  for (const std::string& id : ids) {
    tenant.ledger.IgnoreAsRequest(id);
    tenant.prewarms.push_back(now);
    ++prewarmed_;
  }
  slot.prewarm_status = status;
}

absl::Status OpenWhiskPlatform::HandBackOne(Slot& slot) {
  // In a call before, which had no time for all of them.
  if (slot.none_left && !(slot.action && IsAttached(*slot.action))) return absl::OkStatus();
  const bool touched = slot.asked() || slot.unsure || slot.changed_at || slot.handed_back;
  slot.ForgetAsked();
  slot.handed_back = true;
  slot.none_left = false;
  if (!slot.action || !(touched || IsAttached(*slot.action))) return absl::OkStatus();
  // As it is, and not as it was in the last list: somebody may have changed it.
  const absl::Status read = ReadAgain(slot);
  if (absl::IsNotFound(read)) return absl::OkStatus();  // nobody is left to be handed back
  RETURN_IF_ERROR(read);
  const WhiskBounds& bounds = tenants_[slot.tenant]->bounds;
  constexpr int32_t kWithoutLimit = 100;  // OpenWhisk's default of a namespace
  const int32_t most =
      bounds.max_instances.value_or(bounds.concurrent_invocations.value_or(kWithoutLimit));
  const std::optional<json> body = HandBackBody(*slot.action, most);
  if (body) RETURN_IF_ERROR(PutAction(slot, *body));
  slot.none_left = true;
  return absl::OkStatus();
}

absl::Status OpenWhiskPlatform::HandBack(std::span<const FunctionId> functions) {
  const SimTime begin = clock_.Now();
  absl::Status first;
  for (const FunctionId function : functions) {
    if (function.index() >= slots_.size()) {
      return absl::InvalidArgumentError("openwhisk: there is no such function");
    }
    if (clock_.Now() - begin > WriteWithin()) {
      return absl::CancelledError("openwhisk: there was no time to hand back all: again");
    }
    const absl::Status status = HandBackOne(slots_[function.index()]);
    if (first.ok() && !status.ok()) {
      first = absl::Status(
          status.code(), fmt::format("openwhisk: {}: {}", catalogue_.functions[function.index()].id,
                                     MessageOf(status)));
    }
  }
  return first;
}

}  // namespace reeve
