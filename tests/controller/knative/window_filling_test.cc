#include "controller/knative/window_filling.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "controller/knative/names.h"

namespace reeve {
namespace {

using nlohmann::json;

PodView Pod(bool ready, const std::string& name, bool terminating = false) {
  PodView pod;
  pod.name = name;
  pod.ready = ready;
  pod.terminating = terminating;
  pod.cpu_limit = Millicores(700);
  pod.memory_limit = Mebibytes(300);
  return pod;
}

class FillRowTest : public ::testing::Test {
 protected:
  FillRowTest() { windows_.Resize(1); }
  void Fill(const FunctionFigures* figures) {
    FillRow(view_, figures, {Millicores(1000), Mebibytes(512)}, 0, memory_, windows_);
  }
  RevisionView view_;
  RowMemory memory_;
  FunctionWindows windows_;
};

TEST_F(FillRowTest, CountsAndLatencies) {
  view_.pods = {Pod(true, "a"), Pod(false, "b"), Pod(true, "c", true)};
  view_.slo_latency = SimTime::Millis(150);
  view_.concurrency_limit = 7;
  FunctionFigures figures;
  figures.completions = 40;
  figures.failures = 4;
  figures.mean_in_flight = 2.6;
  figures.queued = 1;
  figures.cpu_used_millicores = 350;
  figures.latency_seconds.emplace();
  figures.latency_seconds->Add(0.1, 10);
  figures.latency_seconds->Add(0.2, 30);
  figures.latency_seconds->Add(std::numeric_limits<double>::infinity(), 40);
  Fill(&figures);
  EXPECT_EQ(windows_.completions[0], 36u);
  EXPECT_EQ(windows_.failures[0], 4u);
  EXPECT_EQ(windows_.in_flight[0], 3u);
  EXPECT_EQ(windows_.queued[0], 1u);
  EXPECT_EQ(windows_.arrivals[0], 44u);  // answered, and those still open
  EXPECT_FLOAT_EQ(windows_.latency_p50_ms[0], 150);
  EXPECT_FLOAT_EQ(windows_.latency_p99_ms[0], 200);
  EXPECT_EQ(windows_.slo_violations[0], 24u);  // 20 above 150 ms and 4 failures
  EXPECT_EQ(windows_.containers_ready[0], 1u);
  EXPECT_EQ(windows_.containers_starting[0], 1u);
  EXPECT_EQ(windows_.cpu_limit[0], Millicores(700));
  EXPECT_EQ(windows_.memory_limit[0], Mebibytes(300));
  EXPECT_EQ(windows_.concurrency_limit[0], 7);
  // The four that were open are answered, and no new ones came.
  FunctionFigures next;
  next.completions = 4;
  Fill(&next);
  EXPECT_EQ(windows_.arrivals[0], 0u);
}

// 0.4 requests a window are two requests in five windows.
TEST_F(FillRowTest, FractionsOfRequestsAreNotLost) {
  FunctionFigures figures;
  figures.completions = 0.4;
  uint32_t sum = 0;
  for (int i = 0; i < 50; ++i) {
    Fill(&figures);
    sum += windows_.completions[0];
  }
  EXPECT_NEAR(sum, 20, 1);
}

TEST_F(FillRowTest, PodsThatBeganInTheWindowAreStarts) {
  FunctionFigures figures;
  figures.completions = 10;
  view_.pods = {Pod(false, "before")};
  Fill(&figures);
  EXPECT_EQ(windows_.containers_started[0], 0u);  // nobody knows since when it has been there
  view_.pods = {Pod(true, "a"), Pod(false, "b"), Pod(true, "before")};
  Fill(&figures);
  EXPECT_EQ(windows_.containers_started[0], 2u);
  EXPECT_EQ(windows_.cold_starts[0], 2u);  // none was ready before
  view_.pods.push_back(Pod(true, "c"));
  Fill(&figures);
  EXPECT_EQ(windows_.containers_started[0], 1u);
  EXPECT_EQ(windows_.cold_starts[0], 0u);
}

TEST_F(FillRowTest, WithoutMetricsItHasWhatTheWatchesKnow) {
  view_.pods = {Pod(true, "a")};
  view_.pods[0].cpu_limit = Millicores();
  view_.pods[0].memory_limit = Mebibytes();
  Fill(nullptr);
  EXPECT_EQ(windows_.containers_ready[0], 1u);
  EXPECT_EQ(windows_.completions[0], 0u);
  EXPECT_EQ(windows_.cpu_limit[0], Millicores(1000));  // what is assumed without a limit
  EXPECT_EQ(windows_.memory_limit[0], Mebibytes(512));
}

KubeObject Object(const char* text) {
  return std::make_shared<const json>(json::parse(text));
}

TEST(ViewRevisionsTest, PutsTogetherWhatBelongsTogether) {
  ClusterObjects objects;
  objects.services = {Object(R"({"metadata":{"namespace":"ns","name":"hello",
      "labels":{"reeve-tenant":"shop"},"annotations":{"reeve-slo-latency":"250ms"}},
      "status":{"latestReadyRevisionName":"hello-00002"}})")};
  objects.revisions = {
      Object(R"({"metadata":{"namespace":"ns","name":"hello-00001","uid":"u1",
          "labels":{"serving.knative.dev/service":"hello","serving.knative.dev/routingState":"reserve"}}})"),
      Object(R"({"metadata":{"namespace":"ns","name":"hello-00002","uid":"u2","resourceVersion":"7",
          "labels":{"serving.knative.dev/service":"hello","serving.knative.dev/routingState":"active"},
          "annotations":{"autoscaling.knative.dev/min-scale":"2"}},
          "spec":{"containerConcurrency":5,"containers":[
            {"name":"queue-proxy"},{"name":"app","resources":{"limits":{"cpu":"500m","memory":"128Mi"}}}]}})"),
      Object(
          R"({"metadata":{"namespace":"ns","name":"gone","deletionTimestamp":"2026-11-23T06:17:00Z"}})")};
  objects.autoscalers = {
      Object(R"({"metadata":{"namespace":"ns","name":"hello-00002","resourceVersion":"8"},
      "spec":{"reachability":"Unreachable"},"status":{"desiredScale":-1}})")};
  objects.deployments = {Object(
      R"({"metadata":{"namespace":"ns","name":"hello-00002-deployment"},"spec":{"replicas":3}})")};
  objects.pods = {
      Object(
          R"({"metadata":{"namespace":"ns","name":"p1","labels":{"serving.knative.dev/revision":"hello-00002"},
          "creationTimestamp":"2026-11-23T06:17:00Z"},
          "spec":{"containers":[{"name":"queue-proxy"},{"name":"app","resources":{"limits":{"cpu":"500m","memory":"128Mi"}}}]},
          "status":{"phase":"Running","podIP":"10.1.2.3",
            "conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-23T06:17:04Z"},
                          {"type":"PodResizePending","status":"True","reason":"Deferred","message":"later"}],
            "containerStatuses":[{"name":"app","resources":{"limits":{"cpu":"2","memory":"128Mi"}}}]}})"),
      Object(
          R"({"metadata":{"namespace":"ns","name":"old","labels":{"serving.knative.dev/revision":"hello-00002"}},
          "status":{"phase":"Failed"}})"),
      Object(
          R"({"metadata":{"namespace":"other","name":"p2","labels":{"serving.knative.dev/revision":"hello-00002"}}})")};
  const auto views = ViewRevisions(objects, {});
  ASSERT_EQ(views.size(), 1u);
  const RevisionView& view = views[0];
  EXPECT_EQ(view.key(), "ns/hello-00002");
  EXPECT_EQ(view.service, "hello");
  EXPECT_EQ(view.tenant, "shop");
  EXPECT_TRUE(view.latest);
  EXPECT_EQ(view.slo_latency, SimTime::Millis(250));
  EXPECT_EQ(view.concurrency_limit, 5);
  EXPECT_EQ(view.cpu_limit, Millicores(500));
  EXPECT_EQ(BoundsOf(view.annotations).min, 2);
  EXPECT_FALSE(view.reachable);
  EXPECT_EQ(view.desired_scale, -1);
  EXPECT_EQ(view.deployed_replicas, 3);
  ASSERT_EQ(view.pods.size(), 1u);
  EXPECT_EQ(view.ready(), 1u);
  EXPECT_EQ(view.pods[0].function_container, "app");
  EXPECT_EQ(view.pods[0].cpu_limit, Millicores(2000));  // as it runs, not as it was asked
  EXPECT_EQ(view.pods[0].resize_problem, "Deferred: later");
  EXPECT_EQ(*view.pods[0].ready_at - view.pods[0].created, SimTime::Seconds(4));
}

TEST(ViewRevisionsTest, ObjectsOfAnyShapeDoNoHarm) {
  for (const char* text :
       {"{}", "[]", "null", "3", R"({"metadata":3,"spec":[],"status":"x"})",
        R"({"metadata":{"annotations":[],"labels":3},"spec":{"containers":[3,null,{}]},
                               "status":{"conditions":{},"containerStatuses":[[]]}})"}) {
    const KubeObject odd = Object(text);
    ViewRevisions({{odd}, {odd}, {odd}, {odd}, {odd}}, {});
  }
}

TEST(ScaleBoundsTest, NewKeysWinOverOldOnesAndNonsenseIsNone) {
  EXPECT_EQ(BoundsOf({{"autoscaling.knative.dev/minScale", "3"}}).min, 3);
  EXPECT_EQ(BoundsOf({{"autoscaling.knative.dev/minScale", "3"},
                      {"autoscaling.knative.dev/min-scale", "1"}})
                .min,
            1);
  EXPECT_EQ(BoundsOf({{"autoscaling.knative.dev/max-scale", "-1"}}).max, 0);
  EXPECT_EQ(BoundsOf({{"autoscaling.knative.dev/max-scale", "4x"}}).max, 0);
}

}  // namespace
}  // namespace reeve
