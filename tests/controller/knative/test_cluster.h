// A cluster with a make-believe Knative for tests: in memory, or, where REEVE_TEST_KUBE names the
// folder of a server started by scripts/kube-server, on a real API server.
//
// Knative's controllers are played by the test: Copy… does what the release that is played would
// do.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controller/kube/credentials.h"
#include "controller/kube/kube_client.h"
#include "tests/controller/knative/fake_kube.h"

namespace reeve {

class TestCluster {
 public:
  // With a namespace of its own, so that tests do not see each other's objects.
  TestCluster();

  bool real() const { return fake_ == nullptr; }
  FakeKube& fake() { return *fake_; }
  const std::string& ns() const { return ns_; }
  // A kubeconfig that may do everything, and one of the user `name` of scripts/kube-server.
  std::string AdminConfig() const;
  std::string UserConfig(const std::string& name) const;
  KubeClient& admin() { return *admin_; }

  // Objects as Knative makes them for the service `service`, at revision `service`-00001.
  void AddFunction(const std::string& service, const nlohmann::json& annotations = {},
                   int32_t replicas = 1);
  void AddPod(const std::string& revision, const std::string& name, bool ready,
              const std::string& ip = "10.0.0.1");
  void SetReady(const std::string& pod, bool ready);
  void Remove(const ResourceType& type, const std::string& name);

  nlohmann::json Get(const ResourceType& type, const std::string& name);
  std::string Annotation(const ResourceType& type, const std::string& name,
                         std::string_view key);  // "" when not there
  void Annotate(const ResourceType& type, const std::string& name, std::string_view key,
                const std::optional<std::string>& value);
  void SetReplicas(const std::string& revision, int32_t replicas);
  int32_t Replicas(const std::string& revision);

  // What Knative 1.21 does: the revision's autoscaling annotations become its PodAutoscaler's, and
  // its autoscaler brings the Deployment to within min-scale and max-scale of them. What 1.20 does:
  // the latter alone.
  void PlayKnative(const std::string& revision, bool copies);

 private:
  std::unique_ptr<FakeKube> fake_;
  std::string ns_;
  std::string folder_;
  std::unique_ptr<KubeCredentials> credentials_;
  std::unique_ptr<KubeClient> admin_;
};

// The objects of a file that can be read.
std::vector<nlohmann::json> YamlObjects(const std::string& path);

}  // namespace reeve
