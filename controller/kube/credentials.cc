#include "controller/kube/credentials.h"

#include <fmt/format.h>

#include <utility>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

absl::StatusOr<std::string> TextOf(const CredentialText& material) {
  if (material.path.empty()) return material.inline_text;
  return ReadFile(material.path);
}

// A token of its file, without the line's end; it becomes a header, where one would be an attack.
absl::StatusOr<std::string> TokenOf(const CredentialText& material) {
  ASSIGN_OR_RETURN(std::string token, TextOf(material));
  token.erase(token.find_last_not_of(" \r\n\t") + 1);
  for (const unsigned char c : token) {
    if (c <= 0x20 || c >= 0x7f) {
      return absl::InvalidArgumentError(
          fmt::format("{}: a token is one word of printable characters",
                      material.path.empty() ? "token" : material.path));
    }
  }
  if (token.empty() && !material.empty()) {
    return absl::InvalidArgumentError(fmt::format("{}: the token is empty", material.path));
  }
  return token;
}

}  // namespace

KubeCredentials::KubeCredentials(KubeAccess access, NetClock& clock)
    : access_(std::move(access)), clock_(clock) {}

absl::Status KubeCredentials::ReadAll(CredentialSnapshot& snapshot) const {
  TlsIdentity tls;
  ASSIGN_OR_RETURN(snapshot.token, TokenOf(access_.token));
  ASSIGN_OR_RETURN(tls.ca_pem, TextOf(access_.authority));
  ASSIGN_OR_RETURN(tls.certificate_pem, TextOf(access_.client_certificate));
  ASSIGN_OR_RETURN(tls.key_pem, TextOf(access_.client_key));
  snapshot.tls = std::make_shared<const TlsIdentity>(std::move(tls));
  return absl::OkStatus();
}

void KubeCredentials::ReadAgain(SimTime now) {
  CredentialSnapshot fresh;
  last_read_ = ReadAll(fresh);
  read_at_ = now;
  if (!last_read_.ok()) return;
  const bool same =
      current_.tls != nullptr && *current_.tls == *fresh.tls && current_.token == fresh.token;
  if (same) return;
  fresh.generation = current_.generation + 1;
  current_ = std::move(fresh);
}

absl::StatusOr<CredentialSnapshot> KubeCredentials::Current() {
  const std::lock_guard lock(mutex_);
  const SimTime now = clock_.Now();
  if (current_.tls == nullptr || now - read_at_ >= kReadAgainAfter) ReadAgain(now);
  if (current_.tls == nullptr) return last_read_;
  return current_;
}

bool KubeCredentials::Refused(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (current_.generation != generation) return true;
  ReadAgain(clock_.Now());
  return current_.generation != generation;
}

}  // namespace reeve
