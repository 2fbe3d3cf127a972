// Writes that fail: what the platform says of them, and what becomes of them.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "tests/controller/knative/platform_fixture.h"

namespace reeve {
namespace {

class KnativeWritesTest : public KnativePlatformTest {
 protected:
  void SetUp() override {
    if (cluster_.real()) GTEST_SKIP() << "a real server cannot be told to fail";
    cluster_.AddFunction("first");
    cluster_.AddFunction("second");
    Begin(Config());
    ASSERT_TRUE(Eventually([&] { return Functions() == 2; }));
  }
  absl::Status ApplyBoth(int32_t first, int32_t second) {
    return platform_->Apply(std::vector<Decision>{Replicas(first), Replicas(second)});
  }
  std::string Scale(const std::string& service) {
    return cluster_.Annotation(knative::kRevisions, service + "-00001", knative::kMinScale);
  }
  // It happens and its answer is cut; the cache knows nothing of it, since watches end as they
  // begin, and lists fail from then on.
  void WriteWithoutAnAnswer(int32_t first) {
    cluster_.fake().SetBetween([](const ScriptedRequest& request, const auto& answer) {
      if (request.query.count("watch") > 0) return ScriptedReply{.status = 500};
      if (request.path.ends_with("/revisions")) return ScriptedReply{.status = 500};
      ScriptedReply reply = answer();
      if (IsPatchOf(request, "first")) reply.body.resize(reply.body.size() / 2);
      return reply;
    });
    cluster_.fake().EndWatches();
    ASSERT_TRUE(Eventually([&] { return cluster_.fake().silent_watches() == 0; }));
    EXPECT_FALSE(Apply(Replicas(first)).ok());
    EXPECT_EQ(Scale("first"), std::to_string(first));
    cluster_.fake().SetBetween([](const ScriptedRequest& request, const auto& answer) {
      if (request.path.ends_with("/revisions")) return ScriptedReply{.status = 500};
      return answer();
    });
  }
  static bool IsPatchOf(const ScriptedRequest& request, const std::string& service) {
    return request.method == "PATCH" && request.path.ends_with("/" + service + "-00001");
  }
};

TEST_F(KnativeWritesTest, OfWhatFailsInPartEachIsToldAndNothingComesLate) {
  cluster_.fake().SetBetween([](const ScriptedRequest& request, const auto& answer) {
    return IsPatchOf(request, "second") ? ScriptedReply{.status = 500} : answer();
  });
  ASSERT_TRUE(ApplyBoth(3, 3).ok());  // not all of it failed
  EXPECT_FALSE(Status(0).not_carried_out);
  EXPECT_TRUE(Status(1).not_carried_out);
  EXPECT_EQ(Scale("first"), "3");
  cluster_.fake().SetBetween(nullptr);
  // By now somebody may have decided otherwise: it is not written without being asked for again.
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(platform_->Observe(snapshot_).ok());
  EXPECT_FALSE(Status(1).not_carried_out);
  EXPECT_EQ(Scale("second"), "");
  ASSERT_TRUE(Apply(Replicas(2), 1).ok());
  EXPECT_EQ(Scale("second"), "2");
}

TEST_F(KnativeWritesTest, WhatARefusalMeansIsToldAtOnce) {
  cluster_.fake().Forbid("patch", "revisions");
  ASSERT_TRUE(ApplyBoth(3, 3).ok());  // as good as it gets
  EXPECT_TRUE(Status(0).not_carried_out);
  EXPECT_EQ(Status(0).actuation, Actuation::kRefused);
}

// The write happens, its answer is lost, and the watch is late: by the cache nothing is to be done.
TEST_F(KnativeWritesTest, AWriteWithoutAnAnswerIsLookedForBeforeTheNext) {
  ASSERT_TRUE(ApplyBoth(2, 2).ok());
  ASSERT_TRUE(Eventually([&] { return Status(0).actuation == Actuation::kPending; }));
  WriteWithoutAnAnswer(5);
  ASSERT_TRUE(Apply(Replicas(2)).ok());
  EXPECT_EQ(Scale("first"), "2");
}

TEST_F(KnativeWritesTest, AWriteWithoutAnAnswerIsHandedBackToo) {
  WriteWithoutAnAnswer(5);
  ASSERT_TRUE(HandBack().ok());
  EXPECT_EQ(Scale("first"), "");
}

// By what is known of the deployment, three replicas are there already.
TEST_F(KnativePlatformTest, AScaleWithoutAnAnswerIsNotBelievedToBeTheOneBefore) {
  if (cluster_.real()) GTEST_SKIP() << "a real server cannot be told to fail";
  cluster_.AddFunction("hello", {{std::string(knative::kClass), "reeve"}});
  Begin(Config(AttachMode::kOwnClass));
  ASSERT_TRUE(Eventually([&] { return Functions() == 1; }));
  ASSERT_TRUE(Apply(Replicas(3)).ok());
  int looks = 0;  // for a third of a second: what the watch says is known by then
  ASSERT_TRUE(Eventually([&] { return ++looks > 15; }));
  const auto behind = [](const ScriptedRequest& request) {
    return request.query.count("watch") > 0 || request.path.ends_with("/deployments");
  };
  cluster_.fake().SetBetween([behind](const ScriptedRequest& request, const auto& answer) {
    if (behind(request)) return ScriptedReply{.status = 500};
    ScriptedReply reply = answer();
    if (request.path.ends_with("/scale")) reply.body = "garbage";
    return reply;
  });
  cluster_.fake().EndWatches();
  ASSERT_TRUE(Eventually([&] { return cluster_.fake().silent_watches() == 0; }));
  EXPECT_FALSE(Apply(Replicas(5)).ok());
  EXPECT_EQ(cluster_.Replicas("hello-00001"), 5);
  cluster_.fake().SetBetween([behind](const ScriptedRequest& request, const auto& answer) {
    return behind(request) ? ScriptedReply{.status = 500} : answer();
  });
  ASSERT_TRUE(Apply(Replicas(3)).ok());
  EXPECT_EQ(cluster_.Replicas("hello-00001"), 3);
}

}  // namespace
}  // namespace reeve
