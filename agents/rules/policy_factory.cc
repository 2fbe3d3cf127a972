#include "agents/rules/policy_factory.h"

#include <algorithm>

#include "agents/rules/kpa_policy.h"
#include "core/status.h"

namespace reeve {
namespace {

struct PolicyKind {
  const char* name;
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
  if (name == "kpa") {
    if (absl::Status status = kpa.Validate(); !status.ok()) {
      return absl::InvalidArgumentError("kpa." + MessageOf(status));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(const PolicySpec& spec) {
  RETURN_IF_ERROR(spec.Validate());
  for (const PolicyKind& kind : kKinds) {
    if (spec.name == kind.name) return kind.make(spec);
  }
  return absl::InternalError("a policy that is listed cannot be made: " + spec.name);
}

}  // namespace reeve
