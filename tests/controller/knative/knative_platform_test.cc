// The platform on a cluster in memory, or on a real API server (scripts/test-live).
#include "controller/knative/knative_platform.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "controller/knative/names.h"
#include "controller/kube/json_reading.h"
#include "core/status.h"
#include "tests/controller/knative/platform_fixture.h"

namespace reeve {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Two requests at once and 30 a second, as a queue-proxy says it.
std::string BusyStat() {
  std::string bytes;
  for (const auto& [tag, value] : {std::pair<char, double>{0x11, 2}, {0x21, 30}}) {
    bytes += tag;
    for (int i = 0; i < 8; ++i) {
      bytes += static_cast<char>(std::bit_cast<uint64_t>(value) >> (8 * i) & 0xff);
    }
  }
  return bytes;
}

TEST_F(KnativePlatformTest, FunctionsComeAndGoAndKeepTheirSlots) {
  cluster_.AddFunction("hello");
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  const std::string id = Function(0).id;
  const uint64_t generation = platform_->catalogue().generation;
  EXPECT_EQ(Function(0).name, cluster_.ns() + "/hello");
  EXPECT_EQ(Function(0).tenant, cluster_.ns());
  EXPECT_TRUE(Function(0).present);
  EXPECT_EQ(Status(0).actuation, Actuation::kNone);
  // Nothing runs: sound zeros, once a window has passed.
  ASSERT_TRUE(Eventually([&] { return Status(0).metrics_age == SimTime(); }));
  EXPECT_EQ(snapshot_.functions.cpu_limit[0], Millicores(1000));
  EXPECT_EQ(snapshot_.functions.concurrency_limit[0], 10);

  cluster_.AddFunction("again");
  ASSERT_TRUE(Eventually([&] { return Functions() == 2; }));
  EXPECT_EQ(Function(0).id, id);
  EXPECT_GT(platform_->catalogue().generation, generation);

  cluster_.Remove(knative::kRevisions, "hello-00001");
  ASSERT_TRUE(Eventually([&] { return !Function(0).present; }));
  EXPECT_EQ(snapshot_.functions.replicas_asked[0], 0u);
  EXPECT_TRUE(Function(1).present);
  // Another one of the same name is another function.
  cluster_.Remove(knative::kServices, "hello");
  cluster_.Remove(knative::kPodAutoscalers, "hello-00001");
  cluster_.Remove(kube::kDeployments, "hello-00001-deployment");
  cluster_.AddFunction("hello");
  ASSERT_TRUE(Eventually([&] { return Functions() == 3; }));
  EXPECT_NE(Function(2).id, id);
  EXPECT_FALSE(Function(0).present);
}

TEST_F(KnativePlatformTest, FiguresComeFromTheQueueProxies) {
  ScriptedServer proxy([](const ScriptedRequest&) {
    return ScriptedReply{.body = BusyStat(), .content_type = "application/protobuf"};
  });
  cluster_.AddFunction("hello");
  cluster_.AddPod("hello-00001", "one", true);
  cluster_.AddPod("hello-00001", "two", false);
  KnativeConfig config = Config(AttachMode::kObserve);
  config.direct.addresses[cluster_.ns() + "/one"].statistics =
      fmt::format("127.0.0.1:{}", proxy.port());
  Begin(config);
  ASSERT_TRUE(
      Eventually([&] { return Functions() == 1 && snapshot_.functions.completions[0] > 0; }));
  EXPECT_EQ(snapshot_.functions.containers_ready[0], 1u);
  EXPECT_EQ(snapshot_.functions.containers_starting[0], 1u);
  EXPECT_EQ(snapshot_.functions.in_flight[0], 2u);
  EXPECT_LT(Status(0).metrics_age, SimTime::Seconds(5));
  EXPECT_FALSE(platform_->capabilities().replicas);
  EXPECT_FALSE(platform_->MayAct());
  EXPECT_TRUE(absl::IsUnimplemented(HandBack()));
  // A pod that says nothing makes the figures missing, not zero.
  cluster_.SetReady("two", true);
  ASSERT_TRUE(Eventually([&] { return Status(0).metrics_age == SimTime::Max(); }));
  EXPECT_THAT(Status(0).detail, HasSubstr("queue-proxies"));
}

// A loop that begins while the API server is away looks late for the first time, and then need not
// wait for one window more.
TEST_F(KnativePlatformTest, TheFirstLookHasNumbersWhereItHadToBeWaitedFor) {
  ScriptedServer proxy([](const ScriptedRequest&) {
    return ScriptedReply{.body = BusyStat(), .content_type = "application/protobuf"};
  });
  cluster_.AddFunction("hello");
  cluster_.AddPod("hello-00001", "one", true);
  KnativeConfig config = Config(AttachMode::kObserve);
  config.direct.addresses[cluster_.ns() + "/one"].statistics =
      fmt::format("127.0.0.1:{}", proxy.port());
  Begin(config);
  for (int i = 0; i < 500 && proxy.requests().size() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ASSERT_TRUE(platform_->Observe(snapshot_).ok());
  EXPECT_GT(snapshot_.window, SimTime());
  EXPECT_EQ(snapshot_.functions.in_flight[0], 2u);
  EXPECT_LT(Status(0).metrics_age, SimTime::Seconds(5));
}

TEST_F(KnativePlatformTest, ACountIsAnnotatedActuatedAndHandedBack) {
  cluster_.AddFunction("hello");
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(Apply(Replicas(4)).ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "4");
  EXPECT_EQ(OnRevision(knative::kMaxScale), "4");
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kPending; }));
  // Knative does nothing for a while: that is told.
  ASSERT_TRUE(Eventually([&] { return !Status(0).detail.empty(); }));
  EXPECT_THAT(Status(0).detail, HasSubstr("4 replicas were asked for and the Deployment has 1"));
  EXPECT_GT(Status(0).pending_for, SimTime::Seconds(1));
  cluster_.PlayKnative("hello-00001", /*copies=*/true);
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kDone; }));
  EXPECT_EQ(snapshot_.functions.replicas_asked[0], 4u);
  // The same again is not written again.
  const uint64_t writes = platform_->writes();
  ASSERT_TRUE(Apply(Replicas(4)).ok());
  EXPECT_EQ(platform_->writes(), writes);
  // What is not decided about is left alone.
  ASSERT_TRUE(Apply(Decision{}).ok());
  EXPECT_EQ(platform_->writes(), writes);

  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "");
  EXPECT_EQ(OnRevision(knative::kMaxScale), "");
  EXPECT_EQ(OnRevision(knative::kAttached), "");
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kNone; }));
  EXPECT_TRUE(HandBack().ok());
}

TEST_F(KnativePlatformTest, TheOwnersBoundsHoldAndComeBack) {
  cluster_.AddFunction("hello", {{std::string(knative::kMinScale), "2"},
                                 {std::string(knative::kMaxScale), "6"},
                                 {"unrelated", "stays"}});
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(Apply(Replicas(10)).ok());
  EXPECT_EQ(OnRevision(knative::kMaxScale), "6");
  ASSERT_TRUE(Eventually([&] { return Function(0).max_replicas == 6; }));
  EXPECT_EQ(Function(0).min_replicas, 2);
  ASSERT_TRUE(Apply(Replicas(0)).ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "2");
  // Another instance, later, knows by the object what was there before.
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "2");
  EXPECT_EQ(OnRevision(knative::kMaxScale), "6");
  EXPECT_EQ(OnRevision("unrelated"), "stays");
  EXPECT_EQ(OnRevision(knative::kAttached), "");
}

TEST_F(KnativePlatformTest, OldReleasesAreFoundOutAndAnnotatedWhereTheyLook) {
  cluster_.AddFunction("hello");
  KnativeConfig config = Config();
  config.annotated = AnnotatedObject::kAuto;
  Begin(config);
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(Eventually([&] {
    // What we take back ourselves is nobody else's doing.
    EXPECT_NE(Status(0).actuation, Actuation::kOverridden);
    EXPECT_TRUE(Apply(Replicas(3)).ok());
    return OnAutoscaler(knative::kMinScale) == "3";
  }));
  // Nothing stays where it had no effect.
  EXPECT_EQ(OnRevision(knative::kMinScale), "");
  EXPECT_EQ(OnRevision(knative::kAttached), "");
  cluster_.PlayKnative("hello-00001", /*copies=*/false);
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kDone; }));
  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(OnAutoscaler(knative::kMinScale), "");
}

TEST_F(KnativePlatformTest, NewReleasesAreFoundOutToo) {
  cluster_.AddFunction("hello");
  KnativeConfig config = Config();
  config.annotated = AnnotatedObject::kAuto;
  config.probe_within = SimTime::Seconds(1);
  Begin(config);
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(Apply(Replicas(3)).ok());
  cluster_.PlayKnative("hello-00001", /*copies=*/true);
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kDone; }));
  std::this_thread::sleep_for(std::chrono::seconds(1));  // the probe's time has passed
  ASSERT_TRUE(Eventually([] { return true; }));
  ASSERT_TRUE(Apply(Replicas(5)).ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "5");
}

TEST_F(KnativePlatformTest, ChangesByOthersAreSeenAndConflictsSolved) {
  cluster_.AddFunction("hello");
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(Apply(Replicas(4)).ok());
  cluster_.PlayKnative("hello-00001", true);
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kDone; }));
  cluster_.Annotate(knative::kRevisions, "hello-00001", knative::kMinScale, "1");
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kOverridden; }));
  // It stays so until we are told anew.
  ASSERT_TRUE(Apply(Decision{}).ok());
  ASSERT_TRUE(Eventually([&] { return true; }));
  EXPECT_EQ(OnRevision(knative::kMinScale), "1");
  // The object changes in the moment between reading and writing.
  for (int i = 0; i < 20; ++i) {
    cluster_.Annotate(knative::kRevisions, "hello-00001", "touched", std::to_string(i));
    ASSERT_TRUE(Apply(Replicas(5 + i)).ok());
    EXPECT_EQ(OnRevision(knative::kMinScale), std::to_string(5 + i));
    EXPECT_EQ(OnRevision("touched"), std::to_string(i));
  }
  // The value that somebody set meanwhile counts as the owner's now.
  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(OnRevision(knative::kMinScale), "1");
}

TEST_F(KnativePlatformTest, AnOwnClassDoesWhatKnativesAutoscalerWouldDo) {
  cluster_.AddFunction("hello", {{std::string(knative::kClass), "reeve"}});
  KnativeConfig config = Config(AttachMode::kOwnClass);
  Begin(config);
  const auto service = [&] { return cluster_.Get(knative::kServerlessServices, "hello-00001"); };
  const auto condition = [&](const char* type) {
    return ConditionOf(cluster_.Get(knative::kPodAutoscalers, "hello-00001"), type);
  };
  ASSERT_TRUE(Eventually([&] { return TextAt(service(), "spec.mode") == "Proxy"; }));
  EXPECT_EQ(TextAt(service(), "spec.objectRef.name"), "hello-00001-deployment");
  const json ready = {{"type", "Ready"}, {"status", "True"}};
  const json status = {{"status",
                        {{"serviceName", "hello-00001"},
                         {"privateServiceName", "hello-00001-private"},
                         {"conditions", json::array({ready})}}}};
  ASSERT_TRUE(cluster_.admin()
                  .Patch({knative::kServerlessServices, cluster_.ns(), "hello-00001", "status"},
                         PatchKind::kMerge, status)
                  .ok());
  cluster_.AddPod("hello-00001", "one", true);
  ASSERT_TRUE(Eventually([&] { return condition("Ready") == "True"; }));
  EXPECT_EQ(TextAt(service(), "spec.mode"), "Serve");

  ASSERT_TRUE(Apply(Replicas(3)).ok());
  EXPECT_EQ(cluster_.Replicas("hello-00001"), 3);
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kDone; }));
  // To zero: first the activator, then the pods.
  ASSERT_TRUE(Apply(Replicas(0)).ok());
  EXPECT_EQ(cluster_.Replicas("hello-00001"), 1);
  ASSERT_TRUE(Eventually([&] { return cluster_.Replicas("hello-00001") == 0; }));
  EXPECT_EQ(TextAt(service(), "spec.mode"), "Proxy");
  EXPECT_EQ(condition("Active"), "False");
  cluster_.SetReady("one", false);
  ASSERT_TRUE(Apply(Replicas(2)).ok());
  ASSERT_TRUE(Eventually([&] { return cluster_.Replicas("hello-00001") == 2; }));
  // Without us nobody would scale a function whose owner chose our class.
  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(OnRevision(knative::kClass), knative::kKpaClass);
}

TEST_F(KnativePlatformTest, FunctionsOfOtherClassesAreTakenOverWhenDecidedAbout) {
  cluster_.AddFunction("hello");
  Begin(Config(AttachMode::kOwnClass));
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(Eventually([&] { return true; }));
  EXPECT_TRUE(cluster_.Get(knative::kServerlessServices, "hello-00001").is_null());
  ASSERT_TRUE(Apply(Replicas(2)).ok());
  EXPECT_EQ(OnRevision(knative::kClass), "reeve");
  EXPECT_EQ(cluster_.Replicas("hello-00001"), 1);  // not before Knative has let go
  cluster_.PlayKnative("hello-00001", true);
  ASSERT_TRUE(Eventually([&] { return cluster_.Replicas("hello-00001") == 2; }));
  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(OnRevision(knative::kClass), "");
}

// What only the cluster in memory can be made to do.

TEST_F(KnativePlatformTest, WithoutTheRightToWriteItGoesOnObserving) {
  if (cluster_.real()) GTEST_SKIP() << "with real rights: kube_live_test";
  cluster_.AddFunction("hello");
  cluster_.fake().Forbid("patch", "revisions");
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  const auto patches = [&] {
    const auto writes = cluster_.fake().writes();
    return writes.size();
  };
  const size_t before = patches();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Apply(Replicas(4 + i)).ok());
  EXPECT_EQ(patches(), before);
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kRefused; }));
  EXPECT_THAT(Status(0).detail, HasSubstr("cannot patch revisions"));
  EXPECT_THAT(Status(0).detail, HasSubstr("rbac.yaml"));
}

TEST_F(KnativePlatformTest, WithoutTheRightToReadItSaysWhich) {
  if (cluster_.real()) GTEST_SKIP() << "with real rights: kube_live_test";
  cluster_.fake().Forbid("list", "podautoscalers");
  Begin(Config());
  absl::Status status;
  for (int i = 0; i < 1000; ++i) {
    status = platform_->Observe(snapshot_);
    if (MessageOf(status).find("Forbidden") != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(MessageOf(status), HasSubstr("podautoscalers"));
}

TEST_F(KnativePlatformTest, AnApiServerThatFailsIsToldAndOutlived) {
  if (cluster_.real()) GTEST_SKIP() << "a real server cannot be told to fail";
  cluster_.AddFunction("hello");
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  int32_t replicas = 4;
  for (const int code : {500, 429, 409, 410, 401}) {
    SCOPED_TRACE(code);
    cluster_.fake().Break(code);
    const SimTime begin = NetClock::Real().Now();
    EXPECT_TRUE(absl::IsUnavailable(Apply(Replicas(++replicas))));
    EXPECT_TRUE(Status(0).not_carried_out);
    EXPECT_LT(NetClock::Real().Now() - begin, SimTime::Seconds(10));
    ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kPending; }));
    EXPECT_EQ(Functions(), 1u);  // what was known stays known
    cluster_.fake().Break(0);
    ASSERT_TRUE(Eventually([&] { return Apply(Replicas(replicas)).ok(); }));
    EXPECT_EQ(OnRevision(knative::kMinScale), std::to_string(replicas));
  }
}

TEST_F(KnativePlatformTest, WatchesThatExpireMissNothing) {
  if (cluster_.real()) GTEST_SKIP() << "on a real server: kube_live_test";
  cluster_.AddFunction("hello");
  Begin(Config());
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  cluster_.AddFunction("second");
  cluster_.fake().ExpireWatches();
  ASSERT_TRUE(Eventually([&] { return Functions() == 2; }));
}

TEST_F(KnativePlatformTest, PodsAreResizedInPlaceAndGivenBack) {
  if (cluster_.real()) GTEST_SKIP() << "this release of the API server cannot resize pods";
  cluster_.AddFunction("hello");
  cluster_.AddPod("hello-00001", "one", true);
  KnativeConfig config = Config();
  config.resize = true;
  Begin(config);
  EXPECT_TRUE(platform_->capabilities().cpu_limit);
  ASSERT_TRUE(
      Eventually([&] { return Functions() == 1 && snapshot_.functions.containers_ready[0] == 1; }));
  Decision decision;
  decision.cpu_limit = Millicores(250);
  decision.memory_limit = Mebibytes(384);
  ASSERT_TRUE(Apply(decision).ok());
  const auto resources = [&] {
    return cluster_.Get(kube::kPods, "one")["spec"]["containers"][1]["resources"];
  };
  // The request comes down with the limit, and stays where it is below it.
  EXPECT_EQ(resources(), json::parse(R"({"limits":{"cpu":"250m","memory":"384Mi"},
                                         "requests":{"cpu":"250m","memory":"128Mi"}})"));
  const size_t writes = cluster_.fake().writes().size();
  ASSERT_TRUE(Apply(decision).ok());
  EXPECT_EQ(cluster_.fake().writes().size(), writes);
  // A new pod gets it too.
  cluster_.AddPod("hello-00001", "two", true);
  ASSERT_TRUE(Eventually([&] { return snapshot_.functions.containers_ready[0] == 2; }));
  ASSERT_TRUE(Eventually([&] { return true; }));
  EXPECT_EQ(cluster_.Get(kube::kPods, "two")["spec"]["containers"][1]["resources"]["limits"]["cpu"],
            "250m");
  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(resources()["limits"], json::parse(R"({"cpu":"1000m","memory":"256Mi"})"));
}

// Every file that a kustomization names is there and is YAML, as is every other one.
TEST(DeployTest, IsWhole) {
  const std::filesystem::path deploy = REEVE_SOURCE_DIR "/deploy";
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(deploy)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::vector<json> objects = YamlObjects(entry.path());
    EXPECT_FALSE(objects.empty()) << entry.path();
    ++files;
    if (entry.path().filename() != "kustomization.yaml") continue;
    const auto named = [&](const json& name) {
      EXPECT_TRUE(std::filesystem::exists(entry.path().parent_path() / name.get<std::string>()))
          << entry.path() << " names " << name;
    };
    for (const json& name : objects[0].at("resources")) named(name);
    if (!objects[0].contains("configMapGenerator")) continue;
    for (const json& map : objects[0]["configMapGenerator"]) {
      for (const json& name : map.at("files")) named(name);
    }
  }
  EXPECT_GE(files, 12u);
}

TEST(KnativeConfigTest, ImpossibleOnesAreRefused) {
  KnativeConfig config;
  EXPECT_TRUE(config.Validate().ok());
  config.class_name = "kpa.autoscaling.knative.dev";
  EXPECT_FALSE(config.Validate().ok());
  config = {};
  config.lease.retry = SimTime::Seconds(11);
  EXPECT_FALSE(config.Validate().ok());
}

}  // namespace
}  // namespace reeve
