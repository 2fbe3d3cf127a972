#include "runs/search_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "core/portable_math.h"
#include "core/random.h"
#include "core/status.h"

namespace reeve {

absl::Status RangeSpec::Validate() const {
  if (!(from < to)) return absl::InvalidArgumentError("range: 'from' must be below 'to'");
  if (log && from <= 0) return absl::InvalidArgumentError("range: with 'log', 'from' is above 0");
  return absl::OkStatus();
}

std::string RangeSpec::At(double u) const {
  double value = log ? from * PortableExp(u * PortableLog(to / from)) : from + u * (to - from);
  if (whole) return fmt::format("{}{}", std::lround(value), unit);
  // Three digits: neighbours closer than that do not differ in effect.
  value = std::stod(fmt::format("{:.3g}", value));
  return fmt::format("{}{}", value, unit);
}

absl::Status ParameterSpec::Validate() const {
  if (values.empty() == !range.has_value()) {
    return absl::InvalidArgumentError("a parameter has either 'values' or a 'range'");
  }
  return absl::OkStatus();
}

std::string AssignmentsText(const Assignments& assignments) {
  std::string text;
  for (const auto& [path, value] : assignments) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", path, value);
  }
  return text;
}

absl::StatusOr<PolicySpec> WithParameters(const PolicySpec& policy,
                                          const Assignments& assignments) {
  ASSIGN_OR_RETURN(ConfigNode node, ConfigNode::Parse(WriteConfig(policy), "the policy"));
  for (const auto& [path, value] : assignments) {
    RETURN_IF_ERROR(node.Set(path + "=" + value));
  }
  PolicySpec changed;
  if (const absl::Status status = ReadConfig(node, changed); !status.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("with {}: {}", AssignmentsText(assignments), MessageOf(status)));
  }
  return changed;
}

absl::StatusOr<std::vector<Assignments>> GridCandidates(const SearchSpace& space, size_t most) {
  std::vector<Assignments> grid = {{}};
  for (const auto& [path, parameter] : space) {
    if (parameter.range) {
      return absl::InvalidArgumentError(
          fmt::format("{}: a grid needs 'values'; a range is for random search", path));
    }
    std::vector<Assignments> longer;
    for (const Assignments& shorter : grid) {
      for (const std::string& value : parameter.values) {
        longer.push_back(shorter);
        longer.back()[path] = value;
      }
    }
    grid = std::move(longer);
    if (grid.size() > most) {
      return absl::InvalidArgumentError(fmt::format(
          "the grid has more than {} points; list fewer values, or search at random", most));
    }
  }
  if (!space.empty()) grid.insert(grid.begin(), Assignments{});
  return grid;
}

std::vector<Assignments> RandomCandidates(const SearchSpace& space, size_t count, uint64_t seed) {
  std::vector<Assignments> candidates = {{}};
  std::set<Assignments> seen = {{}};
  for (size_t i = 0; i < count; ++i) {
    const RandomStream random(seed, StreamPurpose::kSearch, i);
    uint64_t draw = 0;
    Assignments candidate;
    for (const auto& [path, parameter] : space) {
      const double u = random.Uniform(draw++);
      if (parameter.range) {
        candidate[path] = parameter.range->At(u);
      } else {
        const double n = static_cast<double>(parameter.values.size());
        candidate[path] =
            parameter.values[std::min(parameter.values.size() - 1, static_cast<size_t>(u * n))];
      }
    }
    if (seen.insert(candidate).second) candidates.push_back(std::move(candidate));
  }
  return candidates;
}

}  // namespace reeve
