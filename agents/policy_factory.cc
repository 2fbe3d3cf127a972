#include "agents/policy_factory.h"

#include <algorithm>

#include "agents/adapt/safeguarded_policy.h"
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

namespace {

absl::Status UnknownPolicy(const char* key, const std::string& name) {
  return absl::InvalidArgumentError(std::string(key) + ": unknown policy '" + name + "'" +
                                    config_internal::Suggest(name, PolicyNames()));
}

bool IsPolicy(const std::string& name) {
  const std::vector<std::string>& names = PolicyNames();
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The options of one policy.
absl::Status ValidateOptions(const PolicySpec& spec, const std::string& name) {
  absl::Status status;
  if (name == "kpa") status = spec.kpa.Validate();
  if (name == "hpa") status = spec.hpa.Validate();
  if (name == "keda") status = spec.keda.Validate();
  if (name == "aimd") status = spec.aimd.Validate();
  if (name == "ensure") status = spec.ensure.Validate();
  if (name == "vpa") status = spec.vpa.Validate();
  if (name == "combined") status = spec.combined.Validate();
  if (name == "hybrid_histogram") status = spec.hybrid_histogram.Validate();
  if (name == "learned" && spec.learned.checkpoint.empty()) {
    status = absl::InvalidArgumentError(
        "checkpoint: name the policy's file, as `reeve train` leaves it (policy.rpolicy)");
  }
  if (status.ok()) return status;
  return absl::InvalidArgumentError(name + "." + MessageOf(status));
}

template <class Part>
absl::Status ValidatePart(const char* key, const std::optional<Part>& part) {
  if (!part) return absl::OkStatus();
  const absl::Status status = part->Validate();
  if (status.ok()) return status;
  return absl::InvalidArgumentError(std::string(key) + "." + MessageOf(status));
}

absl::StatusOr<std::unique_ptr<Policy>> MakeNamed(const PolicySpec& spec) {
  for (const PolicyKind& kind : kKinds) {
    if (spec.name != kind.name) continue;
    if (std::unique_ptr<Policy> policy = kind.make(spec)) return policy;
    return absl::InvalidArgumentError("name: '" + spec.name +
                                      "', with these options, has to know the workload "
                                      "beforehand, so it runs in simulation only");
  }
  return absl::InternalError("a policy that is listed cannot be made: " + spec.name);
}

}  // namespace

absl::Status PolicySpec::Validate() const {
  if (!IsPolicy(name)) return UnknownPolicy("name", name);
  RETURN_IF_ERROR(ValidateOptions(*this, name));
  RETURN_IF_ERROR(ValidatePart("rate_limit", rate_limit));
  RETURN_IF_ERROR(ValidatePart("bounds", bounds));
  RETURN_IF_ERROR(ValidatePart("safeguard", safeguard));
  if (!safeguard) return absl::OkStatus();
  if (!IsPolicy(safeguard->fallback)) {
    return UnknownPolicy("safeguard.fallback", safeguard->fallback);
  }
  return ValidateOptions(*this, safeguard->fallback);
}

bool PolicySpec::Uses(std::string_view policy) const {
  return name == policy || (safeguard && safeguard->fallback == policy);
}

absl::StatusOr<std::unique_ptr<Policy>> MakeWrapped(const PolicySpec& spec,
                                                    const PolicyMaker& make) {
  ASSIGN_OR_RETURN(std::unique_ptr<Policy> policy, make(spec));
  if (spec.flap_budget) {
    policy = std::make_unique<FlapBudgetPolicy>(std::move(policy), *spec.flap_budget);
  }
  if (spec.rate_limit) {
    policy = std::make_unique<RateLimitedPolicy>(std::move(policy), *spec.rate_limit);
  }
  if (spec.bounds) policy = std::make_unique<BoundedPolicy>(std::move(policy), *spec.bounds);
  if (!spec.safeguard) return policy;
  PolicySpec other = spec;
  other.name = spec.safeguard->fallback;
  ASSIGN_OR_RETURN(std::unique_ptr<Policy> fallback, make(other));
  return std::make_unique<SafeguardedPolicy>(std::move(policy), std::move(fallback),
                                             *spec.safeguard);
}

absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(const PolicySpec& spec) {
  RETURN_IF_ERROR(spec.Validate());
  return MakeWrapped(spec, MakeNamed);
}

}  // namespace reeve
