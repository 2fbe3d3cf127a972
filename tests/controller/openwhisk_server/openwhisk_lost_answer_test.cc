// A controller whose PUT is not answered, or that is gone by then, on our OpenWhisk server.
#include <gmock/gmock.h>

#include "openwhisk_adapter_fixture.h"

namespace reeve {
namespace {

using nlohmann::json;
using openwhisk_server::FaultKind;

// The answer to a PUT does not come, whatever became of it; then the loop is gone, without handing
// back, and another one comes.
class OpenWhiskLostAnswerTest : public OpenWhiskAdapterTest,
                                public ::testing::WithParamInterface<FaultKind> {};

TEST_P(OpenWhiskLostAnswerTest, IsAskedForAndLeavesNothingBehind) {
  StartServer();
  config_.request_timeout = SimTime::Millis(300);
  options_.spec.on_stop = OnStop::kKeep;
  server_->SetFaults(
      {{.kind = GetParam(), .method = "PUT", .count = 1, .delay = SimTime::Seconds(2)}});
  Begin();
  ASSERT_TRUE(Eventually([&] { return Action("search")["limits"]["memory"] == 512; }));
  ASSERT_TRUE(
      Eventually([&] { return Shown("guest/search").record.actuation == Actuation::kDone; }));
  EXPECT_EQ(server_->faults_met(), 1u);
  const json set = Action("search");
  EXPECT_EQ(set["version"], "0.0.2");  // not twice: each change costs its containers
  EXPECT_EQ(Attached(set)["before"], json({{"memory", 256}}));

  // Once more, and nobody is there when the answer would come.
  options_.left_taken = {"guest/search"};
  options_.spec.mode = ControlMode::kShadow;
  End();
  EXPECT_EQ(Action("search"), set);
  server_->SetFaults(
      {{.kind = GetParam(), .method = "PUT", .count = 1, .delay = SimTime::Seconds(2)}});
  Begin();
  ASSERT_TRUE(Eventually([&] { return server_->faults_met() == 2; }));
  End();
  const json half = Action("search");
  EXPECT_EQ(half["limits"]["memory"] == 512, !Attached(half).is_null());  // both or neither

  Begin();
  ASSERT_TRUE(Eventually([&] { return Action("search")["limits"]["memory"] == 256; }));
  ASSERT_TRUE(Eventually([&] { return loop_->state() != nullptr && loop_->state()->ticks > 6; }));
  EXPECT_TRUE(Attached(Action("search")).is_null());
  EXPECT_EQ(Action("search")["version"], "0.0.3");
}

INSTANTIATE_TEST_SUITE_P(Faults, OpenWhiskLostAnswerTest,
                         ::testing::Values(FaultKind::kCut, FaultKind::kDrop, FaultKind::kDelay),
                         [](const auto& fault) {
                           return std::string(fault.param == FaultKind::kCut    ? "Cut"
                                              : fault.param == FaultKind::kDrop ? "Dropped"
                                                                                : "Late");
                         });

}  // namespace
}  // namespace reeve
