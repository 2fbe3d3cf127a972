#include "controller/kube/kubeconfig.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <optional>

#include "absl/strings/escaping.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

// Reading of one kubeconfig: where it is and how to complain about it.
class Reader {
 public:
  Reader(YAML::Node root, std::string path) : root_(std::move(root)), path_(std::move(path)) {}

  absl::StatusOr<KubeAccess> Read(const std::string& wanted_context);

 private:
  absl::Status Complain(std::string_view what) const {
    return absl::InvalidArgumentError(fmt::format("{}: {}", path_, what));
  }
  static std::string Text(const YAML::Node& map, const char* key) {
    if (!map.IsMap()) return "";
    const YAML::Node value = map[key];
    return value && value.IsScalar() ? value.Scalar() : "";
  }
  // The map below `item_key` of the entry named `name` in the list `list_key`.
  absl::StatusOr<YAML::Node> Entry(const char* list_key, const std::string& name,
                                   const char* item_key) const;
  absl::Status ReadCluster(const YAML::Node& cluster, KubeAccess& access) const;
  absl::Status ReadUser(const YAML::Node& user, KubeAccess& access) const;
  // "key-data" (base64) or "key" (a path).
  absl::StatusOr<CredentialText> Material(const YAML::Node& map, const char* key) const;
  std::string FromHere(const std::string& file) const {
    return (std::filesystem::path(path_).parent_path() / file).string();
  }

  YAML::Node root_;
  std::string path_;
};

absl::StatusOr<YAML::Node> Reader::Entry(const char* list_key, const std::string& name,
                                         const char* item_key) const {
  const YAML::Node list = root_[list_key];
  if (list && list.IsSequence()) {
    for (const YAML::Node& entry : list) {
      if (Text(entry, "name") != name) continue;
      const YAML::Node item = entry[item_key];
      if (item && item.IsMap()) return item;
    }
  }
  return Complain(fmt::format("there is no '{}' named '{}' below '{}'", item_key, name, list_key));
}

absl::StatusOr<CredentialText> Reader::Material(const YAML::Node& map, const char* key) const {
  CredentialText material;
  const std::string data_key = std::string(key) + "-data";
  if (const std::string data = Text(map, data_key.c_str()); !data.empty()) {
    if (!absl::Base64Unescape(data, &material.inline_text) || material.inline_text.empty()) {
      return Complain(fmt::format("'{}' is not base64", data_key));
    }
    return material;
  }
  if (const std::string file = Text(map, key); !file.empty()) material.path = FromHere(file);
  return material;
}

bool IsLoopback(std::string_view url) {
  for (const std::string_view host : {"http://127.0.0.1", "http://localhost", "http://[::1]"}) {
    if (url.substr(0, host.size()) != host) continue;
    const std::string_view rest = url.substr(host.size());
    if (rest.empty() || rest[0] == ':' || rest[0] == '/') return true;
  }
  return false;
}

absl::Status Reader::ReadCluster(const YAML::Node& cluster, KubeAccess& access) const {
  access.server = Text(cluster, "server");
  while (!access.server.empty() && access.server.back() == '/') access.server.pop_back();
  if (access.server.substr(0, 8) != "https://" && !IsLoopback(access.server)) {
    return Complain(fmt::format(
        "server: '{}' is not an https URL (http is allowed to this machine only)", access.server));
  }
  if (Text(cluster, "insecure-skip-tls-verify") == "true") {
    return Complain(
        "insecure-skip-tls-verify: Reeve always verifies the server; give its authority as "
        "certificate-authority, or the name in its certificate as tls-server-name");
  }
  if (!Text(cluster, "proxy-url").empty()) {
    return Complain("proxy-url: not supported; set HTTPS_PROXY instead");
  }
  access.tls_server_name = Text(cluster, "tls-server-name");
  ASSIGN_OR_RETURN(access.authority, Material(cluster, "certificate-authority"));
  return absl::OkStatus();
}

absl::Status Reader::ReadUser(const YAML::Node& user, KubeAccess& access) const {
  for (const char* key : {"exec", "auth-provider"}) {
    if (user[key]) {
      return Complain(fmt::format(
          "user: {} starts a program to log in, which Reeve does not do; use a service account's "
          "token (tokenFile) or a client certificate",
          key));
    }
  }
  if (user["username"] || user["password"]) {
    return Complain("user: username and password are not taken by API servers; use tokenFile");
  }
  if (user["as"] || user["as-groups"]) return Complain("user: impersonation is not supported");
  access.token.inline_text = Text(user, "token");
  // As in kubectl, the file wins: it is the one that is kept fresh.
  if (const std::string file = Text(user, "tokenFile"); !file.empty()) {
    access.token = {.inline_text = "", .path = FromHere(file)};
  }
  ASSIGN_OR_RETURN(access.client_certificate, Material(user, "client-certificate"));
  ASSIGN_OR_RETURN(access.client_key, Material(user, "client-key"));
  if (access.client_certificate.empty() != access.client_key.empty()) {
    return Complain("user: client-certificate and client-key are needed both");
  }
  return absl::OkStatus();
}

absl::StatusOr<KubeAccess> Reader::Read(const std::string& wanted_context) {
  if (!root_.IsMap()) return Complain("a kubeconfig is a map with clusters, users and contexts");
  const std::string name = wanted_context.empty() ? Text(root_, "current-context") : wanted_context;
  if (name.empty()) return Complain("no current-context is set: name a context");
  ASSIGN_OR_RETURN(const YAML::Node context, Entry("contexts", name, "context"));
  ASSIGN_OR_RETURN(const YAML::Node cluster,
                   Entry("clusters", Text(context, "cluster"), "cluster"));
  KubeAccess access;
  access.source = fmt::format("{}, context '{}'", path_, name);
  RETURN_IF_ERROR(ReadCluster(cluster, access));
  if (const std::string user_name = Text(context, "user"); !user_name.empty()) {
    ASSIGN_OR_RETURN(const YAML::Node user, Entry("users", user_name, "user"));
    RETURN_IF_ERROR(ReadUser(user, access));
  }
  if (const std::string text = Text(context, "namespace"); !text.empty()) {
    access.default_namespace = text;
  }
  const bool secret = !access.token.empty() || !access.client_key.empty();
  if (secret && access.server.substr(0, 8) != "https://") {
    return Complain("a token or key is not sent over http: use https");
  }
  return access;
}

std::string EnvironmentText(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? "" : value;
}

}  // namespace

absl::StatusOr<KubeAccess> ParseKubeconfig(std::string_view text, const std::string& path,
                                           const std::string& context) {
  try {
    return Reader(YAML::Load(std::string(text)), path).Read(context);
  } catch (const YAML::Exception& e) {
    return InvalidAt(path, e.mark.line + 1, e.mark.column + 1, e.msg);
  }
}

absl::StatusOr<KubeAccess> ReadKubeconfig(const std::string& path, const std::string& context) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseKubeconfig(text, path, context);
}

absl::StatusOr<KubeAccess> InClusterAccess(const Environment& environment,
                                           const std::string& mount) {
  std::string host = EnvironmentText(environment, "KUBERNETES_SERVICE_HOST");
  const std::string port = EnvironmentText(environment, "KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return absl::NotFoundError(
        "this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  KubeAccess access;
  access.server = fmt::format("https://{}:{}", host, port);
  access.authority.path = mount + "/ca.crt";
  access.token.path = mount + "/token";
  access.source = mount;
  if (auto name = ReadFile(mount + "/namespace"); name.ok() && !name->empty()) {
    access.default_namespace = name->substr(0, name->find_last_not_of(" \r\n\t") + 1);
  }
  return access;
}

absl::StatusOr<KubeAccess> FindKubeAccess(const std::string& kubeconfig, const std::string& context,
                                          const Environment& environment) {
  if (!kubeconfig.empty()) return ReadKubeconfig(kubeconfig, context);
  if (auto access = InClusterAccess(environment); access.ok()) return access;
  std::string path = EnvironmentText(environment, "KUBECONFIG");
  path = path.substr(0, path.find(':'));
  if (path.empty()) path = EnvironmentText(environment, "HOME") + "/.kube/config";
  auto access = ReadKubeconfig(path, context);
  if (!access.ok() && absl::IsNotFound(access.status())) {
    return absl::NotFoundError(fmt::format(
        "no access to a Kubernetes cluster is configured: this is no pod, and there is no {}; "
        "name a kubeconfig",
        path));
  }
  return access;
}

}  // namespace reeve
