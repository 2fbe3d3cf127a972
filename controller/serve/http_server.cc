#include "controller/serve/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "controller/serve/bearer_token.h"
#include "controller/serve/state_json.h"
#include "core/status.h"

namespace reeve {
namespace {

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

void Answer(httplib::Response& response, int code, const nlohmann::json& body) {
  response.status = code;
  response.set_content(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
                       "application/json");
}

void Refuse(httplib::Response& response, int code, const std::string& why) {
  Answer(response, code, {{"error", why}});
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& text) {
  const auto wrong = [&] {
    return absl::InvalidArgumentError("http.listen: '" + text +
                                      "' is not an address and a port, as in 127.0.0.1:9464 or "
                                      "[::1]:9464");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong();
  ListenAddress address;
  address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return wrong();
  }
  if (address.host.empty()) address.host = "0.0.0.0";
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(begin, end, address.port);
  if (error != std::errc() || at != end || address.port < 0 || address.port > 65535) {
    return wrong();
  }
  address.loopback = IsLoopback(address.host);
  return address;
}

class HttpServer::Impl {
 public:
  Impl(ListenAddress address, HttpSources sources, std::unique_ptr<BearerToken> token)
      : address_(std::move(address)), sources_(std::move(sources)), token_(std::move(token)) {}

  ~Impl() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Start() {
    server_.new_task_queue = [] { return new httplib::ThreadPool(4); };
    // The library would share the port with whoever has it already.
    server_.set_socket_options([](socket_t socket) {
      const int on = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
    server_.set_payload_max_length(64 << 10);
    server_.set_read_timeout(5);
    server_.set_write_timeout(5);
    server_.set_keep_alive_max_count(100);
    server_.set_keep_alive_timeout(5);
    server_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          return Gate(request, response);
        });
    server_.set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, std::exception_ptr) {
          Refuse(response, 500, "the request could not be answered");
        });
    Route();
    port_ = address_.port == 0
                ? server_.bind_to_any_port(address_.host)
                : (server_.bind_to_port(address_.host, address_.port) ? address_.port : -1);
    if (port_ <= 0) {
      return absl::UnavailableError(fmt::format(
          "http.listen: cannot listen on {} port {}: taken by another program, or no address of "
          "this machine",
          address_.host, address_.port));
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() before the thread has begun to listen would be lost.
    while (!server_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

  int port() const { return port_; }

 private:
  using Handled = httplib::Server::HandlerResponse;

  Handled Gate(const httplib::Request& request, httplib::Response& response) {
    const bool health = request.path == "/healthz" || request.path == "/readyz";
    const bool reading = request.method == "GET" || request.method == "HEAD";
    if (health && reading) return Handled::Unhandled;
    if (reading && address_.loopback) return Handled::Unhandled;
    if (!token_) {
      Refuse(response, 403, "switching needs a token: set http.token_file");
      return Handled::Handled;
    }
    if (token_->Allows(request.get_header_value("Authorization"))) return Handled::Unhandled;
    response.set_header("WWW-Authenticate", "Bearer");
    Refuse(response, 401, "the request must carry the token of http.token_file");
    return Handled::Handled;
  }

  void Route() {
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(sources_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
      Say(response, Health());
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      Say(response, Readiness());
    });
    server_.Get("/api/v1/state",
                [this](const httplib::Request& request, httplib::Response& response) {
                  const auto state = sources_.loop->state();
                  if (!state) return Refuse(response, 503, "the loop has not begun yet");
                  Answer(response, 200, StateJson(*state, request.get_param_value("tenant")));
                });
    server_.Get("/api/v1/tenants", [this](const httplib::Request&, httplib::Response& response) {
      Answer(response, 200, TenantsJson());
    });
    server_.Post("/api/v1/tenants",
                 [this](const httplib::Request& request, httplib::Response& response) {
                   Switch(request, response);
                 });
  }

  static void Say(httplib::Response& response, const std::string& trouble) {
    response.status = trouble.empty() ? 200 : 503;
    response.set_content((trouble.empty() ? "ok" : trouble) + "\n", "text/plain");
  }

  // Ticks come, or there is somebody waiting for the first for not too long.
  std::string Health() const {
    const auto state = sources_.loop->state();
    const SimTime last = state ? state->time : SimTime();
    const SimTime silent = sources_.clock->Now() - last;
    const SimTime most = std::max(sources_.period * 10, SimTime::Minutes(1));
    return silent > most ? fmt::format("no tick for {:.0f} s", silent.seconds()) : "";
  }

  std::string Readiness() const {
    if (std::string health = Health(); !health.empty()) return health;
    const auto state = sources_.loop->state();
    if (!state) return "the loop has not begun yet";
    if (!state->observed) return "the platform does not answer";
    if (!state->policy_ready && !state->functions.empty()) return "the policy does not decide";
    return "";
  }

  nlohmann::json TenantsJson() const {
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

  void Switch(const httplib::Request& request, httplib::Response& response) {
    const nlohmann::json body = nlohmann::json::parse(request.body, nullptr, false);
    if (!body.is_object()) return Refuse(response, 400, "the body must be a JSON object");
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
        if (!mode) return Refuse(response, 400, "mode: allowed are off, shadow, active");
      } else {
        return Refuse(response, 400,
                      "allowed are tenant (text), mode (text) and paused (true or false)");
      }
    }
    if (!tenant || (!mode && !paused)) {
      return Refuse(response, 400, "tenant, and mode or paused or both, must be given");
    }
    if (!TenantsJson().contains(*tenant)) {
      return Refuse(response, 404, "there is no tenant '" + *tenant + "'");
    }
    // One request at a time, so that two that change different things do not undo each other.
    const std::lock_guard lock(switching_);
    TenantMode now = sources_.modes->Of(*tenant);
    if (mode) now.mode = *mode;
    if (paused) now.paused = *paused;
    sources_.modes->Set(*tenant, now);
    if (sources_.switched) sources_.switched(*tenant, now);
    Answer(response, 200, {{"mode", NameOf(now.mode)}, {"paused", now.paused}});
  }

  const ListenAddress address_;
  const HttpSources sources_;
  const std::unique_ptr<BearerToken> token_;  // null: there is none
  httplib::Server server_;
  std::mutex switching_;
  int port_ = -1;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpSpec& spec,
                                                              HttpSources sources) {
  ASSIGN_OR_RETURN(ListenAddress address, ParseListenAddress(spec.listen));
  std::unique_ptr<BearerToken> token;
  if (!spec.token_file.empty()) {
    token = std::make_unique<BearerToken>(spec.token_file);
    RETURN_IF_ERROR(token->Check());
  } else if (!address.loopback) {
    return absl::FailedPreconditionError(
        "http.listen: " + spec.listen +
        " can be reached from other machines: set http.token_file, or listen on 127.0.0.1");
  }
  auto impl = std::make_unique<Impl>(std::move(address), std::move(sources), std::move(token));
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

int HttpServer::port() const {
  return impl_->port();
}

}  // namespace reeve
