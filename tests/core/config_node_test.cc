#include "core/config_node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;
using Kind = ConfigNode::Kind;

ConfigNode Parsed(const std::string& text) {
  auto node = ConfigNode::Parse(text, "f.yaml");
  EXPECT_TRUE(node.ok()) << node.status();
  return *node;
}

std::string ParseError(const std::string& text) {
  const auto node = ConfigNode::Parse(text, "f.yaml");
  EXPECT_FALSE(node.ok()) << text;
  return node.ok() ? "" : MessageOf(node.status());
}

// The value at a dotted path.
ConfigNode At(ConfigNode node, std::string path) {
  while (true) {
    const size_t dot = path.find('.');
    const auto next = node.Get(path.substr(0, dot));
    EXPECT_TRUE(next) << path;
    if (!next || dot == std::string::npos) return next.value_or(node);
    node = *next;
    path = path.substr(dot + 1);
  }
}

TEST(ConfigNode, KindsAndPlaces) {
  const ConfigNode root = Parsed("a: 1\nb:\n  - x\n  - [y, z]\nc: {d: ~}\n");
  EXPECT_EQ(root.kind(), Kind::kMap);
  EXPECT_EQ(At(root, "a").Scalar(), "1");
  EXPECT_EQ(At(root, "a").Where(), "f.yaml:1:4");
  const auto items = At(root, "b").Items();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].Where(), "f.yaml:3:5");
  EXPECT_EQ(items[1].kind(), Kind::kSequence);
  EXPECT_EQ(items[1].Items()[1].Where(), "f.yaml:4:9");
  EXPECT_EQ(At(root, "c.d").kind(), Kind::kNull);
  const auto entries = root.Entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[2].key, "c");
  EXPECT_EQ(entries[2].where, "f.yaml:5:1");
  EXPECT_FALSE(root.Get("nobody"));
}

TEST(ConfigNode, AccessorsOfAnotherKindAreEmpty) {
  const ConfigNode root = Parsed("a: [1]");
  EXPECT_EQ(root.Scalar(), "");
  EXPECT_TRUE(root.Items().empty());
  EXPECT_TRUE(At(root, "a").Entries().empty());
  EXPECT_FALSE(At(root, "a").Get("x"));
}

TEST(ConfigNode, DocumentsWithoutContent) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "~", "null"}) {
    const ConfigNode root = Parsed(text);
    EXPECT_EQ(root.kind(), Kind::kNull) << text;
    EXPECT_THAT(root.Where(), HasSubstr("f.yaml")) << text;
  }
  EXPECT_EQ(Parsed("").Where(), "f.yaml");
  EXPECT_EQ(Parsed("").line(), 0);
}

// A missing value is placed at its key, not at what follows.
TEST(ConfigNode, MissingValuesHaveTheirKeysPlace) {
  const ConfigNode root = Parsed("a:\n\n\nb: 1\nc:\n");
  EXPECT_EQ(At(root, "a").kind(), Kind::kNull);
  EXPECT_EQ(At(root, "a").Where(), "f.yaml:1:1");
  EXPECT_EQ(At(root, "c").Where(), "f.yaml:5:1");
}

TEST(ConfigNode, NullsAreWordsOnlyWhenPlain) {
  const ConfigNode root = Parsed("a: null\nb: \"null\"\nc: ''\nd: 'NULL'\n");
  EXPECT_EQ(At(root, "a").kind(), Kind::kNull);
  EXPECT_EQ(At(root, "b").kind(), Kind::kScalar);
  EXPECT_EQ(At(root, "c").kind(), Kind::kScalar);
  EXPECT_EQ(At(root, "d").Scalar(), "NULL");
}

TEST(ConfigNode, AliasesAreTheirAnchorsValue) {
  const ConfigNode root = Parsed("a: &n {x: 1}\nb: *n\nc: &k key\n*k : 3\n");
  EXPECT_EQ(At(root, "b.x").Scalar(), "1");
  EXPECT_EQ(At(root, "b.x").Where(), "f.yaml:1:11");
  EXPECT_EQ(At(root, "key").Scalar(), "3");
}

TEST(ConfigNode, JsonIsYaml) {
  std::string text = R"({"list": [1, 2, 3], "text": "a\u00e9\n:"})";
  EXPECT_EQ(At(Parsed(text), "text").Scalar(), "a\u00e9\n:");
  // A long single line is not a deep one.
  text = "{";
  for (int i = 0; i < 1000; ++i) text += "\"k" + std::to_string(i) + "\": [{}, -1], ";
  EXPECT_EQ(Parsed(text + "}").Entries().size(), 1000u);
}

TEST(ConfigNode, SyntaxErrorsAreLocated) {
  EXPECT_THAT(ParseError("a: 1\nb: [1, 2\nc: 3\n"), testing::StartsWith("f.yaml:3:"));
  EXPECT_THAT(ParseError("a: *nobody\n"), testing::StartsWith("f.yaml:1:4: cannot read this YAML"));
  EXPECT_THAT(ParseError("a: b: c\n"), testing::StartsWith("f.yaml:1:"));
  EXPECT_THAT(ParseError("\ta: 1\n"), testing::StartsWith("f.yaml:1:"));
}

TEST(ConfigNode, WhatAConfigurationIsNotIsLocated) {
  EXPECT_EQ(ParseError("a: 1\n---\nb: 2\n"),
            "f.yaml:2:1: cannot read this YAML: a second document starts here; a configuration is "
            "one");
  EXPECT_EQ(ParseError("b: &q {x: 1}\na:\n  <<: *q\n"),
            "f.yaml:3:3: cannot read this YAML: merging by '<<' is not supported; write the keys "
            "out, or use an alias");
  EXPECT_EQ(ParseError("? [a, b]\n: 1\n"),
            "f.yaml:1:3: cannot read this YAML: a key is a single word or text, not a list or a "
            "map");
  EXPECT_THAT(ParseError("? {a: b}\n: 1\n"), HasSubstr("a key is a single word or text"));
  EXPECT_THAT(ParseError("~: 1\n"), HasSubstr("f.yaml:1:1: "));
  EXPECT_THAT(ParseError("a: &q [1]\n*q : 1\n"), HasSubstr("f.yaml:2:1: "));
  EXPECT_EQ(ParseError("a: &q [1, *q]\n"),
            "f.yaml:1:11: cannot read this YAML: an alias cannot stand inside what it names");
}

std::string Repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(ConfigNode, DeepNestingIsRefusedWithItsPlace) {
  EXPECT_EQ(Parsed(Repeated("[", 64) + Repeated("]", 64)).kind(), Kind::kSequence);
  EXPECT_EQ(ParseError(Repeated("[", 65) + Repeated("]", 65)),
            "f.yaml:1:65: cannot read this YAML: nested deeper than 64 levels");
  EXPECT_THAT(ParseError(Repeated("- ", 100) + "1"), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(ParseError(Repeated("{a: ", 100'000)), HasSubstr("f.yaml:1:"));
  EXPECT_THAT(ParseError(Repeated("[", 1'000'000)), HasSubstr("f.yaml:1:"));
  std::string indented;
  for (int i = 0; i < 2000; ++i) indented += std::string(i, ' ') + "a:\n";
  EXPECT_THAT(ParseError(indented), HasSubstr("nested deeper than 64 levels"));
}

// Depth that only aliases make: 40 levels below an anchor, used 40 levels down.
TEST(ConfigNode, AliasesCountTowardsTheDepth) {
  const std::string inner = Repeated("[", 40) + Repeated("]", 40);
  const std::string outer = Repeated("[", 40) + "*q" + Repeated("]", 40);
  EXPECT_THAT(ParseError("a: &q " + inner + "\nb: " + outer + "\n"),
              HasSubstr("f.yaml:2:44: cannot read this YAML: nested deeper than 64 levels"));
}

TEST(ConfigNode, AliasesOfAliasesAreBounded) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias +
            Repeated(", " + alias, 9) + "]\n";
  }
  EXPECT_THAT(ParseError(text), HasSubstr("aliases make more than 4194304 values of this"));
}

TEST(ConfigNode, LargeFilesAreRefused) {
  EXPECT_EQ(ParseError(std::string((16 << 20) + 1, ' ')),
            "f.yaml: larger than 16 MiB, not a configuration");
}

TEST(ConfigNode, LoadNamesTheFile) {
  const auto node = ConfigNode::Load("/no/such.yaml");
  ASSERT_FALSE(node.ok());
  EXPECT_EQ(MessageOf(node.status()), "/no/such.yaml: cannot open: No such file or directory");
}

TEST(ConfigNode, SetReplacesAndAdds) {
  ConfigNode root = Parsed("a: {x: 1, y: 2}\nb: 3\n");
  ASSERT_TRUE(root.Set("a.x=7").ok());
  ASSERT_TRUE(root.Set("new.deep.key=[1, 2]").ok());
  ASSERT_TRUE(root.Set("b=").ok());
  EXPECT_EQ(At(root, "a.x").Scalar(), "7");
  EXPECT_EQ(At(root, "a.x").Where(), "--set a.x=7");
  EXPECT_EQ(At(root, "a.x").line(), 0);
  EXPECT_EQ(At(root, "new.deep.key").Items().size(), 2u);
  EXPECT_EQ(root.Entries()[2].where, "--set new.deep.key=[1, 2]");
  EXPECT_EQ(At(root, "b").kind(), Kind::kNull);
  // What was not set keeps its place.
  EXPECT_EQ(At(root, "a.y").Scalar(), "2");
  EXPECT_EQ(At(root, "a.y").Where(), "f.yaml:1:14");
}

TEST(ConfigNode, SetOnAnEmptyDocumentMakesIt) {
  ConfigNode root = Parsed("");
  ASSERT_TRUE(root.Set("a.b=1").ok());
  EXPECT_EQ(At(root, "a.b").Scalar(), "1");
}

TEST(ConfigNode, SetFillsAMissingValue) {
  ConfigNode root = Parsed("a:\n");
  ASSERT_TRUE(root.Set("a.b=1").ok());
  EXPECT_EQ(At(root, "a.b").Scalar(), "1");
}

TEST(ConfigNode, SetLeavesOtherUsesOfAnAnchorAlone) {
  ConfigNode root = Parsed("a: &n {x: 1}\nb: *n\n");
  ASSERT_TRUE(root.Set("b.x=5").ok());
  EXPECT_EQ(At(root, "a.x").Scalar(), "1");
  EXPECT_EQ(At(root, "b.x").Scalar(), "5");
}

TEST(ConfigNode, SetLeavesNodesHandedOutBeforeAlone) {
  ConfigNode root = Parsed("a: {x: 1}\n");
  const ConfigNode before = root;
  const ConfigNode a = At(root, "a");
  ASSERT_TRUE(root.Set("a.x=5").ok());
  EXPECT_EQ(At(before, "a.x").Scalar(), "1");
  EXPECT_EQ(At(a, "x").Scalar(), "1");
}

TEST(ConfigNode, SetRefusesAndChangesNothing) {
  ConfigNode root = Parsed("a: 1\nlist: [1]\n");
  for (const char* text : {"", "a", "=1", ".a=1", "a.=1", "a..b=1"}) {
    EXPECT_EQ(MessageOf(root.Set(text)),
              "'" + std::string(text) + "' is not an assignment; write path.to.key=value");
  }
  EXPECT_EQ(MessageOf(root.Set("a.b=1")),
            "--set a.b=1: the path runs through a value or a list; only keys of maps can be set");
  EXPECT_THAT(MessageOf(root.Set("list.0=1")), HasSubstr("runs through a value or a list"));
  EXPECT_THAT(MessageOf(root.Set("a=[1")), HasSubstr("--set a=[1: cannot read this YAML"));
  EXPECT_THAT(MessageOf(root.Set("a=" + Repeated("[", 70) + Repeated("]", 70))),
              HasSubstr("nested deeper"));
  EXPECT_THAT(MessageOf(root.Set(Repeated("a.", 1000) + "a=1")), HasSubstr("nested deeper"));
  EXPECT_EQ(root.Entries().size(), 2u);
  EXPECT_EQ(At(root, "a").Scalar(), "1");
}

TEST(ConfigErrors, KeepsTheFirstAndCountsTheRest) {
  ConfigErrors errors;
  EXPECT_TRUE(errors.empty());
  for (int i = 0; i < 60; ++i) errors.Add("f.yaml:1:1", "wrong");
  const std::string message = MessageOf(errors.ToStatus());
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 50);
  EXPECT_THAT(message, testing::EndsWith("\n… and 10 more"));
}

}  // namespace
}  // namespace reeve
