#include "agents/adapt/rate_limited_policy.h"

#include <algorithm>
#include <cmath>

#include "core/status.h"

namespace reeve {

absl::Status RateLimitSpec::Validate() const {
  if (add_containers || add_share || remove_containers || remove_share) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "nothing is limited; set add_containers, add_share, remove_containers or remove_share");
}

RateLimitedPolicy::RateLimitedPolicy(std::unique_ptr<Policy> inner, const RateLimitSpec& spec)
    : inner_(std::move(inner)), spec_(spec) {}

int32_t RateLimitedPolicy::Limit(Function& f, int32_t wanted, SimTime now, bool wake) const {
  f.changes.erase(f.changes.begin(),
                  std::find_if(f.changes.begin(), f.changes.end(), [&](const Change& change) {
                    return now - change.at < spec_.period;
                  }));
  double added = 0, removed = 0;
  for (const Change& change : f.changes) (change.by > 0 ? added : removed) += std::abs(change.by);
  const double start = f.replicas - added + removed;
  double allowed = wanted;
  if (wanted > f.replicas && (spec_.add_containers || spec_.add_share)) {
    const double add = std::max<double>(spec_.add_containers.value_or(0),
                                        std::ceil(spec_.add_share.value_or(0) * start));
    allowed = std::clamp<double>(start + add, f.replicas, wanted);
  } else if (wanted < f.replicas && (spec_.remove_containers || spec_.remove_share)) {
    const double remove = std::max<double>(spec_.remove_containers.value_or(0),
                                           std::floor(spec_.remove_share.value_or(0) * start));
    allowed = std::clamp<double>(start - remove, wanted, f.replicas);
  }
  auto replicas = static_cast<int32_t>(allowed);
  if (wake && wanted > 0) replicas = std::max(replicas, 1);
  if (replicas != f.replicas) f.changes.push_back({now, replicas - f.replicas});
  return f.replicas = replicas;
}

absl::Status RateLimitedPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  RETURN_IF_ERROR(inner_->Decide(snapshot, decisions));
  for (size_t f = functions_.size(); f < decisions.size(); ++f) {
    functions_.push_back({static_cast<int32_t>(snapshot.functions.replicas_asked[f]), {}});
  }
  for (size_t f = 0; f < decisions.size(); ++f) {
    Decision& d = decisions[f];
    if (d.replicas) d.replicas = Limit(functions_[f], *d.replicas, snapshot.time, false);
  }
  return absl::OkStatus();
}

void RateLimitedPolicy::Wake(FunctionId function, SimTime now, Decision& decision) {
  inner_->Wake(function, now, decision);
  if (!decision.replicas || function.index() >= functions_.size()) return;
  decision.replicas = Limit(functions_[function.index()], *decision.replicas, now, true);
}

}  // namespace reeve
