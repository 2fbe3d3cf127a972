#include "controller/serve/state_json.h"

namespace reeve {
namespace {

nlohmann::json DecisionJson(const Decision& decision) {
  nlohmann::json json = nlohmann::json::object();
  if (decision.replicas) json["replicas"] = *decision.replicas;
  if (decision.cpu_limit) json["cpu_millicores"] = decision.cpu_limit->value();
  if (decision.memory_limit) json["memory_mib"] = decision.memory_limit->value();
  if (decision.concurrency) json["concurrency"] = *decision.concurrency;
  if (decision.keep_alive) json["keep_alive_seconds"] = decision.keep_alive->seconds();
  return json;
}

}  // namespace

nlohmann::json FunctionStateJson(const FunctionState& state) {
  const FunctionRecord& record = state.record;
  nlohmann::json json = {{"id", state.function.id},
                         {"name", state.function.name},
                         {"tenant", state.function.tenant},
                         {"mode", NameOf(record.mode.mode)},
                         {"paused", record.mode.paused},
                         {"numbers", NameOf(record.stage)},
                         {"decided_by", NameOf(record.decider)},
                         {"why", record.why},
                         {"ours", record.ours},
                         {"actuation", NameOf(record.actuation)},
                         {"detail", state.detail},
                         {"wished", DecisionJson(record.wished)},
                         {"applied", DecisionJson(record.applied)},
                         {"in_force", DecisionJson(state.in_force)},
                         {"containers_ready", state.containers_ready},
                         {"containers_starting", state.containers_starting},
                         {"replicas_asked", state.replicas_asked}};
  if (state.metrics_age == SimTime::Max()) {
    json["metrics_age_seconds"] = nullptr;
  } else {
    json["metrics_age_seconds"] = state.metrics_age.seconds();
  }
  return json;
}

nlohmann::json AdaptationJson(const AdaptationNow& now) {
  return {{"environment", now.environment},
          {"confidence", now.confidence},
          {"environments", now.environments},
          {"expert", now.expert},
          {"exploring", now.exploring},
          {"experts", now.experts},
          {"updates", now.updates},
          {"switches", now.switches},
          {"batches_dropped", now.batches_dropped},
          {"batches_lost", now.batches_lost},
          {"mean_reward", now.mean_reward},
          {"safeguarded", now.safeguarded}};
}

nlohmann::json StateJson(const LoopState& state, const std::string& tenant) {
  nlohmann::json functions = nlohmann::json::array();
  for (const FunctionState& function : state.functions) {
    if (tenant.empty() || function.function.tenant == tenant) {
      functions.push_back(FunctionStateJson(function));
    }
  }
  nlohmann::json json = {{"ticks", state.ticks},
                         {"skipped", state.skipped},
                         {"wall_seconds", static_cast<double>(state.wall_us) / 1e6},
                         {"platform_answers", state.observed},
                         {"leading", state.acting},
                         {"policy_decides", state.policy_ready},
                         {"functions", std::move(functions)}};
  if (state.adaptation) json["adaptation"] = AdaptationJson(*state.adaptation);
  return json;
}

}  // namespace reeve
