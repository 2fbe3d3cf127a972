#include "controller/fleet/metrics_server.h"

#include <fmt/format.h>
#include <httplib.h>

#include <thread>
#include <utility>
#include <vector>

#include "controller/serve/http_server.h"
#include "core/status.h"

namespace reeve {
namespace {

constexpr const char* kText = "text/plain; version=0.0.4; charset=utf-8";
// Of connections that nobody has accepted yet. The library asks for five, which a scraper of
// hundreds of pods overruns: its connections would then be tried again after a second.
constexpr int kBacklog = 1024;

// One port.
class Listener {
 public:
  explicit Listener(size_t threads) {
    server_.new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
    server_.set_socket_options([this](socket_t socket) {
      // The library would share the port with whoever has it already.
      const int on = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      socket_ = socket;
    });
    server_.set_keep_alive_max_count(1);
    server_.set_read_timeout(1);
    server_.set_write_timeout(1);
    server_.set_payload_max_length(1 << 10);
    server_.set_tcp_nodelay(true);
  }
  ~Listener() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  httplib::Server& server() { return server_; }
  int port() const { return port_; }

  absl::Status Start(const std::string& host, int port, const char* key) {
    port_ =
        port == 0 ? server_.bind_to_any_port(host) : (server_.bind_to_port(host, port) ? port : -1);
    if (port_ <= 0) {
      return absl::UnavailableError(
          fmt::format("{}: cannot listen on {} port {}: taken by another program, or no address "
                      "of this machine",
                      key, host, port));
    }
    ::listen(socket_, kBacklog);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() before the thread has begun to listen would be lost.
    while (!server_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

 private:
  httplib::Server server_;
  socket_t socket_ = -1;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

struct FleetMetricsServer::State {
  MetricsSources sources;
  Listener statistics{4}, requests{4}, own{2};
};

FleetMetricsServer::FleetMetricsServer() : state_(std::make_unique<State>()) {}
FleetMetricsServer::~FleetMetricsServer() = default;

int FleetMetricsServer::port() const {
  return state_->own.port();
}

absl::StatusOr<std::unique_ptr<FleetMetricsServer>> FleetMetricsServer::Start(
    const FleetPods& pods, const std::string& listen, MetricsSources sources) {
  ASSIGN_OR_RETURN(const ListenAddress own, ParseListenAddress(listen));
  std::unique_ptr<FleetMetricsServer> server(new FleetMetricsServer());
  State& state = *server->state_;
  state.sources = std::move(sources);
  const auto of_pod = [](const auto& source, const char* type) {
    return [&source, type](const httplib::Request& request, httplib::Response& response) {
      const std::optional<std::string> body = source(request.local_addr);
      if (body) {
        response.set_content(*body, type);
      } else {
        response.status = 404;
        response.set_content("no running pod has the address " + request.local_addr + "\n",
                             "text/plain");
      }
    };
  };
  const auto of_fleet = [](const auto& source) {
    return [&source](const httplib::Request&, httplib::Response& response) {
      response.set_content(source(), kText);
    };
  };
  state.statistics.server().Get("/metrics",
                                of_pod(state.sources.statistics, "application/protobuf"));
  state.requests.server().Get("/metrics", of_pod(state.sources.requests, kText));
  state.own.server().Get("/metrics", of_fleet(state.sources.activator));
  state.own.server().Get("/metrics/cadvisor", of_fleet(state.sources.containers));
  RETURN_IF_ERROR(
      state.statistics.Start(pods.listen, pods.statistics_port, "pods.statistics_port"));
  RETURN_IF_ERROR(state.requests.Start(pods.listen, pods.requests_port, "pods.requests_port"));
  RETURN_IF_ERROR(state.own.Start(own.host, own.port, "listen"));
  return server;
}

}  // namespace reeve
