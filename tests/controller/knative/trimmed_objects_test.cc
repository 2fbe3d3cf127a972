#include "controller/knative/trimmed_objects.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/knative/revision_view.h"

namespace reeve {
namespace {

using nlohmann::json;

const char* const kMetadata = R"("metadata": {"name": "f-1", "namespace": "ns", "uid": "12345678",
    "resourceVersion": "7", "generation": 2, "creationTimestamp": "2026-11-23T06:16:58Z",
    "labels": {"serving.knative.dev/service": "f", "serving.knative.dev/revision": "f-1"},
    "annotations": {"autoscaling.knative.dev/min-scale": "2", "reeve-slo-latency": "500ms",
      "kubectl.kubernetes.io/last-applied-configuration": "{\"the\": \"whole object once more\"}"},
    "ownerReferences": [{"kind": "Configuration", "name": "f", "uid": "1"}], "selfLink": "/x"})";

json Object(const std::string& rest) {
  return json::parse("{" + std::string(kMetadata) + ", " + rest + "}");
}

// A function as a cluster has it, with much that nobody here reads.
struct Whole {
  json revision = Object(R"("spec": {"containerConcurrency": 5, "timeoutSeconds": 300,
      "volumes": [{"name": "v"}], "containers": [{"name": "user-container", "image": "i",
        "env": [{"name": "A", "value": "1"}], "readinessProbe": {"tcpSocket": {"port": 0}},
        "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}}}]},
      "status": {"conditions": [{"type": "Ready", "status": "True"}], "actualReplicas": 1})");
  json deployment = Object(R"("spec": {"replicas": 3, "template": {"spec": {"containers": [
      {"name": "user-container", "image": "i"}]}}}, "status": {"readyReplicas": 3})");
  json pod = Object(R"("spec": {"nodeName": "n", "volumes": [{"name": "token"}], "containers": [
        {"name": "queue-proxy", "image": "q", "env": [{"name": "B", "value": "2"}]},
        {"name": "user-container", "image": "i", "resources": {"limits": {"cpu": "1"}}}]},
      "status": {"phase": "Running", "podIP": "10.0.0.7", "hostIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null,
            "lastTransitionTime": "2026-11-23T06:17:00Z"},
          {"type": "PodResizePending", "status": "True", "reason": "Deferred", "message": "later"}],
        "containerStatuses": [{"name": "user-container", "imageID": "sha256:0", "restartCount": 0,
          "resources": {"limits": {"cpu": "750m", "memory": "64Mi"}}}]})");
};

TEST(TrimmedObjectsTest, AFunctionLooksAsBefore) {
  Whole whole;
  json service = Object(R"("spec": {"template": {"spec": {"containers": [{"image": "i"}]}}},
      "status": {"latestReadyRevisionName": "f-1", "url": "http://f", "traffic": [{}]})");
  service["metadata"]["name"] = "f";
  whole.deployment["metadata"]["name"] = "f-1-deployment";
  const auto view = [&] {
    const auto one = [](const json& object) {
      return std::vector<KubeObject>{std::make_shared<const json>(object)};
    };
    auto views = ViewRevisions({.services = one(service),
                                .revisions = one(whole.revision),
                                .autoscalers = {},
                                .deployments = one(whole.deployment),
                                .pods = one(whole.pod)},
                               {.tenant_label = "t", .slo_annotation = "reeve-slo-latency"});
    EXPECT_EQ(views.size(), 1u);
    views.at(0).annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
    return views.at(0);
  };
  const RevisionView before = view();
  // So that there is something to lose.
  EXPECT_TRUE(before.latest);
  EXPECT_EQ(before.slo_latency, SimTime::Millis(500));
  EXPECT_EQ(before.concurrency_limit, 5);
  EXPECT_EQ(before.deployed_replicas, 3);
  ASSERT_EQ(before.pods.size(), 1u);
  EXPECT_TRUE(before.pods[0].ready);
  EXPECT_EQ(before.pods[0].cpu_limit, Millicores(750));
  EXPECT_EQ(before.pods[0].resize_problem, "Deferred: later");
  const size_t bytes = whole.pod.dump().size();
  TrimService(service);
  TrimRevision(whole.revision);
  TrimDeployment(whole.deployment);
  TrimPod(whole.pod);
  EXPECT_EQ(view(), before);
  EXPECT_LT(whole.pod.dump().size(), bytes * 3 / 4);
  for (const json* object : {&service, &whole.revision, &whole.deployment, &whole.pod}) {
    EXPECT_EQ(object->dump().find("last-applied"), std::string::npos);
    EXPECT_EQ(object->dump().find("image"), std::string::npos);
  }
}

TEST(TrimmedObjectsTest, WhatIsNotAsExpectedIsLeftToReaders) {
  for (const char* text :
       {"null", "7", "[]", "{}", R"({"metadata": 1, "spec": [], "status": "x"})",
        R"({"metadata": {"annotations": []}, "spec": {"containers": {"a": 1}}, "status": null})",
        R"({"spec": {"containers": [1, null]}, "status": {"conditions": [[]]}})"}) {
    for (void (*trim)(json&) : {TrimService, TrimRevision, TrimDeployment, TrimPod, TrimNode}) {
      json object = json::parse(text);
      trim(object);
      EXPECT_EQ(object.is_object(), json::parse(text).is_object()) << text;
    }
  }
}

TEST(TrimmedObjectsTest, ANodeKeepsWhatItHasToGive) {
  json node = json::parse(R"({"metadata": {"name": "n", "labels": {"a": "b"}}, "spec": {"x": 1},
      "status": {"allocatable": {"cpu": "4"}, "images": [1, 2],
        "conditions": [{"type": "Ready", "status": "True"}]}})");
  TrimNode(node);
  EXPECT_EQ(node, json::parse(R"({"metadata": {"name": "n"}, "spec": {}, "status": {
      "allocatable": {"cpu": "4"}, "conditions": [{"type": "Ready", "status": "True"}]}})"));
}

}  // namespace
}  // namespace reeve
