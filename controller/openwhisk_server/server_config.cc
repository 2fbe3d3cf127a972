#include "controller/openwhisk_server/server_config.h"

#include <fmt/format.h>

#include <set>

#include "controller/net/listen_address.h"
#include "controller/openwhisk_server/request.h"
#include "core/status.h"

namespace reeve::openwhisk_server {
namespace {

absl::Status Wrong(const std::string& key, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("{}: {}", key, why));
}

template <class T>
bool Ordered(T min, T standard, T max) {
  return min <= standard && standard <= max;
}

absl::Status CheckLimits(const SystemLimits& l) {
  const char* const order = "the standard lies between least and most";
  if (!Ordered(l.memory_min, l.memory_std, l.memory_max)) return Wrong("limits.memory_std", order);
  if (!Ordered(l.timeout_min, l.timeout_std, l.timeout_max)) {
    return Wrong("limits.timeout_std", order);
  }
  if (!Ordered(l.logs_min, l.logs_std, l.logs_max)) return Wrong("limits.logs_std", order);
  if (!Ordered(l.concurrency_min, l.concurrency_std, l.concurrency_max)) {
    return Wrong("limits.concurrency_std", order);
  }
  return absl::OkStatus();
}

absl::Status CheckAction(const std::string& key, const ActionSpec& action, const SystemLimits& l) {
  if (action.memory && (*action.memory < l.memory_min || *action.memory > l.memory_max)) {
    return Wrong(key + ".memory", "not between limits.memory_min and limits.memory_max");
  }
  if (action.timeout && (*action.timeout < l.timeout_min || *action.timeout > l.timeout_max)) {
    return Wrong(key + ".timeout", "not between limits.timeout_min and limits.timeout_max");
  }
  if (action.concurrency &&
      (*action.concurrency < l.concurrency_min || *action.concurrency > l.concurrency_max)) {
    return Wrong(key + ".concurrency",
                 "not between limits.concurrency_min and limits.concurrency_max");
  }
  return absl::OkStatus();
}

}  // namespace

ServerConfig::ServerConfig() {
  cluster.name = "openwhisk";
  cluster.scaling = ScalingMode::kOnDemand;
  cluster.balancer = BalancerStrategy::kSharding;
  cluster.placement = PlacementStrategy::kHash;
  cluster.router = RouterStrategy::kMostRecent;
  cluster.nodes = {NodeGroupSpec{.cpu = Millicores::Cores(8), .memory = Mebibytes(8192)}};
  cluster.containers.cpu_shares_from_memory = true;
  cluster.containers.keep_alive = SimTime::Seconds(610);
  cluster.pause.grace = SimTime::Seconds(10);
  cluster.pause.resume_ms = Distribution::LognormalFromMoments(40, 20);
  cluster.prewarm = {PrewarmPoolSpec{.count = 2}};
  cluster.cold_start.time_ms = Distribution::LognormalFromMoments(900, 500);
  cluster.cold_start.prewarmed_ms = Distribution::LognormalFromMoments(250, 120);
}

absl::Status ServerConfig::Validate() const {
  RETURN_IF_ERROR(ParseListenAddress("listen", listen).status());
  if (absl::Status status = cluster.Validate(); !status.ok()) {
    return absl::Status(status.code(), "cluster." + MessageOf(status));
  }
  if (cluster.scaling != ScalingMode::kOnDemand) {
    return Wrong("cluster.scaling", "an invocation starts a container: on_demand only");
  }
  if (namespaces.empty()) return Wrong("namespaces", "nobody could call: name one");
  std::set<std::string> keys;
  for (const auto& [name, spec] : namespaces) {
    const std::string key = "namespaces." + name;
    if (!IsEntityName(name) || name == "_" || name == "whisk.system") {
      return Wrong(key, "this name cannot be used");
    }
    const size_t colon = spec.key.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == spec.key.size()) {
      return Wrong(key + ".key", "it must be UUID:SECRET");
    }
    if (!keys.insert(spec.key).second) return Wrong(key + ".key", "another namespace has it");
  }
  RETURN_IF_ERROR(CheckLimits(limits));
  for (const auto& [name, action] : actions) {
    const std::string key = "actions." + name;
    const absl::StatusOr<EntityPath> path = ParseEntityPath("/" + name, "");
    if (!path.ok() || name.starts_with('/')) {
      return Wrong(key, "it must be NAMESPACE/ACTION or NAMESPACE/PACKAGE/ACTION");
    }
    if (!namespaces.contains(path->ns)) {
      return Wrong(key, fmt::format("there is no namespace '{}'", path->ns));
    }
    RETURN_IF_ERROR(CheckAction(key, action, limits));
  }
  if (!load.trace.empty() && !load.scenario.empty()) {
    return Wrong("load.scenario", "there is a trace already; name one of the two");
  }
  const bool loaded = !load.trace.empty() || !load.scenario.empty();
  if (loaded && !namespaces.contains(load.ns)) {
    return Wrong("load.namespace", fmt::format("there is no namespace '{}'", load.ns));
  }
  return absl::OkStatus();
}

}  // namespace reeve::openwhisk_server
