#include "envs/straggler_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/random.h"
#include "core/status.h"
#include "envs/scenario.h"

namespace reeve {
namespace {

constexpr double kLeastSize = 3, kMostSize = 500;  // ms

}  // namespace

absl::Status StragglerSpec::Validate() const {
  if (workloads.empty() == (random.count == 0)) {
    return absl::InvalidArgumentError(
        "workloads: give a list of environments, or random.count, and not both");
  }
  std::set<std::string> names;
  for (const StragglerWorkload& workload : workloads) {
    if (!names.insert(workload.name).second) {
      return absl::InvalidArgumentError(
          fmt::format("workloads: '{}' is there twice", workload.name));
    }
    if (workload.size_ms.Mean() <= 0) {
      return absl::InvalidArgumentError(
          fmt::format("workloads: sizes of '{}' are all 0", workload.name));
    }
  }
  if (random.least_load > random.most_load || random.least_shape > random.most_shape) {
    return absl::InvalidArgumentError("random: a least is more than its most");
  }
  if (shortest_gap_ms > longest_gap_ms) {
    return absl::InvalidArgumentError("shortest_gap_ms: it is more than longest_gap_ms");
  }
  if (safeguard.release > safeguard.engage) {
    return absl::InvalidArgumentError("safeguard.release: it is above engage");
  }
  if (!std::is_sorted(timeouts_ms.begin(), timeouts_ms.end())) {
    return absl::InvalidArgumentError("timeouts_ms: they do not rise");
  }
  return absl::OkStatus();
}

std::vector<StragglerWorkload> StragglerSpec::Workloads() const {
  if (random.count == 0) return workloads;
  std::vector<StragglerWorkload> drawn;
  const double slow = 1 + slow_probability * (slow_factor - 1);
  for (int32_t i = 0; i < random.count; ++i) {
    RandomCursor draw(
        RandomStream(random.seed, StreamPurpose::kGenerator, static_cast<uint32_t>(i)));
    const double shape =
        random.least_shape + draw.Uniform() * (random.most_shape - random.least_shape);
    const double load = random.least_load + draw.Uniform() * (random.most_load - random.least_load);
    StragglerWorkload workload;
    workload.name = fmt::format("random{}", i);
    workload.size_ms = Distribution::BoundedPareto(kLeastSize, kMostSize, shape);
    workload.gap_ms = Distribution::Exponential(workload.size_ms.Mean() * slow / load / servers);
    drawn.push_back(std::move(workload));
  }
  return drawn;
}

absl::StatusOr<StragglerSpec> LoadStraggler(const std::string& path,
                                            const std::vector<std::string>& assignments) {
  ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Load(path));
  for (const std::string& assignment : assignments) RETURN_IF_ERROR(node.Set(assignment));
  ScenarioSpec scenario;
  RETURN_IF_ERROR(ReadConfig(node, scenario));
  if (scenario.straggler) return *std::move(scenario.straggler);
  return absl::InvalidArgumentError(path + ": it has no section 'straggler'");
}

}  // namespace reeve
