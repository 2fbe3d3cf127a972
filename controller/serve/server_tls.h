// Who we are to those who connect, and who may connect, from files that may change: certificates
// are renewed while the program runs.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/net/tls_spec.h"

using SSL_CTX = struct ssl_ctx_st;

namespace reeve {

// TLS 1.2 and later; sessions are not resumed, so that a changed authority holds for everyone.
// Not thread-safe.
class ServerTls {
 public:
  // `trouble` is told, once for each change, why files that have changed cannot be used.
  // InvalidArgument that names the file: no certificate or key in it, or one that does not belong
  // to the other.
  static absl::StatusOr<std::unique_ptr<ServerTls>> Load(
      const TlsSpec& spec, std::function<void(const absl::Status&)> trouble = {});

  // The context for a new connection. Looks for changed files; what cannot be read leaves what
  // was. A client's certificate is asked for where there is an authority for clients; one that it
  // has not signed ends the handshake, none at all does not.
  const std::shared_ptr<SSL_CTX>& Current();

 private:
  using Stamps = std::array<std::filesystem::file_time_type, 3>;
  ServerTls(const TlsSpec& spec, std::function<void(const absl::Status&)> trouble)
      : spec_(spec), trouble_(std::move(trouble)) {}
  Stamps Look() const;
  absl::StatusOr<std::shared_ptr<SSL_CTX>> Read() const;

  const TlsSpec spec_;
  const std::function<void(const absl::Status&)> trouble_;
  Stamps stamps_{};
  std::shared_ptr<SSL_CTX> context_;
};

}  // namespace reeve
