#include "controller/knative/class_plan.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/kube/json_reading.h"

namespace reeve {
namespace {

using nlohmann::json;

class ClassPlanTest : public ::testing::Test {
 protected:
  // As the API server would store it.
  void CarryOut(const ClassPlan& plan) {
    if (plan.create_service) {
      service_ = *plan.create_service;
      service_["status"] = {{"serviceName", "r"},
                            {"privateServiceName", "r-private"},
                            {"conditions", json::array({{{"type", "Ready"}, {"status", "True"}}})}};
    }
    if (plan.service_patch) service_.merge_patch(*plan.service_patch);
    if (plan.scale) deployed_ = *plan.scale;
    if (plan.status_patch) autoscaler_.merge_patch(*plan.status_patch);
  }
  ClassPlan Plan(int32_t wanted, int32_t ready, SimTime proxied = SimTime()) {
    ClassInput input;
    input.autoscaler = &autoscaler_;
    input.serverless_service = service_.is_null() ? nullptr : &service_;
    input.deployed = deployed_;
    input.ready = ready;
    input.wanted = wanted;
    input.proxied_for = proxied;
    input.now = now_;
    return PlanClass(input);
  }
  std::string Condition(const char* type) { return ConditionOf(autoscaler_, type); }

  json autoscaler_ =
      json::parse(R"({"metadata":{"name":"r","namespace":"ns","uid":"u","generation":3,
      "labels":{"l":"1"}},"spec":{"protocolType":"h2c",
      "scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"r-deployment"}}})");
  json service_;
  std::optional<int32_t> deployed_ = 1;
  std::string now_ = "2026-11-23T06:17:00Z";
};

TEST_F(ClassPlanTest, ANewFunctionGetsItsServiceAndBecomesActive) {
  const ClassPlan first = Plan(1, 0);
  ASSERT_TRUE(first.create_service);
  EXPECT_EQ(*first.create_service, json::parse(R"({
      "apiVersion":"networking.internal.knative.dev/v1alpha1","kind":"ServerlessService",
      "metadata":{"name":"r","namespace":"ns","labels":{"l":"1"},"ownerReferences":[{
        "apiVersion":"autoscaling.internal.knative.dev/v1alpha1","kind":"PodAutoscaler","name":"r",
        "uid":"u","controller":true,"blockOwnerDeletion":true}]},
      "spec":{"mode":"Proxy","numActivators":2,"protocolType":"h2c",
        "objectRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"r-deployment"}}})"));
  CarryOut(first);
  EXPECT_EQ(Condition("Active"), "Unknown");
  EXPECT_EQ(Condition("Ready"), "Unknown");
  EXPECT_EQ(Condition("ScaleTargetInitialized"), "Unknown");

  CarryOut(Plan(1, 1));
  EXPECT_EQ(TextAt(service_, "spec.mode"), "Serve");
  EXPECT_EQ(Condition("Active"), "True");
  EXPECT_EQ(Condition("SKSReady"), "True");
  EXPECT_EQ(Condition("ScaleTargetInitialized"), "True");
  EXPECT_EQ(Condition("Ready"), "True");
  EXPECT_EQ(TextAt(autoscaler_, "status.serviceName"), "r");
  EXPECT_EQ(TextAt(autoscaler_, "status.metricsServiceName"), "r-private");
  EXPECT_EQ(IntegerAt(autoscaler_, "status.observedGeneration"), 3);
  EXPECT_EQ(IntegerAt(autoscaler_, "status.desiredScale"), 1);

  // And then there is nothing to do.
  const ClassPlan rest = Plan(1, 1);
  EXPECT_FALSE(rest.create_service || rest.service_patch || rest.scale || rest.status_patch);
}

TEST_F(ClassPlanTest, ScalesUpAndDownAtOnce) {
  CarryOut(Plan(1, 1));
  CarryOut(Plan(1, 1));
  EXPECT_EQ(Plan(5, 1).scale, 5);
  CarryOut(Plan(5, 1));
  EXPECT_EQ(Plan(2, 5).scale, 2);
}

TEST_F(ClassPlanTest, TheLastPodGoesOnlyWhenRequestsGoByTheActivator) {
  CarryOut(Plan(3, 3));
  CarryOut(Plan(3, 3));
  ASSERT_EQ(TextAt(service_, "spec.mode"), "Serve");
  const ClassPlan begin = Plan(0, 3, SimTime::Hours(1));
  EXPECT_TRUE(begin.waits_for_activator);
  EXPECT_EQ(begin.scale, 1);
  CarryOut(begin);
  EXPECT_EQ(TextAt(service_, "spec.mode"), "Proxy");
  EXPECT_EQ(Condition("Active"), "False");
  EXPECT_EQ(Condition("Ready"), "False");
  EXPECT_EQ(Condition("ScaleTargetInitialized"), "True");  // it never goes back
  EXPECT_FALSE(Plan(0, 1, SimTime::Seconds(29)).scale);
  EXPECT_EQ(Plan(0, 1, SimTime::Seconds(30)).scale, 0);
  CarryOut(Plan(0, 1, SimTime::Seconds(30)));
  // And back: a pod first, then it serves itself.
  const ClassPlan up = Plan(1, 0, SimTime::Minutes(5));
  EXPECT_EQ(up.scale, 1);
  CarryOut(up);
  EXPECT_EQ(TextAt(service_, "spec.mode"), "Proxy");
  EXPECT_EQ(Condition("Active"), "Unknown");
  CarryOut(Plan(1, 1, SimTime::Minutes(5)));
  EXPECT_EQ(TextAt(service_, "spec.mode"), "Serve");
}

TEST_F(ClassPlanTest, ConditionsKeepTheTimeOfTheirLastChange) {
  CarryOut(Plan(1, 1));
  CarryOut(Plan(1, 1));
  now_ = "2026-11-23T07:00:00Z";
  CarryOut(Plan(2, 1));
  EXPECT_EQ(TextAt(*ConditionObject(autoscaler_, "Active"), "lastTransitionTime"),
            "2026-11-23T06:17:00Z");
  CarryOut(Plan(0, 2));
  EXPECT_EQ(TextAt(*ConditionObject(autoscaler_, "Active"), "lastTransitionTime"),
            "2026-11-23T07:00:00Z");
}

TEST_F(ClassPlanTest, WithoutADeploymentItWaits) {
  deployed_.reset();
  EXPECT_FALSE(Plan(3, 0).scale);
}

}  // namespace
}  // namespace reeve
