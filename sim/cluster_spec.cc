#include "sim/cluster_spec.h"

#include <fmt/format.h>

#include "core/status.h"

namespace reeve {

int ClusterSpec::node_count() const {
  int count = 0;
  for (const NodeGroupSpec& group : nodes) count += group.count;
  return count;
}

absl::Status ClusterSpec::Validate() const {
  if (nodes.empty()) return absl::InvalidArgumentError("nodes: a cluster needs at least one node");
  if (balancer == BalancerStrategy::kSharding && scaling != ScalingMode::kOnDemand) {
    return absl::InvalidArgumentError(
        "balancer: sharding starts containers for requests; it needs scaling: on_demand");
  }
  if (pause.grace != SimTime::Max() && balancer != BalancerStrategy::kSharding) {
    return absl::InvalidArgumentError(
        "pause: only the pools behind balancer: sharding pause containers");
  }
  if (resize == ResizeMode::kNewVersion && balancer != BalancerStrategy::kSharding) {
    return absl::InvalidArgumentError(
        "resize: only the pools behind balancer: sharding tell versions apart");
  }
  for (size_t i = 1; i < interference.size(); ++i) {
    if (!(interference[i].load > interference[i - 1].load)) {
      return absl::InvalidArgumentError("interference: points must be in rising order of load");
    }
  }
  for (const NodeEventSpec& event : events) {
    if (event.node >= node_count()) {
      return absl::InvalidArgumentError(
          fmt::format("events: there is no node {}; the cluster has nodes 0 to {}", event.node,
                      node_count() - 1));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ClusterSpec> LoadCluster(const std::string& path,
                                        const std::vector<std::string>& assignments) {
  ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Load(path));
  for (const std::string& assignment : assignments) RETURN_IF_ERROR(node.Set(assignment));
  ClusterSpec spec;
  RETURN_IF_ERROR(ReadConfig(node, spec));
  return spec;
}

}  // namespace reeve
