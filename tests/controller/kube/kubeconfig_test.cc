#include "controller/kube/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTwoContexts = R"(
apiVersion: v1
kind: Config
current-context: work
clusters:
- name: big
  cluster: {server: "https://api.example.test:6443/", certificate-authority: pki/ca.crt, tls-server-name: api.test}
- name: small
  cluster: {server: "https://[::1]:6443", certificate-authority-data: aGVsbG8=}
contexts:
- {name: work, context: {cluster: big, user: robot, namespace: prod}}
- {name: home, context: {cluster: small, user: me}}
- {name: broken, context: {cluster: missing, user: me}}
users:
- name: robot
  user: {token: stale, tokenFile: /run/token}
- name: me
  user: {client-certificate-data: Y2VydA==, client-key: keys/me.key}
)";

TEST(KubeconfigTest, ReadsTheCurrentContext) {
  const auto access = ParseKubeconfig(kTwoContexts, "/etc/kube/config");
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->server, "https://api.example.test:6443");
  EXPECT_EQ(access->tls_server_name, "api.test");
  EXPECT_EQ(access->authority.path, "/etc/kube/pki/ca.crt");
  EXPECT_EQ(access->token.path, "/run/token");
  EXPECT_EQ(access->token.inline_text, "");  // the file is the one that is kept fresh
  EXPECT_EQ(access->default_namespace, "prod");
}

TEST(KubeconfigTest, ReadsAnotherContext) {
  const auto access = ParseKubeconfig(kTwoContexts, "/etc/kube/config", "home");
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->server, "https://[::1]:6443");
  EXPECT_EQ(access->authority.inline_text, "hello");
  EXPECT_EQ(access->client_certificate.inline_text, "cert");
  EXPECT_EQ(access->client_key.path, "/etc/kube/keys/me.key");
  EXPECT_EQ(access->default_namespace, "default");
}

std::string Refusal(const std::string& cluster, const std::string& user) {
  const std::string text = "current-context: c\nclusters: [{name: c, cluster: {" + cluster +
                           "}}]\nusers: [{name: u, user: {" + user +
                           "}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n";
  const auto access = ParseKubeconfig(text, "config");
  return access.ok() ? "accepted" : MessageOf(access.status());
}

TEST(KubeconfigTest, RefusesWhatWouldNotBeSafeOrDoesNotWork) {
  const std::string server = "server: 'https://h'";
  EXPECT_EQ(Refusal(server, "token: t"), "accepted");
  EXPECT_THAT(Refusal(server + ", insecure-skip-tls-verify: true", ""),
              HasSubstr("always verifies"));
  EXPECT_THAT(Refusal("server: 'http://h'", ""), HasSubstr("not an https URL"));
  EXPECT_THAT(Refusal("server: 'http://127.0.0.1.evil.test'", ""), HasSubstr("not an https URL"));
  EXPECT_EQ(Refusal("server: 'http://127.0.0.1:8001'", ""), "accepted");
  EXPECT_THAT(Refusal("server: 'http://127.0.0.1:8001'", "token: t"), HasSubstr("over http"));
  EXPECT_THAT(Refusal(server, "exec: {command: aws}"), HasSubstr("starts a program"));
  EXPECT_THAT(Refusal(server, "auth-provider: {name: gcp}"), HasSubstr("starts a program"));
  EXPECT_THAT(Refusal(server, "username: a, password: b"), HasSubstr("username and password"));
  EXPECT_THAT(Refusal(server, "as: root"), HasSubstr("impersonation"));
  EXPECT_THAT(Refusal(server, "client-key-data: Y2VydA=="), HasSubstr("needed both"));
  EXPECT_THAT(Refusal(server + ", certificate-authority-data: '%%'", ""), HasSubstr("not base64"));
  EXPECT_THAT(Refusal(server + ", proxy-url: 'http://p'", ""), HasSubstr("HTTPS_PROXY"));
}

TEST(KubeconfigTest, ComplaintsNameTheFileAndThePlace) {
  EXPECT_THAT(MessageOf(ParseKubeconfig(kTwoContexts, "config", "nope").status()),
              HasSubstr("config: there is no 'context' named 'nope'"));
  EXPECT_THAT(MessageOf(ParseKubeconfig(kTwoContexts, "config", "broken").status()),
              HasSubstr("no 'cluster' named 'missing'"));
  EXPECT_THAT(MessageOf(ParseKubeconfig("a: [1", "config").status()), HasSubstr("config:1:"));
  EXPECT_FALSE(ParseKubeconfig("", "config").ok());
  EXPECT_FALSE(ParseKubeconfig("- 1", "config").ok());
  EXPECT_FALSE(ParseKubeconfig("contexts: 3\ncurrent-context: x", "config").ok());
}

Environment FakeEnvironment(const std::map<std::string, std::string>& values) {
  return [values](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

TEST(KubeAccessTest, InAPodTheMountedFilesAreUsed) {
  const std::string mount = ::testing::TempDir() + "/reeve_kube_mount";
  ASSERT_TRUE(MakeDirectories(mount).ok());
  ASSERT_TRUE(WriteFileAtomically(mount + "/namespace", "prod\n").ok());
  const auto access = InClusterAccess(
      FakeEnvironment({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}}),
      mount);
  ASSERT_TRUE(access.ok()) << access.status();
  EXPECT_EQ(access->server, "https://[fd00::1]:443");
  EXPECT_EQ(access->authority.path, mount + "/ca.crt");
  EXPECT_EQ(access->token.path, mount + "/token");
  EXPECT_EQ(access->default_namespace, "prod");
  EXPECT_TRUE(absl::IsNotFound(InClusterAccess(FakeEnvironment({}), mount).status()));
}

TEST(KubeAccessTest, SearchesInTheUsualOrder) {
  const std::string folder = ::testing::TempDir() + "/reeve_kube_home";
  ASSERT_TRUE(MakeDirectories(folder + "/.kube").ok());
  ASSERT_TRUE(WriteFileAtomically(folder + "/.kube/config", kTwoContexts).ok());
  EXPECT_EQ(FindKubeAccess("", "", FakeEnvironment({{"HOME", folder}}))->server,
            "https://api.example.test:6443");
  const auto named = FindKubeAccess(
      "", "home", FakeEnvironment({{"KUBECONFIG", folder + "/.kube/config:/other"}}));
  EXPECT_EQ(named->server, "https://[::1]:6443");
  const auto none = FindKubeAccess("", "", FakeEnvironment({{"HOME", "/nonexistent"}}));
  EXPECT_THAT(MessageOf(none.status()), HasSubstr("name a kubeconfig"));
  EXPECT_EQ(FindKubeAccess(folder + "/.kube/config", "",
                           FakeEnvironment({{"KUBERNETES_SERVICE_HOST", "x"},
                                            {"KUBERNETES_SERVICE_PORT", "1"}}))
                ->server,
            "https://api.example.test:6443");
}

}  // namespace
}  // namespace reeve
