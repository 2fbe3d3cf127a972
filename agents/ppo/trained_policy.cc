#include "agents/ppo/trained_policy.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "absl/status/status.h"
#include "agents/ppo/checkpoint.h"
#include "core/config.h"
#include "core/status.h"

namespace reeve {

absl::StatusOr<TrainedPolicy> LoadTrainedPolicy(const std::string& path) {
  ASSIGN_OR_RETURN(PolicyCheckpoint checkpoint, LoadPolicy(path));
  TrainedPolicy policy;
  policy.model = std::move(checkpoint.model);
  policy.control_period = SimTime::FromSeconds(checkpoint.info.control_period_s);
  policy.tenant_of_agent = std::move(checkpoint.info.tenant_names);
  ASSIGN_OR_RETURN(const ConfigNode observation,
                   ConfigNode::Parse(checkpoint.info.observation, path + ": observation"));
  RETURN_IF_ERROR(ReadConfig(observation, policy.observation));
  ASSIGN_OR_RETURN(const ConfigNode action,
                   ConfigNode::Parse(checkpoint.info.action, path + ": action"));
  RETURN_IF_ERROR(ReadConfig(action, policy.action));
  if (policy.tenant_of_agent.size() != policy.model.agent_names.size()) {
    return absl::DataLossError(path + ": damaged: agents without tenants");
  }
  const FeatureExtractor extractor(policy.observation);
  if (extractor.names() != policy.model.feature_names ||
      ActionCodec(policy.action).heads() != policy.model.heads()) {
    return absl::DataLossError(path + ": its networks do not fit its observation or its action");
  }
  return policy;
}

absl::StatusOr<std::vector<int32_t>> GroupsFor(const TrainedPolicy& policy,
                                               const std::vector<std::string>& functions,
                                               const std::vector<std::string>& tenants) {
  const PolicyModel& model = policy.model;
  const bool fixed = model.actor_view.view == View::kJoint || model.actor_view.agent_id;
  if (fixed && functions != model.agent_names) {
    return absl::InvalidArgumentError(
        fmt::format("the policy's actors see {}: it can serve the {} functions it was trained on "
                    "alone, in their order",
                    model.actor_view.agent_id ? "which agent they are" : "all agents side by side",
                    model.agent_names.size()));
  }
  if (model.groups == 1) return std::vector<int32_t>(functions.size(), 0);

  std::map<std::string, int32_t> by_function;
  // Only tenants all of whose agents have one group can take in a function that is new.
  std::map<std::string, std::optional<int32_t>> by_tenant;
  for (size_t agent = 0; agent < model.agent_names.size(); ++agent) {
    const int32_t group = model.group_of[agent];
    by_function[model.agent_names[agent]] = group;
    const auto [known, is_new] = by_tenant.try_emplace(policy.tenant_of_agent[agent], group);
    if (!is_new && known->second != group) known->second.reset();
  }

  std::vector<int32_t> groups;
  for (size_t f = 0; f < functions.size(); ++f) {
    if (const auto own = by_function.find(functions[f]); own != by_function.end()) {
      groups.push_back(own->second);
      continue;
    }
    const auto tenant = by_tenant.find(tenants[f]);
    if (tenant == by_tenant.end() || !tenant->second) {
      return absl::NotFoundError(fmt::format(
          "the policy was not trained for function '{}' of tenant '{}': its agents have parameters "
          "of their own (train with sharing: shared for functions that are not known yet)",
          functions[f], tenants[f]));
    }
    groups.push_back(*tenant->second);
  }
  return groups;
}

}  // namespace reeve
