#include "agents/adapt/carry_over.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config.h"

namespace reeve {
namespace {

bool SameKind(const NetworkLayout& a, const NetworkLayout& b) {
  return WriteConfig(a.spec) == WriteConfig(b.spec) && a.outputs == b.outputs;
}

// Whether networks are shown the same of an agent whoever the other agents are.
bool SameInputs(const ViewShape& a, const NetworkLayout& of_a, const ViewShape& b,
                const NetworkLayout& of_b) {
  return a.view == b.view && a.view != View::kJoint && !a.agent_id && !b.agent_id &&
         of_a.inputs == of_b.inputs;
}

// For each group of `to` the group of `from` that it goes on from.
std::vector<std::optional<int32_t>> Origins(const PolicyModel& from, const PolicyModel& to) {
  std::vector<std::optional<int32_t>> origins(static_cast<size_t>(to.groups));
  if (from.groups == 1 && to.groups == 1) {
    origins[0] = 0;
    return origins;
  }
  std::map<std::string, int32_t> group_of;
  for (size_t n = 0; n < from.agent_names.size(); ++n) {
    group_of[from.agent_names[n]] = from.group_of[n];
  }
  std::vector<std::map<int32_t, int>> common(static_cast<size_t>(to.groups));
  for (size_t n = 0; n < to.agent_names.size(); ++n) {
    const auto found = group_of.find(to.agent_names[n]);
    if (found != group_of.end()) ++common[static_cast<size_t>(to.group_of[n])][found->second];
  }
  for (size_t group = 0; group < common.size(); ++group) {
    const auto most =
        std::max_element(common[group].begin(), common[group].end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != common[group].end()) origins[group] = most->first;
  }
  return origins;
}

// Rows [A, width] of groups; nothing where the widths differ.
template <class T>
void TakeRows(const std::vector<T>& from, int32_t from_groups,
              const std::vector<std::optional<int32_t>>& origins, std::vector<T>& to) {
  const size_t width = to.size() / origins.size();
  if (from.size() / static_cast<size_t>(from_groups) != width) return;
  for (size_t group = 0; group < origins.size(); ++group) {
    if (!origins[group]) continue;
    std::copy_n(from.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(*origins[group]) * width),
                width, to.begin() + static_cast<ptrdiff_t>(group * width));
  }
}

void TakeMoments(const RunningMoments& from, const std::vector<std::optional<int32_t>>& origins,
                 RunningMoments& to) {
  TakeRows(from.mean, from.groups, origins, to.mean);
  TakeRows(from.variance, from.groups, origins, to.variance);
  TakeRows(from.count, from.groups, origins, to.count);
}

}  // namespace

absl::StatusOr<TrainerState> CarryOver(const TrainerState& known, TrainerState fresh) {
  const PolicyModel& from = known.model;
  PolicyModel& to = fresh.model;
  if (from.feature_names != to.feature_names || from.heads() != to.heads()) {
    return absl::InvalidArgumentError("the expert's agents see or do something else");
  }
  if (!SameKind(from.actor, to.actor) || !SameKind(from.critic, to.critic)) {
    return absl::InvalidArgumentError("the expert has other networks than this training");
  }
  if (from.agent_names == to.agent_names && from.group_of == to.group_of) return known;
  const std::vector<std::optional<int32_t>> origins = Origins(from, to);
  TakeMoments(from.observations, origins, to.observations);
  if (SameInputs(from.actor_view, from.actor, to.actor_view, to.actor)) {
    TakeRows(from.actor_parameters, from.groups, origins, to.actor_parameters);
    TakeRows(known.actor_first_moments, from.groups, origins, fresh.actor_first_moments);
    TakeRows(known.actor_second_moments, from.groups, origins, fresh.actor_second_moments);
    TakeRows(known.actor_updates, from.groups, origins, fresh.actor_updates);
  }
  if (SameInputs(from.critic_view, from.critic, to.critic_view, to.critic)) {
    TakeMoments(from.values, origins, to.values);
    TakeRows(from.critic_parameters, from.groups, origins, to.critic_parameters);
    TakeRows(known.critic_first_moments, from.groups, origins, fresh.critic_first_moments);
    TakeRows(known.critic_second_moments, from.groups, origins, fresh.critic_second_moments);
    TakeRows(known.critic_updates, from.groups, origins, fresh.critic_updates);
  }
  fresh.iteration = known.iteration;
  fresh.steps_done = known.steps_done;
  fresh.recent_returns = known.recent_returns;
  return fresh;
}

}  // namespace reeve
