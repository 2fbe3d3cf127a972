// Where the API server is and who we are there: from a kubeconfig file or from the files that
// Kubernetes mounts into a pod.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace reeve {

// Material that is given inline or in a file. A file is read again and again, as it may rotate.
struct CredentialText {
  std::string inline_text = {};
  std::string path = {};  // absolute, or relative to the working directory
  bool empty() const { return inline_text.empty() && path.empty(); }
};

struct KubeAccess {
  std::string server;           // "https://10.96.0.1:443", no slash at the end
  std::string tls_server_name;  // expected in the server's certificate instead of the host
  CredentialText authority;     // PEM; empty: the system's authorities
  CredentialText token;
  CredentialText client_certificate, client_key;  // PEM
  std::string default_namespace = "default";
  std::string source;  // for messages: "/root/.kube/config, context 'test'"
};

// The kubeconfig's text, for its context or the current one. `path` is what relative paths in it
// are relative to, and what messages name. Refused, with what to do instead: skipping TLS
// verification, plain http to anything but this machine, plug-ins (exec, auth-provider), basic
// authentication (no API server takes it any more), impersonation.
absl::StatusOr<KubeAccess> ParseKubeconfig(std::string_view text, const std::string& path,
                                           const std::string& context = "");
absl::StatusOr<KubeAccess> ReadKubeconfig(const std::string& path, const std::string& context = "");

// The environment as a function, so that tests can set one: null when a variable is not set.
using Environment = std::function<const char*(const char*)>;

// Inside of a pod: KUBERNETES_SERVICE_HOST and _PORT, and token, ca.crt and namespace below
// `mount`. NotFound when this is no pod.
absl::StatusOr<KubeAccess> InClusterAccess(
    const Environment& environment,
    const std::string& mount = "/var/run/secrets/kubernetes.io/serviceaccount");

// `kubeconfig` if it is not empty; else in a pod what is mounted; else $KUBECONFIG (its first
// file); else ~/.kube/config.
absl::StatusOr<KubeAccess> FindKubeAccess(const std::string& kubeconfig, const std::string& context,
                                          const Environment& environment);

}  // namespace reeve
