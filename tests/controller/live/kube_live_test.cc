// The Kubernetes client against a real API server, whose folder REEVE_TEST_KUBE names
// (scripts/test-live). What the scripted server of the other tests is made to believe is held
// against the real thing here.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "controller/knative/knative_platform.h"
#include "controller/knative/names.h"
#include "controller/kube/informer.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/kube_client.h"
#include "controller/kube/leader_elector.h"
#include "controller/kube/watch_decoder.h"
#include "core/files.h"
#include "core/status.h"
#include "tests/controller/knative/test_cluster.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr ResourceType kConfigMaps{"", "v1", "configmaps", "ConfigMap"};
constexpr ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
constexpr ResourceType kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount"};
constexpr const char* kRbac = "rbac.authorization.k8s.io";
constexpr ResourceType kClusterRoles{kRbac, "v1", "clusterroles", "ClusterRole", false};
constexpr ResourceType kClusterRoleBindings{kRbac, "v1", "clusterrolebindings",
                                            "ClusterRoleBinding", false};
constexpr ResourceType kRoles{kRbac, "v1", "roles", "Role"};
constexpr ResourceType kRoleBindings{kRbac, "v1", "rolebindings", "RoleBinding"};

// Another user's client.
struct User {
  explicit User(const std::string& config) {
    auto access = ReadKubeconfig(config);
    EXPECT_TRUE(access.ok()) << access.status();
    credentials.emplace(*access, NetClock::Real());
    client.emplace(*credentials, KubeClientOptions{}, NetClock::Real());
  }
  std::optional<KubeCredentials> credentials;
  std::optional<KubeClient> client;
};

class KubeLiveTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(cluster_.real()) << "run by scripts/test-live"; }
  json Map(const std::string& name, const std::string& value) {
    return {{"metadata", {{"name", name}}}, {"data", {{"key", value}}}};
  }
  ObjectRef Ref(const std::string& name) { return {kConfigMaps, cluster_.ns(), name}; }
  KubeClient& admin() { return cluster_.admin(); }
  template <class Condition>
  ::testing::AssertionResult Eventually(const Condition& condition) {
    for (int i = 0; i < 1500; ++i) {
      if (condition()) return ::testing::AssertionSuccess();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return ::testing::AssertionFailure() << "not within 30 s";
  }
  TestCluster cluster_;
};

TEST_F(KubeLiveTest, ObjectsAreMadeChangedAndRemoved) {
  EXPECT_TRUE(admin().GetPath("/version").ok());
  ASSERT_TRUE(admin().Create(kConfigMaps, cluster_.ns(), Map("a", "1")).ok());
  EXPECT_TRUE(
      absl::IsAlreadyExists(admin().Create(kConfigMaps, cluster_.ns(), Map("a", "1")).status()));
  auto object = admin().Get(Ref("a"));
  ASSERT_TRUE(object.ok());
  const std::string version = TextAt(*object, "metadata.resourceVersion");

  // Nothing is stored by a dry run.
  ASSERT_TRUE(
      admin()
          .Patch(Ref("a"), PatchKind::kMerge, {{"data", {{"key", "dry"}}}}, {.dry_run = true})
          .ok());
  EXPECT_EQ(TextAt(*admin().Get(Ref("a")), "data.key"), "1");
  ASSERT_TRUE(admin().Patch(Ref("a"), PatchKind::kMerge, {{"data", {{"key", "2"}}}}).ok());
  // At a version that is not the current one.
  const json stale = {{"metadata", {{"resourceVersion", version}}}, {"data", {{"key", "3"}}}};
  EXPECT_TRUE(absl::IsAborted(admin().Patch(Ref("a"), PatchKind::kMerge, stale).status()));
  (*object)["data"]["key"] = "4";
  EXPECT_TRUE(absl::IsAborted(admin().Replace(Ref("a"), *object).status()));
  const json operation = {{"op", "add"}, {"path", "/data/other"}, {"value", "x"}};
  ASSERT_TRUE(admin().Patch(Ref("a"), PatchKind::kJson, json::array({operation})).ok());
  ASSERT_TRUE(admin().Patch(Ref("a"), PatchKind::kStrategic, {{"data", {{"key", "5"}}}}).ok());
  json applied = Map("a", "6");
  applied["apiVersion"] = "v1";
  applied["kind"] = "ConfigMap";
  EXPECT_TRUE(absl::IsAborted(
      admin().Patch(Ref("a"), PatchKind::kApply, applied, {.field_manager = "reeve"}).status()));
  ASSERT_TRUE(
      admin()
          .Patch(Ref("a"), PatchKind::kApply, applied, {.field_manager = "reeve", .force = true})
          .ok());
  EXPECT_EQ(TextAt(*admin().Get(Ref("a")), "data.key"), "6");
  EXPECT_TRUE(absl::IsInvalidArgument(
      admin().Patch(Ref("a"), PatchKind::kMerge, {{"data", {{"bad key", "x"}}}}).status()));
  ASSERT_TRUE(admin().Delete(Ref("a")).ok());
  EXPECT_TRUE(absl::IsNotFound(admin().Get(Ref("a")).status()));
  EXPECT_TRUE(absl::IsNotFound(admin().Delete(Ref("a"))));
}

TEST_F(KubeLiveTest, ListsComeInPages) {
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(admin().Create(kConfigMaps, cluster_.ns(), Map(fmt::format("m{}", i), "x")).ok());
  }
  const auto paged = admin().List(kConfigMaps, {.ns = cluster_.ns(), .page = 2});
  const auto whole = admin().List(kConfigMaps, {.ns = cluster_.ns(), .page = 0});
  ASSERT_TRUE(paged.ok() && whole.ok());
  EXPECT_EQ(paged->items.size(), whole->items.size());
  EXPECT_GE(paged->items.size(), 7u);
}

TEST_F(KubeLiveTest, WhoeverIsNotKnownOrMayNotIsRefused) {
  User nobody(cluster_.UserConfig("nobody"));
  const auto forbidden = nobody.client->List(kube::kPods);
  EXPECT_TRUE(absl::IsPermissionDenied(forbidden.status()));
  EXPECT_THAT(MessageOf(forbidden.status()), HasSubstr("403 Forbidden"));
  KubeAccess access = nobody.client->access();
  access.token = {.inline_text = "no-such-token"};
  KubeCredentials credentials(access, NetClock::Real());
  KubeClient stranger(credentials, {}, NetClock::Real());
  EXPECT_TRUE(absl::IsUnauthenticated(stranger.List(kube::kPods).status()));
  // A server that another authority has signed is not talked to.
  access.authority = {.inline_text = TestCertificates::Get().other_ca_pem};
  KubeCredentials other(access, NetClock::Real());
  KubeClient distrustful(other, {}, NetClock::Real());
  EXPECT_TRUE(absl::IsUnauthenticated(distrustful.List(kube::kPods).status()));
}

TEST_F(KubeLiveTest, ATokenThatRotatesIsReadAgain) {
  const std::string path = ::testing::TempDir() + "/reeve_live_token";
  ASSERT_TRUE(WriteFileAtomically(path, "stale").ok());
  User nobody(cluster_.UserConfig("nobody"));
  const auto good = ReadFile(nobody.client->access().token.path);
  ASSERT_TRUE(good.ok());
  KubeAccess access = nobody.client->access();
  access.token.path = path;
  KubeCredentials credentials(access, NetClock::Real());
  KubeClient client(credentials, {}, NetClock::Real());
  EXPECT_TRUE(absl::IsUnauthenticated(client.GetPath("/api").status()));
  ASSERT_TRUE(WriteFileAtomically(path, *good).ok());
  EXPECT_TRUE(client.GetPath("/api").ok());
}

TEST_F(KubeLiveTest, AnInformerFollowsWhatHappens) {
  ASSERT_TRUE(admin().Create(kConfigMaps, cluster_.ns(), Map("before", "1")).ok());
  InformerOptions options;
  options.ns = cluster_.ns();
  // The server ends the watch after this: it goes on in order.
  options.watch_at_least = options.watch_at_most = SimTime::Seconds(2);
  Informer informer(admin(), kConfigMaps, options, NetClock::Real());
  informer.Start();
  const auto value = [&](const std::string& name) {
    const KubeObject object = informer.Find(cluster_.ns(), name);
    return object == nullptr ? "" : TextAt(*object, "data.key");
  };
  ASSERT_TRUE(Eventually([&] { return value("before") == "1"; }));
  ASSERT_TRUE(admin().Create(kConfigMaps, cluster_.ns(), Map("later", "1")).ok());
  ASSERT_TRUE(Eventually([&] { return value("later") == "1"; }));
  ASSERT_TRUE(Eventually([&] { return informer.health().watches >= 3; }));
  ASSERT_TRUE(admin().Patch(Ref("later"), PatchKind::kMerge, {{"data", {{"key", "2"}}}}).ok());
  ASSERT_TRUE(Eventually([&] { return value("later") == "2"; }));
  ASSERT_TRUE(admin().Delete(Ref("before")).ok());
  ASSERT_TRUE(Eventually([&] { return informer.Find(cluster_.ns(), "before") == nullptr; }));
  EXPECT_EQ(informer.health().lists, 1u);  // nothing had to be listed again
}

TEST_F(KubeLiveTest, AServerThatIsKilledAndComesBackIsOutlived) {
  ASSERT_TRUE(admin().Create(kConfigMaps, cluster_.ns(), Map("before", "1")).ok());
  Informer informer(admin(), kConfigMaps, {.ns = cluster_.ns()}, NetClock::Real());
  informer.Start();
  ASSERT_TRUE(Eventually([&] { return informer.Find(cluster_.ns(), "before") != nullptr; }));
  const std::string again =
      fmt::format("{}/kube-server restart {}", REEVE_SCRIPTS, std::getenv("REEVE_TEST_KUBE"));
  ASSERT_EQ(std::system(again.c_str()), 0);
  ASSERT_TRUE(admin().Create(kConfigMaps, cluster_.ns(), Map("after", "1")).ok());
  ASSERT_TRUE(admin().Delete(Ref("before")).ok());
  EXPECT_TRUE(Eventually([&] {
    return informer.Find(cluster_.ns(), "after") != nullptr &&
           informer.Find(cluster_.ns(), "before") == nullptr;
  }));

  // Its history begins anew: a version from before is too old, by the HTTP status or by an event.
  WatchOptions options;
  options.ns = cluster_.ns();
  options.resource_version = "1";
  options.length = SimTime::Seconds(5);
  WatchDecoder decoder([](WatchEventType, json&, const std::string&) {});
  const absl::Status status = admin().Watch(
      kConfigMaps, options, [&](std::string_view chunk) { return decoder.Feed(chunk); });
  EXPECT_TRUE(absl::IsOutOfRange(status)) << status;
}

TEST_F(KubeLiveTest, OfTwoElectorsOneLeads) {
  const auto lease = [&](const char* identity) {
    return LeaseOptions{.ns = cluster_.ns(),
                        .name = "l",
                        .identity = identity,
                        .lease_duration = SimTime::Seconds(2),
                        .renew_deadline = SimTime::Seconds(1),
                        .retry = SimTime::Millis(100)};
  };
  LeaderElector a(admin(), lease("a"), NetClock::Real());
  LeaderElector b(admin(), lease("b"), NetClock::Real());
  a.Start();
  ASSERT_TRUE(Eventually([&] { return a.IsLeader(); }));
  b.Start();
  ASSERT_TRUE(Eventually([&] { return b.Leader() == "a"; }));
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(a.IsLeader() && b.IsLeader());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  a.Stop();
  ASSERT_TRUE(Eventually([&] { return b.IsLeader(); }));
}

// The account of deploy/, with exactly the rights that are deployed.
class DeployedRightsTest : public KubeLiveTest {
 protected:
  void Make(const ResourceType& type, const json& object) {
    const std::string ns = type.namespaced ? TextAt(object, "metadata.namespace") : "";
    const auto made = admin().Create(type, ns, object);
    EXPECT_TRUE(made.ok() || absl::IsAlreadyExists(made.status())) << made.status();
  }
  void Bind(const std::string& file) {
    Make(kClusterRoleBindings, YamlObjects(REEVE_DEPLOY + file).at(0));
  }
  void Unbind(const std::string& name) {
    const absl::Status gone = admin().Delete({kClusterRoleBindings, "", name});
    EXPECT_TRUE(gone.ok() || absl::IsNotFound(gone)) << gone;
  }
  // The account and what the base grants; a kubeconfig with a token as a pod has one.
  void SetUp() override {
    KubeLiveTest::SetUp();
    Make(kNamespaces, {{"metadata", {{"name", "reeve"}}}});
    const std::vector<json> objects = YamlObjects(std::string(REEVE_DEPLOY) + "/base/rbac.yaml");
    for (const ResourceType& type :
         {kServiceAccounts, kClusterRoles, kRoles, kRoleBindings, kClusterRoleBindings}) {
      for (const json& object : objects) {
        if (TextAt(object, "kind") == type.kind) Make(type, object);
      }
    }
    Unbind("reeve-annotator");
    Unbind("reeve-class");
    const json request = {{"apiVersion", "authentication.k8s.io/v1"},
                          {"kind", "TokenRequest"},
                          {"spec", {{"expirationSeconds", 3600}}}};
    const auto token = admin().Post({kServiceAccounts, "reeve", "reeve", "token"}, request);
    ASSERT_TRUE(token.ok()) << token.status();
    const KubeAccess access = User(cluster_.UserConfig("nobody")).client->access();
    const std::string text = fmt::format(
        "current-context: c\nclusters: [{{name: c, cluster: {{server: '{}', "
        "certificate-authority: '{}'}}}}]\nusers: [{{name: u, user: {{token: '{}'}}}}]\n"
        "contexts: [{{name: c, context: {{cluster: c, user: u, namespace: reeve}}}}]\n",
        access.server, access.authority.path, TextAt(*token, "status.token"));
    ASSERT_TRUE(WriteFileAtomically(config_path_, text).ok());
  }
  void Begin(AttachMode attach) {
    platform_.reset();
    KnativeConfig config;
    config.kubeconfig = config_path_;
    config.attach = attach;
    config.annotated = AnnotatedObject::kRevision;
    config.writes_per_second = 1000;
    config.lease.identity = "live-test";
    auto platform = KnativePlatform::Create(config, [](const char*) { return nullptr; });
    ASSERT_TRUE(platform.ok()) << platform.status();
    platform_ = *std::move(platform);
    ASSERT_TRUE(Eventually([&] {
      if (!platform_->Observe(snapshot_).ok() || !platform_->MayAct()) return false;
      const auto& functions = platform_->catalogue().functions;
      for (slot_ = 0; slot_ < functions.size(); ++slot_) {
        if (functions[slot_].name == cluster_.ns() + "/hello") return true;
      }
      return false;
    }));
  }
  FunctionStatus Apply(int32_t replicas) {
    std::vector<Decision> decisions(platform_->catalogue().functions.size());
    decisions[slot_].replicas = replicas;
    EXPECT_TRUE(platform_->Apply(decisions).ok());
    EXPECT_TRUE(platform_->Observe(snapshot_).ok());
    return platform_->Status()[slot_];
  }
  std::string MinScale() {
    return cluster_.Annotation(knative::kRevisions, "hello-00001", knative::kMinScale);
  }
  void ExpectRefused(const std::vector<ObjectRef>& objects) {
    User account(config_path_);
    const json nothing = {{"metadata", {{"annotations", {{"x", "y"}}}}}};
    for (const ObjectRef& object : objects) {
      EXPECT_TRUE(absl::IsPermissionDenied(
          account.client->Patch(object, PatchKind::kMerge, nothing).status()))
          << object.Text();
    }
    EXPECT_TRUE(absl::IsPermissionDenied(
        account.client->Delete({knative::kRevisions, cluster_.ns(), "hello-00001"})));
    constexpr ResourceType kSecrets{"", "v1", "secrets", "Secret"};
    EXPECT_TRUE(absl::IsPermissionDenied(account.client->List(kSecrets).status()));
  }

  const std::string config_path_ = ::testing::TempDir() + "/reeve_account.kubeconfig";
  std::unique_ptr<KnativePlatform> platform_;
  Snapshot snapshot_;
  size_t slot_ = 0;
};

TEST_F(DeployedRightsTest, AreEnoughToObserveAndThenToAnnotateAndNoMore) {
  cluster_.AddFunction("hello");
  Begin(AttachMode::kAnnotate);
  // Without the annotator's binding it observes, and says what is missing.
  const FunctionStatus refused = Apply(3);
  EXPECT_EQ(refused.actuation, Actuation::kRefused);
  EXPECT_THAT(refused.detail, HasSubstr("403 Forbidden"));
  EXPECT_EQ(MinScale(), "");

  Bind("/annotate/binding.yaml");
  Begin(AttachMode::kAnnotate);
  Apply(3);
  EXPECT_EQ(MinScale(), "3");
  const FunctionId id(static_cast<uint32_t>(slot_));
  EXPECT_TRUE(platform_->HandBack({&id, 1}).ok());
  EXPECT_EQ(MinScale(), "");
  ExpectRefused({{kube::kDeployments, cluster_.ns(), "hello-00001-deployment"},
                 {kube::kDeployments, cluster_.ns(), "hello-00001-deployment", "scale"},
                 {knative::kServices, cluster_.ns(), "hello"},
                 {knative::kPodAutoscalers, cluster_.ns(), "hello-00001", "status"},
                 {kube::kLeases, "reeve", "another"},
                 {kube::kLeases, cluster_.ns(), "reeve"}});
}

TEST_F(DeployedRightsTest, AreEnoughForAnOwnClassAndNoMore) {
  cluster_.AddFunction("hello", {{std::string(knative::kClass), "reeve"}});
  Bind("/annotate/binding.yaml");
  Bind("/own-class/binding.yaml");
  Begin(AttachMode::kOwnClass);
  Apply(3);
  EXPECT_EQ(cluster_.Replicas("hello-00001"), 3);
  EXPECT_EQ(TextAt(cluster_.Get(knative::kServerlessServices, "hello-00001"), "spec.mode"),
            "Proxy");
  EXPECT_EQ(ConditionOf(cluster_.Get(knative::kPodAutoscalers, "hello-00001"), "Active"),
            "Unknown");
  ExpectRefused({{kube::kDeployments, cluster_.ns(), "hello-00001-deployment"},
                 {knative::kServices, cluster_.ns(), "hello"},
                 {knative::kServerlessServices, cluster_.ns(), "hello-00001", "status"}});
}

}  // namespace
}  // namespace reeve
