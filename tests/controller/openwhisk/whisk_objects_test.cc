#include "controller/openwhisk/whisk_objects.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

using nlohmann::json;

TEST(WhiskObjects, AnActionAsUpstreamListsIt) {
  const auto action = ReadWhiskAction(json::parse(R"({
    "annotations": [{"key": "exec", "value": "nodejs:20"}, {"key": "reeve-slo-latency", "value": "500ms"}],
    "exec": {"binary": false},
    "limits": {"concurrency": 5, "instances": 3, "logs": 10, "memory": 512, "timeout": 300000},
    "name": "hello", "namespace": "guest/tools", "publish": false,
    "updated": 1700000000123, "version": "0.0.7"})"));
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(action->ns, "guest");
  EXPECT_EQ(action->path, "tools/hello");
  EXPECT_EQ(action->version, "0.0.7");
  EXPECT_EQ(action->limits.memory, Mebibytes(512));
  EXPECT_EQ(action->limits.concurrency, 5);
  EXPECT_EQ(action->limits.instances, 3);
  EXPECT_EQ(action->limits.timeout, SimTime::Minutes(5));
  EXPECT_EQ(action->updated_ms, 1700000000123);
  EXPECT_FALSE(action->sequence);
  EXPECT_EQ(*WhiskAnnotation(action->annotations, "reeve-slo-latency"), "500ms");
}

TEST(WhiskObjects, SequencesAreKnownByTheirKind) {
  json action = {{"name", "both"}, {"namespace", "guest"}, {"exec", {{"kind", "sequence"}}}};
  EXPECT_TRUE(ReadWhiskAction(action)->sequence);
  action["exec"] = {{"binary", false}};  // as lists have it
  action["annotations"] = json::array({{{"key", "exec"}, {"value", "sequence"}}});
  EXPECT_TRUE(ReadWhiskAction(action)->sequence);
}

TEST(WhiskObjects, LimitsThatCannotBeAreTheDefaults) {
  const auto action = ReadWhiskAction(json::parse(
      R"({"name": "a", "namespace": "g", "limits": {"memory": -1, "concurrency": 0,
          "instances": 99999999999, "timeout": "long"}})"));
  ASSERT_TRUE(action.ok());
  EXPECT_EQ(action->limits, WhiskLimits());
  EXPECT_FALSE(ReadWhiskAction(json::parse("[1]")).ok());
}

// The record of docs/annotations.md, of a cold start.
TEST(WhiskObjects, ARecordOfAColdStart) {
  const auto a = ReadWhiskActivation(json::parse(R"({
    "activationId": "5a64676ec8aa46b5a4676ec8aaf6b5d2", "name": "hello", "namespace": "guest",
    "version": "0.0.2", "publish": false, "start": 1531687138256, "end": 1531687138294,
    "duration": 38, "statusCode": 0,
    "annotations": [
      {"key": "limits", "value": {"concurrency": 1, "logs": 10, "memory": 256, "timeout": 60000}},
      {"key": "path", "value": "guest/tools/hello"}, {"key": "kind", "value": "nodejs:6"},
      {"key": "waitTime", "value": 583}, {"key": "initTime", "value": 21}]})"));
  ASSERT_TRUE(a);
  EXPECT_EQ(a->path, "tools/hello");
  EXPECT_EQ(a->start_ms, 1531687138256);
  EXPECT_EQ(a->end_ms, 1531687138294);
  EXPECT_EQ(a->arrival_ms(), 1531687137673);
  EXPECT_EQ(a->init_ms, 21);
  EXPECT_EQ(a->status_code, 0);
  EXPECT_FALSE(a->timeout);
}

TEST(WhiskObjects, RecordsOfOthersThanActionsAreNone) {
  const json action = {{"activationId", "a"},
                       {"start", 5},
                       {"name", "hello"},
                       {"annotations", json::array({{{"key", "path"}, {"value", "guest/hello"}}})}};
  EXPECT_TRUE(ReadWhiskActivation(action));
  json trigger = action;
  trigger["annotations"] = json::array();
  EXPECT_FALSE(ReadWhiskActivation(trigger));
  json sequence = action;
  sequence["annotations"].push_back({{"key", "kind"}, {"value", "sequence"}});
  EXPECT_FALSE(ReadWhiskActivation(sequence));
}

TEST(WhiskObjects, WhatHasNotEndedHasNoEnd) {
  json record = {{"activationId", "a"},
                 {"start", 1000},
                 {"annotations", json::array({{{"key", "path"}, {"value", "guest/hello"}}})}};
  EXPECT_FALSE(ReadWhiskActivation(record)->end_ms);
  record["end"] = 0;  // the beginning of time
  EXPECT_FALSE(ReadWhiskActivation(record)->end_ms);
  record["end"] = 900;  // not before it began
  EXPECT_EQ(ReadWhiskActivation(record)->end_ms, 1000);
}

// GET / has bytes; the limits of a namespace have megabytes, in names that changed with the
// releases.
TEST(WhiskObjects, BoundsOfServerAndNamespace) {
  WhiskBounds bounds;
  ReadWhiskBounds(json::parse(R"({"limits": {"min_action_memory": 134217728,
      "max_action_memory": 536870912, "concurrent_actions": 30, "actions_per_minute": 60}})"),
                  bounds);
  EXPECT_EQ(bounds.min_memory, Mebibytes(128));
  EXPECT_EQ(bounds.max_memory, Mebibytes(512));
  EXPECT_EQ(bounds.concurrent_invocations, 30);
  ReadWhiskBounds(json::parse(R"({"maxActionMemory": 256, "maxActionConcurrency": 10,
      "concurrentInvocations": 300, "invocationsPerMinute": 5})"),
                  bounds);
  EXPECT_EQ(bounds.min_memory, Mebibytes(128));
  EXPECT_EQ(bounds.max_memory, Mebibytes(256));
  EXPECT_EQ(bounds.max_concurrency, 10);
  // What a namespace has of its own goes before what others have, in both directions.
  EXPECT_EQ(bounds.concurrent_invocations, 300);
  EXPECT_EQ(bounds.invocations_per_minute, 5);
  ReadWhiskBounds(json::parse(R"({"actionMemoryMax": 192})"), bounds);
  EXPECT_EQ(bounds.max_memory, Mebibytes(192));
  ReadWhiskBounds(json::parse("[3]"), bounds);  // nothing
}

TEST(WhiskObjects, ErrorsAreTextsForPeople) {
  EXPECT_EQ(WhiskErrorText(R"({"error": "Too many requests", "code": "x"})"), "Too many requests");
  EXPECT_EQ(WhiskErrorText("<html>\nno"), "<html> no");
  EXPECT_EQ(WhiskErrorText(""), "");
  EXPECT_EQ(WhiskErrorText(std::string(5000, 'a')).size(), 200u);
}

}  // namespace
}  // namespace reeve
