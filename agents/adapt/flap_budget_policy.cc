#include "agents/adapt/flap_budget_policy.h"

#include <algorithm>

#include "core/check.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr SimTime kLongAgo = SimTime::Hours(-1'000'000);

}  // namespace

FlapBudgetPolicy::FlapBudgetPolicy(std::unique_ptr<Policy> inner, const FlapBudgetSpec& spec)
    : inner_(std::move(inner)), spec_(spec) {}

int32_t FlapBudgetPolicy::Recent(size_t function, SimTime now) const {
  const auto first = reversals_.begin() + static_cast<std::ptrdiff_t>(function) * spec_.reversals;
  return static_cast<int32_t>(std::count_if(first, first + spec_.reversals,
                                            [&](SimTime at) { return now - at < spec_.period; }));
}

int32_t FlapBudgetPolicy::Limit(size_t function, int32_t wanted, SimTime now) {
  Function& f = functions_[function];
  if (wanted == f.replicas) return wanted;
  const int8_t direction = wanted > f.replicas ? 1 : -1;
  if (f.direction != 0 && direction != f.direction) {
    const int32_t room = spec_.reversals - Recent(function, now);
    if (direction < 0 && room < 2) {
      ++held_;
      return f.replicas;
    }
    REEVE_CHECK(room >= 1);
    reversals_[function * static_cast<size_t>(spec_.reversals) + static_cast<size_t>(f.next)] = now;
    f.next = (f.next + 1) % spec_.reversals;
  }
  f.direction = direction;
  return f.replicas = wanted;
}

absl::Status FlapBudgetPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  RETURN_IF_ERROR(inner_->Decide(snapshot, decisions));
  for (size_t f = functions_.size(); f < decisions.size(); ++f) {
    functions_.push_back({static_cast<int32_t>(snapshot.functions.replicas_asked[f]), 0, 0});
  }
  reversals_.resize(functions_.size() * static_cast<size_t>(spec_.reversals), kLongAgo);
  for (size_t f = 0; f < decisions.size(); ++f) {
    if (decisions[f].replicas) {
      decisions[f].replicas = Limit(f, *decisions[f].replicas, snapshot.time);
    }
  }
  return absl::OkStatus();
}

void FlapBudgetPolicy::Wake(FunctionId function, SimTime now, Decision& decision) {
  inner_->Wake(function, now, decision);
  if (!decision.replicas || function.index() >= functions_.size()) return;
  decision.replicas = Limit(function.index(), *decision.replicas, now);
}

}  // namespace reeve
