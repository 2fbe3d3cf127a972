#include "controller/serve/server_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <system_error>
#include <utility>

namespace reeve {
namespace {

absl::Status Wrong(const char* key, const std::string& path, const char* what) {
  char reason[160] = "";
  ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
  ERR_clear_error();
  return absl::InvalidArgumentError("http.tls." + std::string(key) + ": " + path + ": " + what +
                                    " (" + reason + ")");
}

}  // namespace

ServerTls::Stamps ServerTls::Look() const {
  Stamps stamps{};
  const std::string* const files[] = {&spec_.certificate, &spec_.key, &spec_.client_ca};
  for (size_t i = 0; i < stamps.size(); ++i) {
    std::error_code error;
    if (!files[i]->empty()) stamps[i] = std::filesystem::last_write_time(*files[i], error);
  }
  return stamps;
}

absl::StatusOr<std::shared_ptr<SSL_CTX>> ServerTls::Read() const {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) return absl::InternalError("http.tls: OpenSSL gives no context");
  SSL_CTX* const c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                             SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(c, 0);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(c, spec_.certificate.c_str()) != 1) {
    return Wrong("certificate", spec_.certificate, "no certificate in PEM can be read from it");
  }
  if (SSL_CTX_use_PrivateKey_file(c, spec_.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Wrong("key", spec_.key, "no key in PEM that belongs to the certificate can be read");
  }
  if (spec_.client_ca.empty()) return context;
  if (SSL_CTX_load_verify_locations(c, spec_.client_ca.c_str(), nullptr) != 1) {
    return Wrong("client_ca", spec_.client_ca, "no certificate in PEM can be read from it");
  }
  SSL_CTX_set_client_CA_list(c, SSL_load_client_CA_file(spec_.client_ca.c_str()));
  // Without SSL_VERIFY_FAIL_IF_NO_PEER_CERT: probes of health have none.
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  return context;
}

absl::StatusOr<std::unique_ptr<ServerTls>> ServerTls::Load(
    const TlsSpec& spec, std::function<void(const absl::Status&)> trouble) {
  std::unique_ptr<ServerTls> identity(new ServerTls(spec, std::move(trouble)));
  // Before the files are read: what is written in between is read the next time.
  identity->stamps_ = identity->Look();
  absl::StatusOr<std::shared_ptr<SSL_CTX>> context = identity->Read();
  if (!context.ok()) return context.status();
  identity->context_ = *std::move(context);
  return identity;
}

const std::shared_ptr<SSL_CTX>& ServerTls::Current() {
  const Stamps now = Look();
  if (now == stamps_) return context_;
  stamps_ = now;
  absl::StatusOr<std::shared_ptr<SSL_CTX>> context = Read();
  if (context.ok()) {
    context_ = *std::move(context);
  } else if (trouble_) {
    trouble_(context.status());
  }
  return context_;
}

}  // namespace reeve
