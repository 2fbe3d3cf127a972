#include "controller/serve/http_server.h"

#include <utility>

#include "controller/net/listen_address.h"
#include "controller/serve/bearer_token.h"
#include "controller/serve/control_api.h"
#include "controller/serve/http_listener.h"
#include "controller/serve/server_tls.h"
#include "core/status.h"

namespace reeve {
class HttpServer::Impl {
 public:
  Impl(HttpSources sources, ApiAccess access) : api_(std::move(sources), std::move(access)) {}

  absl::Status Start(const ListenAddress& address, std::unique_ptr<ServerTls> tls) {
    HttpHandlers handlers;
    handlers.judge = [this](const ServedRequest& head) { return api_.Judge(head); };
    handlers.answer = [this](const ServedRequest& request) { return api_.Answer(request); };
    ASSIGN_OR_RETURN(listener_, HttpListener::Start(address.host, address.port, std::move(tls),
                                                    std::move(handlers)));
    return absl::OkStatus();
  }
  int port() const { return listener_->port(); }

 private:
  ControlApi api_;
  std::unique_ptr<HttpListener> listener_;  // last: its thread uses the rest
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpSpec& spec,
                                                              HttpSources sources) {
  ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress("http.listen", spec.listen));
  ApiAccess access;
  access.loopback = address.loopback;
  access.certificate = !spec.tls.client_ca.empty();
  if (!spec.token_file.empty()) {
    access.token = std::make_unique<BearerToken>(spec.token_file);
    RETURN_IF_ERROR(access.token->Check());
  } else if (!address.loopback && !access.certificate) {
    return absl::FailedPreconditionError(
        "http.listen: " + spec.listen +
        " can be reached from other machines: set http.token_file or http.tls.client_ca, or listen "
        "on 127.0.0.1");
  }
  std::unique_ptr<ServerTls> tls;
  if (!spec.tls.certificate.empty()) {
    ASSIGN_OR_RETURN(tls, ServerTls::Load(spec.tls, sources.trouble));
  }
  auto impl = std::make_unique<Impl>(std::move(sources), std::move(access));
  RETURN_IF_ERROR(impl->Start(address, std::move(tls)));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

int HttpServer::port() const {
  return impl_->port();
}

}  // namespace reeve
