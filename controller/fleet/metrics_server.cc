#include "controller/fleet/metrics_server.h"

#include <utility>

#include "controller/net/listen_address.h"
#include "controller/serve/http_listener.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr const char* kText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kProtobuf = "application/protobuf";

// Scrapers keep a connection to each pod they ask.
HttpLimits Limits() {
  HttpLimits limits;
  limits.connections = 8192;
  limits.body_bytes = 1 << 10;
  limits.request_time = SimTime::Minutes(2);
  return limits;
}

using Body = std::function<std::optional<ServedAnswer>(const ServedRequest&)>;

absl::StatusOr<std::unique_ptr<HttpListener>> Listen(const std::string& host, int port,
                                                     const char* key, Body body) {
  HttpHandlers handlers;
  handlers.judge = [](const ServedRequest& head) -> std::optional<ServedAnswer> {
    if (head.method == "GET" || head.method == "HEAD") return std::nullopt;
    return ServedAnswer{405, "there is only GET\n"};
  };
  handlers.answer = [body = std::move(body)](const ServedRequest& request) {
    return body(request).value_or(ServedAnswer{404, "there is nothing here\n"});
  };
  auto listener = HttpListener::Start(host, port, nullptr, std::move(handlers), Limits());
  if (listener.ok()) return listener;
  std::string why = MessageOf(listener.status());
  if (const size_t colon = why.find(": "); colon != std::string::npos) why.erase(0, colon);
  return absl::Status(listener.status().code(), key + why);
}

}  // namespace

struct FleetMetricsServer::State {
  MetricsSources sources;  // outlives the listeners
  std::unique_ptr<HttpListener> statistics, requests, own;
};

FleetMetricsServer::FleetMetricsServer() : state_(std::make_unique<State>()) {}
FleetMetricsServer::~FleetMetricsServer() = default;

int FleetMetricsServer::port() const {
  return state_->own->port();
}

absl::StatusOr<std::unique_ptr<FleetMetricsServer>> FleetMetricsServer::Start(
    const FleetPods& pods, const std::string& listen, MetricsSources sources) {
  ASSIGN_OR_RETURN(const ListenAddress own, ParseListenAddress("listen", listen));
  std::unique_ptr<FleetMetricsServer> server(new FleetMetricsServer());
  State& state = *server->state_;
  state.sources = std::move(sources);
  const auto of_pod = [](const auto& source, const char* type) {
    return [&source, type](const ServedRequest& request) -> std::optional<ServedAnswer> {
      if (request.path != "/metrics") return std::nullopt;
      std::optional<std::string> body = source(request.local_address);
      if (!body) {
        return ServedAnswer{404, "no running pod has the address " + request.local_address + "\n"};
      }
      return ServedAnswer{200, *std::move(body), type};
    };
  };
  const auto of_fleet = [&state](const ServedRequest& request) -> std::optional<ServedAnswer> {
    if (request.path == "/metrics") return ServedAnswer{200, state.sources.activator(), kText};
    if (request.path == "/metrics/cadvisor") {
      return ServedAnswer{200, state.sources.containers(), kText};
    }
    if (request.path == "/targets") {
      return ServedAnswer{200, state.sources.targets(), "application/json"};
    }
    return std::nullopt;
  };
  ASSIGN_OR_RETURN(state.statistics,
                   Listen(pods.listen, pods.statistics_port, "pods.statistics_port",
                          of_pod(state.sources.statistics, kProtobuf)));
  ASSIGN_OR_RETURN(state.requests, Listen(pods.listen, pods.requests_port, "pods.requests_port",
                                          of_pod(state.sources.requests, kText)));
  ASSIGN_OR_RETURN(state.own, Listen(own.host, own.port, "listen", of_fleet));
  return server;
}

}  // namespace reeve
