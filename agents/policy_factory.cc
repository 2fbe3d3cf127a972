#include "agents/policy_factory.h"

#include <algorithm>

#include "agents/rules/hpa_policy.h"
#include "agents/rules/kpa_policy.h"
#include "agents/rules/openwhisk_policies.h"
#include "core/status.h"

namespace reeve {
namespace {

struct PolicyKind {
  const char* name;
  // Null when it cannot be made without the workload.
  std::unique_ptr<Policy> (*make)(const PolicySpec&);
};

constexpr PolicyKind kKinds[] = {
    {"kpa",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<KpaPolicy>(spec.kpa);
     }},
    {"static",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<StaticPolicy>(spec.fixed);
     }},
    {"keep_alive",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<KeepAlivePolicy>(spec.keep_alive);
     }},
    {"hpa",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<HpaPolicy>(spec.hpa);
     }},
    {"keda",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<KedaPolicy>(spec.keda);
     }},
    {"aimd",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<AimdPolicy>(spec.aimd);
     }},
    {"ensure",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<EnsurePolicy>(spec.ensure);
     }},
    {"vpa",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<VpaPolicy>(spec.vpa);
     }},
    {"combined",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<CombinedPolicy>(spec.combined);
     }},
    {"hybrid_histogram",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       if (spec.hybrid_histogram.unit == HistogramUnit::kApp) return nullptr;
       return std::make_unique<HybridHistogramPolicy>(spec.hybrid_histogram);
     }},
    {"oracle_prewarm", [](const PolicySpec&) -> std::unique_ptr<Policy> { return nullptr; }},
    {"learned", [](const PolicySpec&) -> std::unique_ptr<Policy> { return nullptr; }},
    {"openwhisk",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<OpenWhiskPolicy>(spec.openwhisk);
     }},
    {"openwhisk_scheduler",
     [](const PolicySpec& spec) -> std::unique_ptr<Policy> {
       return std::make_unique<OpenWhiskSchedulerPolicy>(spec.openwhisk_scheduler);
     }},
};

}  // namespace

const std::vector<std::string>& PolicyNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const PolicyKind& kind : kKinds) all.emplace_back(kind.name);
    return all;
  }();
  return names;
}

absl::Status PolicySpec::Validate() const {
  const std::vector<std::string>& names = PolicyNames();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return absl::InvalidArgumentError("name: unknown policy '" + name + "'" +
                                      config_internal::Suggest(name, names));
  }
  absl::Status status;
  if (name == "kpa") status = kpa.Validate();
  if (name == "hpa") status = hpa.Validate();
  if (name == "keda") status = keda.Validate();
  if (name == "aimd") status = aimd.Validate();
  if (name == "ensure") status = ensure.Validate();
  if (name == "vpa") status = vpa.Validate();
  if (name == "combined") status = combined.Validate();
  if (name == "hybrid_histogram") status = hybrid_histogram.Validate();
  if (name == "learned" && learned.checkpoint.empty()) {
    status = absl::InvalidArgumentError(
        "checkpoint: name the policy's file, as `reeve train` leaves it (policy.rpolicy)");
  }
  if (!status.ok()) return absl::InvalidArgumentError(name + "." + MessageOf(status));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(const PolicySpec& spec) {
  RETURN_IF_ERROR(spec.Validate());
  for (const PolicyKind& kind : kKinds) {
    if (spec.name != kind.name) continue;
    if (std::unique_ptr<Policy> policy = kind.make(spec)) return policy;
    return absl::InvalidArgumentError("name: '" + spec.name +
                                      "', with these options, has to know the workload "
                                      "beforehand, so it runs in simulation only");
  }
  return absl::InternalError("a policy that is listed cannot be made: " + spec.name);
}

}  // namespace reeve
