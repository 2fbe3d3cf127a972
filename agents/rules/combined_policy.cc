#include "agents/rules/combined_policy.h"

#include "agents/rules/hpa_policy.h"
#include "agents/rules/kpa_policy.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr SimTime kLongAgo = SimTime::Hours(-1'000'000);

std::unique_ptr<Policy> MakeHorizontal(const CombinedOptions& options) {
  if (options.horizontal == HorizontalRule::kHpa) return std::make_unique<HpaPolicy>(options.hpa);
  return std::make_unique<KpaPolicy>(options.kpa);
}

absl::Status Below(const char* name, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::InvalidArgumentError(std::string(name) + "." + MessageOf(status));
}

}  // namespace

HpaOptions CombinedOptions::ConcurrencyHpa() {
  HpaOptions options;
  options.metrics.front().metric = HpaMetric::kConcurrency;
  return options;
}

VpaOptions CombinedOptions::SlowVpa() {
  VpaOptions options;
  options.cpu_use = VpaCpuUse::kBusyContainer;
  options.min_time_between_changes = SimTime::Minutes(10);
  return options;
}

absl::Status CombinedOptions::Validate() const {
  if (horizontal == HorizontalRule::kKpa) {
    RETURN_IF_ERROR(Below("kpa", kpa.Validate()));
  } else {
    RETURN_IF_ERROR(Below("hpa", hpa.Validate()));
    for (const HpaMetricSpec& metric : hpa.metrics) {
      if (IsUtilization(metric.metric)) {
        return absl::InvalidArgumentError(
            "hpa.metrics: cpu and memory depend on the limits that vpa changes, so that the two "
            "rules would answer each other; use concurrency or rps");
      }
    }
  }
  if (vpa.replicas) {
    return absl::InvalidArgumentError(
        "vpa.replicas: the horizontal rule sets the replicas; leave it out");
  }
  return Below("vpa", vpa.Validate());
}

CombinedPolicy::CombinedPolicy(const CombinedOptions& options)
    : settle_(options.settle), horizontal_(MakeHorizontal(options)), vertical_(options.vpa) {}

absl::Status CombinedPolicy::Decide(const Snapshot& snapshot, std::span<Decision> decisions) {
  limits_.assign(decisions.size(), Decision{});
  RETURN_IF_ERROR(vertical_.Decide(snapshot, limits_));
  RETURN_IF_ERROR(horizontal_->Decide(snapshot, decisions));
  resized_.resize(decisions.size(), kLongAgo);
  for (size_t f = 0; f < decisions.size(); ++f) {
    Decision& decision = decisions[f];
    decision.cpu_limit = limits_[f].cpu_limit;
    decision.memory_limit = limits_[f].memory_limit;
    if (decision.cpu_limit || decision.memory_limit) resized_[f] = snapshot.time;
    const auto asked = static_cast<int32_t>(snapshot.functions.replicas_asked[f]);
    const bool down = decision.replicas && *decision.replicas < asked;
    if (down && snapshot.time - resized_[f] < settle_) decision.replicas.reset();
  }
  return absl::OkStatus();
}

void CombinedPolicy::Wake(FunctionId function, SimTime now, Decision& decision) {
  horizontal_->Wake(function, now, decision);
}

}  // namespace reeve
