#include "runs/learning_run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "agents/ppo/learned_policy.h"
#include "core/status.h"
#include "runs/figures.h"
#include "runs/run_data.h"
#include "runs/scenario_trace.h"
#include "runs/training.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// What a run's figures take from the simulation that a policy is judged on.
void AddEvaluation(const RunData& data, StudyRun& run) {
  for (const FunctionRow& row : data.functions) {
    const double requests = static_cast<double>(row.arrivals);
    const double per_request = requests > 0 ? 1 / requests : 0;
    run.functions.push_back(
        {.name = row.name,
         .requests = requests,
         .latency_p99_ms = row.latency_p99_ms.value_or(kUnknown),
         .slo_violation_share = static_cast<double>(row.slo_violations) * per_request,
         .gb_seconds = row.gb_seconds,
         .cold_start_share = static_cast<double>(row.cold_starts) * per_request});
  }
  run.latency_p99_ms = data.summary.latency_p99_ms.value_or(kUnknown);
  run.slo_violation_share = data.summary.slo_violation_share;
  run.gb_seconds = data.summary.gb_seconds;
  run.replica_changes_per_hour = data.summary.replica_changes_per_hour;
}

void AddCurvePoint(const IterationStats& stats, StudyRun& run) {
  run.steps.push_back(static_cast<double>(stats.steps_done));
  run.returns.resize(stats.agents.size());
  for (size_t n = 0; n < stats.agents.size(); ++n) {
    run.returns[n].push_back(stats.agents[n].episodes > 0 ? stats.agents[n].mean_return : kUnknown);
  }
}

}  // namespace

double FinalReturn(const StudyRun& run) {
  double sum = 0;
  size_t count = 0;
  for (const std::vector<double>& curve : run.returns) {
    const size_t last = std::max<size_t>(1, curve.size() / 10);
    for (size_t i = curve.size() - std::min(last, curve.size()); i < curve.size(); ++i) {
      if (std::isnan(curve[i])) continue;
      sum += curve[i];
      ++count;
    }
  }
  return count > 0 ? sum / static_cast<double>(count) : kUnknown;
}

absl::StatusOr<StudyRun> RunLearning(const LearningRunSpec& cell,
                                     const std::function<bool()>& stop) {
  StudyRun run;
  run.seed = cell.training.seed;
  ASSIGN_OR_RETURN(const Scenario scenario,
                   ResolveScenario(cell.training.scenario, cell.training.folder));
  ASSIGN_OR_RETURN(const Trace trace,
                   ScenarioTrace(scenario, cell.evaluation_seed, cell.evaluation.length));
  SimulationConfig simulation = ScenarioSimulation(scenario, cell.evaluation_seed);
  simulation.bound = false;
  simulation.function_intervals = FunctionIntervals::kNone;
  const SimulationHooks hooks{.on_period = {}, .stop = stop, .on_invocation = {}};
  absl::StatusOr<RunData> data = absl::CancelledError("interrupted");
  if (cell.rule) {
    simulation.policy = *cell.rule;
    run.actor_parameters = run.final_return = kUnknown;
    data = RunSimulation(trace, simulation, 1, hooks);
  } else {
    ASSIGN_OR_RETURN(const std::unique_ptr<Training> training, Training::Create(cell.training, 1));
    while (!training->Done()) {
      if (stop && stop()) return absl::CancelledError("interrupted");
      ASSIGN_OR_RETURN(const IterationStats stats, training->RunIteration());
      AddCurvePoint(stats, run);
    }
    run.final_return = FinalReturn(run);
    auto trained = std::make_shared<const TrainedPolicy>(training->Policy());
    run.actor_parameters = static_cast<double>(trained->model.actor.parameters);
    LearnedPolicy policy(trained, trained->model.group_of, ChoiceRule::kMostProbable,
                         cell.evaluation_seed);
    data = RunSimulation(trace, simulation, policy, hooks);
  }
  RETURN_IF_ERROR(data.status());
  if (!data->summary.complete) return absl::CancelledError("interrupted");
  AddEvaluation(*data, run);
  return run;
}

// ---- JSON

namespace {

Json Numbers(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(NumberOrNull(value));
  return out;
}
double ReadNumber(const Json& json) {
  return json.is_number() ? json.get<double>() : kUnknown;
}
std::vector<double> ReadNumbers(const Json& json) {
  std::vector<double> out;
  for (const Json& value : json) out.push_back(ReadNumber(value));
  return out;
}

// The numbers of each, by name: written and read from one list.
constexpr std::pair<const char*, double StudyFunction::*> kFunctionFields[] = {
    {"requests", &StudyFunction::requests},
    {"latency_p99_ms", &StudyFunction::latency_p99_ms},
    {"slo_violation_share", &StudyFunction::slo_violation_share},
    {"gb_seconds", &StudyFunction::gb_seconds},
    {"cold_start_share", &StudyFunction::cold_start_share}};
constexpr std::pair<const char*, double StudyRun::*> kRunFields[] = {
    {"latency_p99_ms", &StudyRun::latency_p99_ms},
    {"slo_violation_share", &StudyRun::slo_violation_share},
    {"gb_seconds", &StudyRun::gb_seconds},
    {"replica_changes_per_hour", &StudyRun::replica_changes_per_hour},
    {"actor_parameters", &StudyRun::actor_parameters},
    {"final_return", &StudyRun::final_return}};

}  // namespace

Json StudyRunToJson(const StudyRun& run) {
  Json json = {{"seed", run.seed}};
  for (const auto& [name, field] : kRunFields) json[name] = NumberOrNull(run.*field);
  json["functions"] = Json::array();
  for (const StudyFunction& f : run.functions) {
    Json function = {{"name", f.name}};
    for (const auto& [name, field] : kFunctionFields) function[name] = NumberOrNull(f.*field);
    json["functions"].push_back(std::move(function));
  }
  json["steps"] = Numbers(run.steps);
  json["returns"] = Json::array();
  for (const std::vector<double>& curve : run.returns) json["returns"].push_back(Numbers(curve));
  return json;
}

bool StudyRunFromJson(const Json& json, StudyRun& run) {
  if (!json.is_object() || !json.contains("seed") || !json["seed"].is_number_unsigned()) {
    return false;
  }
  for (const char* list : {"functions", "steps", "returns"}) {
    if (!json.contains(list) || !json[list].is_array()) return false;
  }
  run = {};
  run.seed = json["seed"].get<uint64_t>();
  for (const auto& [name, field] : kRunFields) {
    if (!json.contains(name)) return false;
    run.*field = ReadNumber(json[name]);
  }
  for (const Json& function : json["functions"]) {
    if (!function.is_object() || !function.contains("name") || !function["name"].is_string()) {
      return false;
    }
    StudyFunction& f = run.functions.emplace_back();
    f.name = function["name"].get<std::string>();
    for (const auto& [name, field] : kFunctionFields) {
      if (!function.contains(name)) return false;
      f.*field = ReadNumber(function[name]);
    }
  }
  run.steps = ReadNumbers(json["steps"]);
  for (const Json& curve : json["returns"]) run.returns.push_back(ReadNumbers(curve));
  return true;
}

}  // namespace reeve
