#include "controller/serve/control_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "controller/net/listen_address.h"
#include "controller/serve/page_files.h"
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

// "localhost:9464", "[::1]", and nothing: what a browser says that was not led here by a stranger's
// name.
bool AsksThisMachine(const std::string& host) {
  if (host.empty()) return true;
  const bool port = !host.ends_with(']') && host.find(':') != std::string::npos;
  const auto address = ParseListenAddress("Host", port ? host : host + ":80");
  return address.ok() && address->loopback;
}

// Of a parameter that is a whole number; nothing where it is not there or is none.
std::optional<uint64_t> NumberParameter(const std::string& query, const std::string& name) {
  const std::string text = QueryParameter(query, name);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ServedAnswer> ControlApi::Judge(const ServedRequest& head) const {
  const bool health = head.path == "/healthz" || head.path == "/readyz";
  const bool local = access_.loopback && AsksThisMachine(head.host);
  if (Reads(head) && (health || local)) return std::nullopt;
  if (access_.certificate && !head.certificate) {
    return Refuse(403, "the client must show a certificate that http.tls.client_ca has signed");
  }
  // A page can send no token before it is there.
  if (Reads(head) && !access_.loopback && IsPageFile(head.path)) return std::nullopt;
  if (access_.token == nullptr) {
    if (access_.certificate) return std::nullopt;
    if (Reads(head) && access_.loopback) {
      return Refuse(403, "ask this machine by a name of its own, as localhost or 127.0.0.1");
    }
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
  if (std::optional<ServedAnswer> page = AnswerPage(request)) return *std::move(page);
  if (path != "/api/v1/state") return Refuse(404, "there is no such path");
  const auto state = sources_.loop->state();
  if (!state) return Refuse(503, "the loop has not begun yet");
  return Json(200, StateJson(*state, QueryParameter(request.query, "tenant")));
}

PageAccess ControlApi::AccessOf(const ServedRequest& request) const {
  ServedRequest post;
  post.method = "POST";
  post.authorization = request.authorization;
  post.certificate = request.certificate;
  PageAccess access;
  access.may_switch = !Judge(post).has_value();
  access.needs_token = access_.token != nullptr;
  access.needs_certificate = access_.certificate;
  return access;
}

std::optional<ServedAnswer> ControlApi::AnswerPage(const ServedRequest& request) const {
  const std::string& path = request.path;
  if (std::optional<ServedAnswer> file = PageFile(path)) return file;
  if (sources_.past == nullptr) return std::nullopt;
  const RecentPast& past = *sources_.past;
  const auto parameter = [&](const char* name) { return QueryParameter(request.query, name); };
  const uint64_t since = NumberParameter(request.query, "since").value_or(0);
  const auto state = sources_.loop->state();
  if (path == "/api/v1/live") {
    const auto window = past.Newest();
    const SimTime age = SimTime::Micros(state ? sources_.clock->WallMicros() - state->wall_us : 0);
    return Json(200, LiveJson(sources_.page, AccessOf(request), state.get(), window.get(), age,
                              NumberParameter(request.query, "seen"), parameter("names")));
  }
  if (path == "/api/v1/history") {
    const std::string function = parameter("function");
    return Json(200, function.empty() ? ClusterHistoryJson(sources_.page, past, since)
                                      : FunctionHistoryJson(sources_.page, past, function, since));
  }
  if (path == "/api/v1/events") return Json(200, EventsJson(sources_.page, past, since));
  if (path != "/api/v1/why") return std::nullopt;
  if (!state) return Refuse(503, "the loop has not begun yet");
  const nlohmann::json why = WhyJson(sources_.page, *state, past, parameter("function"));
  return why.is_null() ? Refuse(404, "there is no function of this id") : Json(200, why);
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
