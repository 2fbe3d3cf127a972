#include "runs/experiment_config.h"

#include <fmt/format.h>

#include <set>

#include "core/status.h"

namespace reeve {

void ResolveDefaults(ExperimentConfig& config) {
  for (ExperimentPolicy& policy : config.policies) {
    if (!policy.training.empty()) policy.policy.name = "learned";
    if (policy.label.empty()) policy.label = policy.policy.name;
    if (policy.cluster.empty() && !config.clusters.empty()) {
      policy.cluster = config.clusters.begin()->first;
    }
  }
  if (config.baseline.empty() && !config.policies.empty()) {
    config.baseline = config.policies.front().label;
  }
}

absl::Status ExperimentConfig::Validate() const {
  const auto wrong = [](const std::string& what) { return absl::InvalidArgumentError(what); };
  if (clusters.empty()) return wrong("clusters: name at least one");
  if (workloads.empty()) return wrong("workloads: name at least one");
  if (policies.empty()) return wrong("policies: list at least one");
  ExperimentConfig resolved = *this;
  ResolveDefaults(resolved);
  std::vector<std::string> cluster_names;
  for (const auto& [cluster, file] : clusters) cluster_names.push_back(cluster);
  std::set<std::string> labels;
  bool tuned = false;
  for (const ExperimentPolicy& policy : resolved.policies) {
    if (!labels.insert(policy.label).second) {
      return wrong(fmt::format("policies: two are labelled '{}'; give each a label", policy.label));
    }
    if (!clusters.contains(policy.cluster)) {
      return wrong(fmt::format("policies: {}: no cluster '{}'{}", policy.label, policy.cluster,
                               config_internal::Suggest(policy.cluster, cluster_names)));
    }
    tuned |= !policy.search.empty() || !policy.training.empty();
  }
  if (!labels.contains(resolved.baseline)) {
    return wrong(
        fmt::format("baseline: no policy is labelled '{}'{}", resolved.baseline,
                    config_internal::Suggest(resolved.baseline, {labels.begin(), labels.end()})));
  }
  if (!tuned) return absl::OkStatus();
  const uint64_t test_end = first_seed + static_cast<uint64_t>(seeds);
  const uint64_t tuning_end = tuning.first_seed + static_cast<uint64_t>(tuning.seeds);
  if (first_seed < tuning_end && tuning.first_seed < test_end) {
    return wrong("tuning: its seeds are those of the test; change first_seed");
  }
  for (const auto& [workload, spec] : workloads) {
    if (!spec.split) {
      return wrong(
          fmt::format("workloads: {}: policies are tuned or trained, so it needs a 'split' that "
                      "keeps a test part apart",
                      workload));
    }
  }
  return absl::OkStatus();
}

}  // namespace reeve
