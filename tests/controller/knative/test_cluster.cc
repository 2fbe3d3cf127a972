#include "tests/controller/knative/test_cluster.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "controller/kube/yaml_objects.h"
#include "core/check.h"
#include "core/files.h"

namespace reeve {
namespace {

using nlohmann::json;

constexpr ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};

void Must(const absl::Status& status) {
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace

std::vector<json> YamlObjects(const std::string& path) {
  auto objects = ReadYamlObjects(path);
  REEVE_CHECK(objects.ok());
  return *std::move(objects);
}

TestCluster::TestCluster() {
  static std::atomic<int> count{0};
  ns_ = fmt::format("test-{}-{}", ::getpid(), ++count);
  const char* real = std::getenv("REEVE_TEST_KUBE");
  if (real != nullptr) {
    folder_ = real;
  } else {
    fake_ = std::make_unique<FakeKube>();
    folder_ = ::testing::TempDir() + "/reeve_" + ns_;
    REEVE_CHECK(MakeDirectories(folder_).ok());
    const std::string config = fmt::format(
        "current-context: t\nclusters: [{{name: t, cluster: {{server: '{}'}}}}]\n"
        "contexts: [{{name: t, context: {{cluster: t, namespace: {}}}}}]\n",
        fake_->url(), ns_);
    REEVE_CHECK(WriteFileAtomically(folder_ + "/admin.kubeconfig", config).ok());
  }
  auto access = ReadKubeconfig(AdminConfig());
  REEVE_CHECK(access.ok());
  credentials_ = std::make_unique<KubeCredentials>(*access, NetClock::Real());
  KubeClientOptions options;
  options.requests_per_second = options.burst = 1e6;
  admin_ = std::make_unique<KubeClient>(*credentials_, options, NetClock::Real());
  if (!this->real()) return;
  Must(admin_->Create(kNamespaces, "", {{"metadata", {{"name", ns_}}}}).status());
  static const bool defined = [this] {
    constexpr ResourceType kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                        "CustomResourceDefinition", false};
    for (const json& object : YamlObjects(REEVE_TEST_CRDS)) {
      const auto made = admin_->Create(kDefinitions, "", object);
      if (!absl::IsAlreadyExists(made.status())) Must(made.status());
    }
    // Served a moment after they are made.
    for (const ResourceType& type : {knative::kServices, knative::kRevisions,
                                     knative::kPodAutoscalers, knative::kServerlessServices}) {
      for (int i = 0; i < 200 && !admin_->List(type).ok(); ++i) ::usleep(50'000);
    }
    return true;
  }();
  EXPECT_TRUE(defined);
}

std::string TestCluster::AdminConfig() const {
  return folder_ + "/admin.kubeconfig";
}

std::string TestCluster::UserConfig(const std::string& name) const {
  return real() ? folder_ + "/" + name + ".kubeconfig" : AdminConfig();
}

void TestCluster::AddFunction(const std::string& service, const json& annotations,
                              int32_t replicas) {
  const std::string revision = service + "-00001";
  const json labels = {{std::string(knative::kServiceLabel), service},
                       {std::string(knative::kRevisionLabel), revision},
                       {std::string(knative::kRoutingStateLabel), "active"}};
  const auto object = [&](const ResourceType& type, const std::string& name, json spec) {
    const std::string version = type.group.empty() ? std::string(type.version)
                                                   : fmt::format("{}/{}", type.group, type.version);
    json made = {{"apiVersion", version},
                 {"kind", type.kind},
                 {"metadata", {{"name", name}, {"labels", labels}}},
                 {"spec", std::move(spec)}};
    if (!annotations.is_null() && type.kind != "Deployment") {
      made["metadata"]["annotations"] = annotations;
    }
    return made;
  };
  const json container = {{"name", "user-container"},
                          {"image", "hello"},
                          {"resources",
                           {{"limits", {{"cpu", "1"}, {"memory", "256Mi"}}},
                            {"requests", {{"cpu", "500m"}, {"memory", "128Mi"}}}}}};
  json bare = object(knative::kServices, service, json::object());
  bare["metadata"].erase("annotations");
  Must(admin_->Create(knative::kServices, ns_, bare).status());
  Must(admin_
           ->Patch({knative::kServices, ns_, service, "status"}, PatchKind::kMerge,
                   {{"status", {{"latestReadyRevisionName", revision}}}})
           .status());
  Must(
      admin_
          ->Create(knative::kRevisions, ns_,
                   object(knative::kRevisions, revision,
                          {{"containerConcurrency", 10}, {"containers", json::array({container})}}))
          .status());
  const json deployment_ref = {
      {"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", revision + "-deployment"}};
  Must(admin_
           ->Create(knative::kPodAutoscalers, ns_,
                    object(knative::kPodAutoscalers, revision,
                           {{"scaleTargetRef", deployment_ref},
                            {"protocolType", "http1"},
                            {"reachability", "Reachable"}}))
           .status());
  const json pod_labels = {{std::string(knative::kRevisionLabel), revision}};
  const json template_spec = {
      {"metadata", {{"labels", pod_labels}}},
      {"spec", {{"containers", json::array({{{"name", "user-container"}, {"image", "hello"}}})}}}};
  Must(admin_
           ->Create(kube::kDeployments, ns_,
                    object(kube::kDeployments, revision + "-deployment",
                           {{"replicas", replicas},
                            {"selector", {{"matchLabels", pod_labels}}},
                            {"template", template_spec}}))
           .status());
}

void TestCluster::AddPod(const std::string& revision, const std::string& name, bool ready,
                         const std::string& ip) {
  const json resources = {{"limits", {{"cpu", "1"}, {"memory", "256Mi"}}},
                          {"requests", {{"cpu", "500m"}, {"memory", "128Mi"}}}};
  const json pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"name", name}, {"labels", {{std::string(knative::kRevisionLabel), revision}}}}},
      {"spec",
       {{"containers",
         json::array(
             {{{"name", "queue-proxy"}, {"image", "q"}},
              {{"name", "user-container"}, {"image", "hello"}, {"resources", resources}}})}}}};
  Must(admin_->Create(kube::kPods, ns_, pod).status());
  const json status = {{"status", {{"phase", "Running"}, {"podIP", ip}}}};
  Must(admin_->Patch({kube::kPods, ns_, name, "status"}, PatchKind::kMerge, status).status());
  SetReady(name, ready);
}

void TestCluster::SetReady(const std::string& pod, bool ready) {
  const json condition = {{"type", "Ready"},
                          {"status", ready ? "True" : "False"},
                          {"lastTransitionTime", "2026-11-23T06:17:00Z"}};
  const json patch = {{"status", {{"conditions", json::array({condition})}}}};
  Must(admin_->Patch({kube::kPods, ns_, pod, "status"}, PatchKind::kMerge, patch).status());
}

void TestCluster::Remove(const ResourceType& type, const std::string& name) {
  Must(admin_->Delete({type, ns_, name}));
}

json TestCluster::Get(const ResourceType& type, const std::string& name) {
  const auto object = admin_->Get({type, ns_, name});
  return object.ok() ? *object : json();
}

std::string TestCluster::Annotation(const ResourceType& type, const std::string& name,
                                    std::string_view key) {
  return AnnotationOf(Get(type, name), key).value_or("");
}

void TestCluster::Annotate(const ResourceType& type, const std::string& name, std::string_view key,
                           const std::optional<std::string>& value) {
  const json patch = {
      {"metadata", {{"annotations", {{std::string(key), value ? json(*value) : json()}}}}}};
  Must(admin_->Patch({type, ns_, name}, PatchKind::kMerge, patch).status());
}

void TestCluster::SetReplicas(const std::string& revision, int32_t replicas) {
  Must(admin_
           ->Patch({kube::kDeployments, ns_, revision + "-deployment", "scale"}, PatchKind::kMerge,
                   {{"spec", {{"replicas", replicas}}}})
           .status());
}

int32_t TestCluster::Replicas(const std::string& revision) {
  const json deployment = Get(kube::kDeployments, revision + "-deployment");
  return static_cast<int32_t>(IntegerAt(deployment, "spec.replicas").value_or(-1));
}

void TestCluster::PlayKnative(const std::string& revision, bool copies) {
  if (copies) {
    const json of_revision = Get(knative::kRevisions, revision);
    json annotations = json::object();
    const json before = Get(knative::kPodAutoscalers, revision);
    if (const json* old = ObjectAt(before, "metadata.annotations")) {
      for (const auto& [key, value] : old->items()) annotations[key] = nullptr;
    }
    if (const json* own = ObjectAt(of_revision, "metadata.annotations")) {
      for (const auto& [key, value] : own->items()) {
        if (key.rfind("autoscaling.knative.dev/", 0) == 0) annotations[key] = value;
      }
    }
    Must(admin_
             ->Patch({knative::kPodAutoscalers, ns_, revision}, PatchKind::kMerge,
                     {{"metadata", {{"annotations", annotations}}}})
             .status());
  }
  const json autoscaler = Get(knative::kPodAutoscalers, revision);
  const auto number = [&](std::string_view key) {
    const auto text = AnnotationOf(autoscaler, key);
    return text ? std::stoi(*text) : 0;
  };
  const int32_t low = number(knative::kMinScale), high = number(knative::kMaxScale);
  const int32_t is = Replicas(revision);
  int32_t wanted = std::max(is, low);
  if (high > 0) wanted = std::min(wanted, high);
  if (wanted != is) SetReplicas(revision, wanted);
}

}  // namespace reeve
