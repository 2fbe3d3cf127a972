#include "runs/training_log.h"

#include <algorithm>
#include <limits>

namespace reeve {
namespace {

// Sum over agents of a figure's mean over episodes; false when the environment has no such figure.
bool SumOfFigure(const VectorEnvSpec& env, const IterationStats& stats, const std::string& name,
                 double& sum) {
  const auto found = std::find(env.figures.begin(), env.figures.end(), name);
  if (found == env.figures.end()) return false;
  const size_t figure = static_cast<size_t>(found - env.figures.begin());
  sum = 0;
  for (const AgentStats& agent : stats.agents) {
    if (agent.episodes > 0) sum += agent.figures[figure];
  }
  return true;
}

double MeanOf(const std::vector<GroupStats>& groups, double GroupStats::*field) {
  double sum = 0;
  for (const GroupStats& group : groups) sum += group.*field;
  return sum / static_cast<double>(std::max<size_t>(1, groups.size()));
}

}  // namespace

std::vector<std::pair<std::string, double>> NamedNumbers(const VectorEnvSpec& env,
                                                         const IterationStats& stats,
                                                         int64_t agent_steps) {
  std::vector<std::pair<std::string, double>> out;
  double returns = 0, ended = 0;
  for (const AgentStats& agent : stats.agents) {
    if (agent.episodes <= 0) continue;
    returns += agent.mean_return;
    ended += 1;
  }
  if (ended > 0) {
    out.emplace_back("return/mean", returns / ended);
    double requests = 0, violations = 0, gb_seconds = 0, changes = 0;
    if (SumOfFigure(env, stats, "requests", requests) && requests > 0 &&
        SumOfFigure(env, stats, "slo_violations", violations)) {
      out.emplace_back("slo/violation_share", violations / requests);
    }
    if (SumOfFigure(env, stats, "gb_seconds", gb_seconds)) {
      out.emplace_back("cost/gb_seconds", gb_seconds);
    }
    if (SumOfFigure(env, stats, "replica_changes", changes)) {
      out.emplace_back("cost/replica_changes", changes);
    }
  }
  out.emplace_back("loss/policy", MeanOf(stats.groups, &GroupStats::policy_loss));
  out.emplace_back("loss/value", MeanOf(stats.groups, &GroupStats::value_loss));
  out.emplace_back("policy/entropy", MeanOf(stats.groups, &GroupStats::entropy));
  out.emplace_back("policy/kl", MeanOf(stats.groups, &GroupStats::kl));
  out.emplace_back("policy/clip_fraction", MeanOf(stats.groups, &GroupStats::clip_fraction));
  out.emplace_back("value/explained_variance",
                   MeanOf(stats.groups, &GroupStats::explained_variance));
  out.emplace_back("schedule/learning_rate", stats.learning_rate);
  out.emplace_back("schedule/entropy", stats.entropy_coefficient);
  if (stats.times.total > 0) {
    out.emplace_back("rate/agent_steps_per_second",
                     static_cast<double>(agent_steps) / stats.times.total);
  }
  // A population of hundreds would drown everything else.
  constexpr size_t kMostNamedAgents = 64;
  if (stats.agents.size() <= kMostNamedAgents) {
    for (size_t n = 0; n < stats.agents.size(); ++n) {
      if (stats.agents[n].episodes > 0) {
        out.emplace_back("return/" + env.agent_names[n], stats.agents[n].mean_return);
      }
    }
  }
  return out;
}

double NumberNamed(const std::vector<std::pair<std::string, double>>& numbers,
                   const std::string& name) {
  for (const auto& [key, value] : numbers) {
    if (key == name) return value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace reeve
