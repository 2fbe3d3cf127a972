#include "controller/serve/http_server.h"

#include <arpa/inet.h>

#include <charconv>
#include <utility>

#include "controller/serve/bearer_token.h"
#include "controller/serve/control_api.h"
#include "controller/serve/http_listener.h"
#include "controller/serve/server_tls.h"
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
  ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(spec.listen));
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
