#include "controller/kube/json_reading.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace reeve {
namespace {

using nlohmann::json;

TEST(JsonReadingTest, WhatIsAbsentOrOfAnotherTypeIsADefault) {
  const json object = json::parse(R"({"a":{"b":{"text":"t","number":3,"flag":true,"list":[1]}},
                                      "big":18446744073709551615,"half":1.5})");
  EXPECT_EQ(TextAt(object, "a.b.text"), "t");
  EXPECT_EQ(TextAt(object, "a.b.number"), "");
  EXPECT_EQ(TextAt(object, "a.x.text"), "");
  EXPECT_EQ(TextAt(object, "a.b.text.more"), "");
  EXPECT_EQ(IntegerAt(object, "a.b.number"), 3);
  EXPECT_EQ(IntegerAt(object, "a.b.text"), std::nullopt);
  EXPECT_EQ(IntegerAt(object, "big"), std::nullopt);
  EXPECT_EQ(IntegerAt(object, "half"), std::nullopt);
  EXPECT_EQ(BoolAt(object, "a.b.flag"), true);
  EXPECT_EQ(BoolAt(object, "a.b"), std::nullopt);
  EXPECT_NE(ObjectAt(object, "a.b"), nullptr);
  EXPECT_EQ(ObjectAt(object, "a.b.list"), nullptr);
  EXPECT_NE(ArrayAt(object, "a.b.list"), nullptr);
  EXPECT_EQ(TextAt(json(3), "a"), "");
}

TEST(JsonReadingTest, KeysWithDotsAreReadFromMetadata) {
  const json object = json::parse(
      R"({"metadata":{"annotations":{"autoscaling.knative.dev/min-scale":"4"},"labels":{"x":1}},
          "status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Active"}]}})");
  EXPECT_EQ(AnnotationOf(object, "autoscaling.knative.dev/min-scale"), "4");
  EXPECT_EQ(AnnotationOf(object, "other"), std::nullopt);
  EXPECT_EQ(LabelOf(object, "x"), std::nullopt);
  EXPECT_EQ(ConditionOf(object, "Ready"), "True");
  EXPECT_EQ(ConditionOf(object, "Active"), "");
  EXPECT_EQ(ConditionOf(object, "Other"), "");
  EXPECT_EQ(ConditionOf(json::array(), "Ready"), "");
}

TEST(JsonReadingTest, BytesThatAreNoTextDoNotThrow) {
  EXPECT_EQ(ToText(json("a\xff")), "\"a\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace reeve
