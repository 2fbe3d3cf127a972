#include "controller/serve/control_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/serve/state_json.h"

namespace reeve {
namespace {

ServedAnswer Json(int code, const nlohmann::json& body) {
  return {code, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
          "application/json"};
}

ServedAnswer Refuse(int code, const std::string& why) {
  return Json(code, {{"error", why}});
}

ServedAnswer Say(const std::string& trouble) {
  return {trouble.empty() ? 200 : 503, (trouble.empty() ? "ok" : trouble) + "\n"};
}

bool Reads(const ServedRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

}  // namespace

std::optional<ServedAnswer> ControlApi::Judge(const ServedRequest& head) const {
  const bool health = head.path == "/healthz" || head.path == "/readyz";
  if (Reads(head) && (health || access_.loopback)) return std::nullopt;
  if (access_.certificate && !head.certificate) {
    return Refuse(403, "the client must show a certificate that http.tls.client_ca has signed");
  }
  if (access_.token == nullptr) {
    if (access_.certificate) return std::nullopt;
    return Refuse(403, "switching needs a token: set http.token_file");
  }
  if (access_.token->Allows(head.authorization)) return std::nullopt;
  ServedAnswer refusal = Refuse(401, "the request must carry the token of http.token_file");
  refusal.ask_for_token = true;
  return refusal;
}

ServedAnswer ControlApi::Answer(const ServedRequest& request) {
  const std::string& path = request.path;
  if (request.method == "POST" && path == "/api/v1/tenants") return Switch(request.body);
  if (!Reads(request)) return Refuse(405, "there is nothing of this method here");
  if (path == "/healthz") return Say(Health());
  if (path == "/readyz") return Say(Readiness());
  if (path == "/metrics") {
    return {200, sources_.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
  }
  if (path == "/api/v1/tenants") return Json(200, TenantsJson());
  if (path != "/api/v1/state") return Refuse(404, "there is no such path");
  const auto state = sources_.loop->state();
  if (!state) return Refuse(503, "the loop has not begun yet");
  return Json(200, StateJson(*state, QueryParameter(request.query, "tenant")));
}

// Ticks come, or there is somebody waiting for the first for not too long.
std::string ControlApi::Health() const {
  const auto state = sources_.loop->state();
  const SimTime last = state ? state->time : SimTime();
  const SimTime silent = sources_.clock->Now() - last;
  const SimTime most = std::max(sources_.period * 10, SimTime::Minutes(1));
  return silent > most ? fmt::format("no tick for {:.0f} s", silent.seconds()) : "";
}

std::string ControlApi::Readiness() const {
  if (std::string health = Health(); !health.empty()) return health;
  const auto state = sources_.loop->state();
  if (!state) return "the loop has not begun yet";
  if (!state->observed) return "the platform does not answer";
  if (!state->policy_ready && !state->functions.empty()) return "the policy does not decide";
  return "";
}

nlohmann::json ControlApi::TenantsJson() const {
  nlohmann::json tenants = nlohmann::json::object();
  const auto put = [&](const std::string& tenant, const TenantMode& mode) {
    tenants[tenant] = {{"mode", NameOf(mode.mode)}, {"paused", mode.paused}};
  };
  if (const auto state = sources_.loop->state()) {
    for (const FunctionState& function : state->functions) {
      const std::string& tenant = function.function.tenant;
      if (!tenants.contains(tenant)) put(tenant, sources_.modes->Of(tenant));
    }
  }
  for (const auto& [tenant, mode] : sources_.modes->All()) put(tenant, mode);
  return tenants;
}

ServedAnswer ControlApi::Switch(const std::string& text) {
  const nlohmann::json body = nlohmann::json::parse(text, nullptr, false);
  if (!body.is_object()) return Refuse(400, "the body must be a JSON object");
  std::optional<std::string> tenant;
  std::optional<ControlMode> mode;
  std::optional<bool> paused;
  for (const auto& [key, value] : body.items()) {
    if (key == "tenant" && value.is_string()) {
      tenant = value.get<std::string>();
    } else if (key == "paused" && value.is_boolean()) {
      paused = value.get<bool>();
    } else if (key == "mode" && value.is_string()) {
      for (const auto& [candidate, name] : EnumNames(ControlMode{})) {
        if (value.get<std::string>() == name) mode = candidate;
      }
      if (!mode) return Refuse(400, "mode: allowed are off, shadow, active");
    } else {
      return Refuse(400, "allowed are tenant (text), mode (text) and paused (true or false)");
    }
  }
  if (!tenant || (!mode && !paused)) {
    return Refuse(400, "tenant, and mode or paused or both, must be given");
  }
  if (!TenantsJson().contains(*tenant)) {
    return Refuse(404, "there is no tenant '" + *tenant + "'");
  }
  // One request at a time, so that two that change different things do not undo each other.
  const std::lock_guard lock(switching_);
  TenantMode now = sources_.modes->Of(*tenant);
  if (mode) now.mode = *mode;
  if (paused) now.paused = *paused;
  sources_.modes->Set(*tenant, now);
  if (sources_.switched) sources_.switched(*tenant, now);
  return Json(200, {{"mode", NameOf(now.mode)}, {"paused", now.paused}});
}

}  // namespace reeve
