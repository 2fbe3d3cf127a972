#include "controller/keda/scaled_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/status.h"

namespace reeve {
namespace {

using ::testing::HasSubstr;

TEST(ScaledObjectTest, WithoutMetadataTheNamesAreItsOwn) {
  const auto object = ReadScaledObject("shop", "checkout", {{"scalerAddress", "reeve:9465"}});
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->key(), "shop/checkout");
  EXPECT_EQ(object->deployment, "checkout");
  EXPECT_EQ(object->tenant, "shop");
  EXPECT_EQ(object->slo_latency, SimTime::Max());
  EXPECT_EQ(object->min_replicas, 0);
  EXPECT_EQ(object->ignored, "");
}

TEST(ScaledObjectTest, MetadataIsRead) {
  const auto object = ReadScaledObject("shop", "scaler",
                                       {{"deployment", "checkout-v2"},
                                        {"tenant", "payments"},
                                        {"sloLatency", "250ms"},
                                        {"minReplicas", "2"},
                                        {"maxReplicas", "40"},
                                        {"concurrency", "8"},
                                        {"tenent", "x"}});
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->deployment, "checkout-v2");
  EXPECT_EQ(object->tenant, "payments");
  EXPECT_EQ(object->slo_latency, SimTime::Millis(250));
  EXPECT_EQ(object->min_replicas, 2);
  EXPECT_EQ(object->max_replicas, 40);
  EXPECT_EQ(object->concurrency, 8);
  EXPECT_EQ(object->ignored, "'tenent'");
}

TEST(ScaledObjectTest, WhatCannotBeIsNamed) {
  const auto refused = [](const std::map<std::string, std::string>& metadata) {
    const auto object = ReadScaledObject("shop", "checkout", metadata);
    return object.ok() ? "" : MessageOf(object.status());
  };
  EXPECT_THAT(refused({{"maxReplicas", "many"}}),
              HasSubstr("ScaledObject 'shop'/'checkout': metadata.maxReplicas: 'many' is not"));
  EXPECT_THAT(refused({{"maxReplicas", "0"}}), HasSubstr("at least 1"));
  EXPECT_THAT(refused({{"minReplicas", "-1"}}), HasSubstr("at least 0"));
  EXPECT_THAT(refused({{"minReplicas", "9"}, {"maxReplicas", "3"}}),
              HasSubstr("at most maxReplicas, 3"));
  EXPECT_THAT(refused({{"sloLatency", "-5s"}}), HasSubstr("metadata.sloLatency"));
  EXPECT_THAT(refused({{"deployment", "Not A Name"}}), HasSubstr("a name as Kubernetes has them"));
  EXPECT_THAT(refused({{"tenant", std::string(100'000, '\n')}}), HasSubstr("'??"));
  EXPECT_LT(refused({{"tenant", std::string(100'000, 'A')}}).size(), 300u);
  EXPECT_FALSE(ReadScaledObject("", "a", {}).ok());
  EXPECT_FALSE(ReadScaledObject("a", std::string(254, 'a'), {}).ok());
  EXPECT_FALSE(ReadScaledObject("a", "../b", {}).ok());
}

ScaledObject Named(const std::string& name) {
  return *ReadScaledObject("ns", name, {});
}

TEST(ScaledObjectsTest, WhatIsNotAskedAboutIsForgottenAndMakesRoom) {
  ManualClock clock;
  ScaledObjects objects(2, SimTime::Minutes(10), clock);
  ASSERT_TRUE(objects.Asked(Named("a")).ok());
  ASSERT_TRUE(objects.Asked(Named("b")).ok());
  EXPECT_EQ(objects.Asked(Named("c")).code(), absl::StatusCode::kResourceExhausted);
  clock.Advance(SimTime::Minutes(9));
  ASSERT_TRUE(objects.Asked(Named("b")).ok());
  clock.Advance(SimTime::Minutes(2));
  EXPECT_TRUE(objects.Asked(Named("c")).ok());
  const auto list = objects.List();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].object.name, "b");
  EXPECT_EQ(list[0].unasked, SimTime::Minutes(2));
  EXPECT_EQ(list[1].unasked, SimTime());
}

TEST(ScaledObjectsTest, ATargetIsToldUntilItIsWithdrawn) {
  ManualClock clock;
  ScaledObjects objects(10, SimTime::Minutes(10), clock);
  objects.SetTarget("ns/a", 3);  // of none that is known
  EXPECT_EQ(objects.Target("ns/a").status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(objects.Asked(Named("a")).ok());
  EXPECT_EQ(objects.Target("ns/a").status().code(), absl::StatusCode::kUnavailable);
  objects.SetTarget("ns/a", 3);
  EXPECT_EQ(*objects.Target("ns/a"), 3);
  ASSERT_TRUE(objects.Asked(Named("a")).ok());
  EXPECT_EQ(*objects.Target("ns/a"), 3);
  objects.Withdraw("ns/a");
  EXPECT_FALSE(objects.Target("ns/a").ok());
}

TEST(ScaledObjectsTest, ListenersHearOfChangesOnly) {
  ManualClock clock;
  ScaledObjects objects(10, SimTime::Minutes(10), clock);
  std::vector<bool> heard;
  const auto listener = std::make_shared<const ScaledObjects::Listener>(
      [&heard](bool active) { heard.push_back(active); });
  const auto number = objects.Listen(Named("a"), listener);
  ASSERT_TRUE(number.ok());
  EXPECT_TRUE(heard.empty());  // nothing is decided
  for (const int32_t replicas : {2, 5, 0, 0, 1}) objects.SetTarget("ns/a", replicas);
  EXPECT_EQ(heard, (std::vector<bool>{true, false, true}));
  const auto second = objects.Listen(Named("a"), listener);
  EXPECT_EQ(heard.size(), 4u);  // told at once what holds
  objects.StopListening("ns/a", *number);
  objects.SetTarget("ns/a", 0);
  EXPECT_EQ(heard.size(), 5u);
  clock.Advance(SimTime::Hours(1));
  EXPECT_EQ(objects.List().size(), 1u);  // a stream is open
  objects.StopListening("ns/a", *second);
  clock.Advance(SimTime::Hours(1));
  EXPECT_TRUE(objects.List().empty());
}

}  // namespace
}  // namespace reeve
