#include "envs/action.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "envs/head_kinds.h"

namespace reeve {
namespace {

std::string_view NameOf(HeadKind kind) {
  for (const auto& [candidate, name] : EnumNames(HeadKind{})) {
    if (candidate == kind) return name;
  }
  return "";
}

// The smallest and largest value a head of the kind may have.
Limits LimitsOf(const ActionSpec& spec, HeadKind kind) {
  constexpr double kAny = 1e9;
  switch (kind) {
    case HeadKind::kReplicas:
      return {static_cast<double>(spec.min_replicas), static_cast<double>(spec.max_replicas)};
    case HeadKind::kCpu:
      return {static_cast<double>(spec.min_cpu.value()), static_cast<double>(spec.max_cpu.value())};
    case HeadKind::kMemory:
      return {static_cast<double>(spec.min_memory.value()),
              static_cast<double>(spec.max_memory.value())};
    case HeadKind::kKeepAlive:
    case HeadKind::kLoadReplicas:
      return {0, kAny};
    default:
      return {-kAny, kAny};
  }
}

absl::Status CheckBounds(std::string_view what, int64_t min, int64_t max) {
  if (min <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("min_{0} ({1}) is above max_{0} ({2})", what, min, max));
}

}  // namespace

// ---- specification

absl::Status HeadSpec::Validate() const {
  const std::string_view name = NameOf(kind);
  if (IsAuthors(kind)) {
    if (values.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(fmt::format(
        "a head of kind {} has its own choices; leave 'values' out, or take another kind", name));
  }
  if (values.empty() || values.size() > 1000) {
    return absl::InvalidArgumentError(fmt::format(
        "a head of kind {} needs its choices: 'values: [...]' with 1 to 1000 numbers", name));
  }
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    return absl::InvalidArgumentError(fmt::format("a value of head {} stands there twice", name));
  }
  for (const double value : values) {
    if (!std::isfinite(value) || (IsWhole(kind) && value != std::floor(value))) {
      return absl::InvalidArgumentError(
          fmt::format("head {}: {} is not a whole number", name, value));
    }
  }
  if (IsStep(kind) && std::find(values.begin(), values.end(), 0) == values.end()) {
    return absl::InvalidArgumentError(
        fmt::format("head {} needs the choice 0: to leave things as they are", name));
  }
  return absl::OkStatus();
}

absl::Status ActionSpec::Validate() const {
  if (heads.empty()) return absl::InvalidArgumentError("an action needs at least one head");
  for (const absl::Status& status :
       {CheckBounds("replicas", min_replicas, max_replicas),
        CheckBounds("cpu", min_cpu.value(), max_cpu.value()),
        CheckBounds("memory", min_memory.value(), max_memory.value())}) {
    if (!status.ok()) return status;
  }
  for (const HeadSpec& head : heads) {
    if (const absl::Status status = head.Validate(); !status.ok()) return status;
    const Limits limits = LimitsOf(*this, head.kind);
    for (const double value : head.values) {
      if (value >= limits.min && value <= limits.max) continue;
      return absl::InvalidArgumentError(fmt::format("head {}: {} is out of range, allowed is {}",
                                                    NameOf(head.kind), value,
                                                    config_internal::LimitsText(limits)));
    }
  }
  constexpr std::pair<bool (*)(HeadKind), const char*> kQuantities[] = {
      {MovesReplicas, "replicas"},
      {MovesCpu, "CPU"},
      {MovesMemory, "memory"},
      {MovesKeepAlive, "the keep-alive"}};
  for (const auto& [moves, what] : kQuantities) {
    const auto count = std::count_if(heads.begin(), heads.end(),
                                     [moves = moves](const HeadSpec& h) { return moves(h.kind); });
    if (count > 1) {
      return absl::InvalidArgumentError(
          fmt::format("{} heads move {}; one head each, please", count, what));
    }
  }
  return absl::OkStatus();
}

}  // namespace reeve
