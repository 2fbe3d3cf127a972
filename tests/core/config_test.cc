#include "core/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "core/status.h"

namespace reeve {
namespace config_test {

enum class Placement { kFirstFit, kSpread };
constexpr auto EnumNames(Placement) {
  return std::array<std::pair<Placement, std::string_view>, 2>{
      {{Placement::kFirstFit, "first_fit"}, {Placement::kSpread, "spread"}}};
}

struct Node {
  Millicores cpu = Millicores::Cores(4);
  Mebibytes memory{8192};
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("cpu", &Node::cpu, "CPU of the node", AtLeast(1));
    v.Field("memory", &Node::memory, "memory of the node", AtLeast(1));
  }
  bool operator==(const Node&) const = default;
};

struct Range {
  int32_t low = 0;
  int32_t high = 10;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("low", &Range::low, "smallest");
    v.Field("high", &Range::high, "largest");
  }
  absl::Status Validate() const {
    if (low <= high) return absl::OkStatus();
    return absl::InvalidArgumentError("low must not be above high");
  }
  bool operator==(const Range&) const = default;
};

struct Options {
  std::optional<int64_t> limit;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("limit", &Options::limit, "most there can be", AtLeast(0));
  }
  bool operator==(const Options&) const = default;
};

struct Everything {
  bool on = false;
  int32_t small = 1;
  int64_t count = 3;
  uint64_t seed = 0;
  double share = 0.5;
  std::string name = "reeve";
  SimTime period = SimTime::Seconds(2);
  Distribution start = Distribution::Constant(0);
  Placement placement = Placement::kFirstFit;
  Node node;
  Range range;
  std::optional<double> target;
  std::optional<Options> options;
  std::vector<int64_t> numbers;
  std::vector<Node> nodes;
  std::vector<std::vector<double>> table;
  std::vector<std::optional<int64_t>> holes;
  std::map<std::string, Node> pools;
  std::map<std::string, std::string> labels;
  template <class Visitor>
  static void Fields(Visitor& v) {
    using E = Everything;
    v.Field("on", &E::on, "a switch");
    v.Field("small", &E::small, "a small number");
    v.Field("count", &E::count, "how many", AtLeast(1));
    v.Field("seed", &E::seed, "the seed");
    v.Field("share", &E::share, "a share", Between(0, 1));
    v.Field("name", &E::name, "a name");
    v.Field("period", &E::period, "control period", AtLeast(0.001));
    v.Field("start", &E::start, "how long a start takes");
    v.Field("placement", &E::placement, "where containers go");
    v.Field("node", &E::node, "the node");
    v.Field("range", &E::range, "a range");
    v.Field("target", &E::target, "a target", AtLeast(0));
    v.Field("options", &E::options, "more");
    v.Field("numbers", &E::numbers, "numbers", AtLeast(0));
    v.Field("nodes", &E::nodes, "nodes");
    v.Field("table", &E::table, "rows of numbers");
    v.Field("holes", &E::holes, "numbers or nothing");
    v.Field("pools", &E::pools, "named nodes");
    v.Field("labels", &E::labels, "named texts");
  }
  bool operator==(const Everything&) const = default;
};

absl::Status ReadText(const std::string& text, Everything& out) {
  const auto node = ConfigNode::Parse(text, "f.yaml");
  return node.ok() ? ReadConfig(*node, out) : node.status();
}

Everything Read(const std::string& text) {
  Everything out;
  const absl::Status status = ReadText(text, out);
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

std::string ErrorOf(const std::string& text) {
  Everything out;
  const absl::Status status = ReadText(text, out);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
  return MessageOf(status);
}

TEST(Config, ReadsEveryKindOfField) {
  const Everything e = Read(R"(
on: true
small: -7
count: 12
seed: 18446744073709551615
share: 0.25
name: 123
period: 500ms
start: lognormal(mu=1, sigma=0.5)
placement: spread
node: {cpu: 500m}
range: {low: 2, high: 2}
target: 0.7
options: {limit: 4}
numbers: [1, 2]
nodes:
  - cpu: 1
  - memory: 1Gi
table: [[1, 2], [], [3]]
holes: [1, ~, 3]
pools:
  big: {cpu: 64}
labels: {a b: "true", "": x}
)");
  EXPECT_TRUE(e.on);
  EXPECT_EQ(e.small, -7);
  EXPECT_EQ(e.count, 12);
  EXPECT_EQ(e.seed, ~uint64_t{0});
  EXPECT_EQ(e.share, 0.25);
  EXPECT_EQ(e.name, "123");  // text that looks like a number stays text
  EXPECT_EQ(e.period, SimTime::Millis(500));
  EXPECT_EQ(e.start, Distribution::Lognormal(1, 0.5));
  EXPECT_EQ(e.placement, Placement::kSpread);
  EXPECT_EQ(e.node, (Node{Millicores(500), Mebibytes(8192)}));
  EXPECT_EQ(e.target, 0.7);
  EXPECT_EQ(e.options->limit, 4);
  EXPECT_EQ(e.numbers, (std::vector<int64_t>{1, 2}));
  ASSERT_EQ(e.nodes.size(), 2u);
  EXPECT_EQ(e.nodes[1], (Node{Millicores(4000), Mebibytes(1024)}));
  EXPECT_EQ(e.table, (std::vector<std::vector<double>>{{1, 2}, {}, {3}}));
  EXPECT_EQ(e.holes, (std::vector<std::optional<int64_t>>{1, std::nullopt, 3}));
  EXPECT_EQ(e.pools.at("big").cpu, Millicores(64000));
  EXPECT_EQ(e.labels, (std::map<std::string, std::string>{{"a b", "true"}, {"", "x"}}));
}

TEST(Config, WhatIsNotGivenKeepsItsDefault) {
  EXPECT_EQ(Read(""), Everything());
  EXPECT_EQ(Read("# nothing but words\n"), Everything());
  EXPECT_EQ(Read("node:\n"), Everything());
  EXPECT_EQ(Read("target:\n"), Everything());
  EXPECT_EQ(Read("{}"), Everything());
}

TEST(Config, WrittenConfigurationReadsBack) {
  EXPECT_EQ(Read(WriteConfig(Everything())), Everything());
  Everything e;
  e.on = true;
  e.small = -1;
  e.seed = ~uint64_t{0};
  e.share = 1.0 / 3;
  e.name = "NULL";
  e.period = SimTime::Micros(1'234'567);
  e.start = *Distribution::Parse("quantiles(0=1, 0.5=2, 1=30)");
  e.placement = Placement::kSpread;
  e.node = {Millicores(1), Mebibytes(1)};
  e.target = 1e-9;
  e.options.emplace();  // there, with nothing in it
  e.numbers = {0, 5};
  e.nodes = {Node{}, Node{Millicores(7), Mebibytes(3)}};
  e.table = {{}, {1, 0.1}, {}};
  e.holes = {std::nullopt, 2, std::nullopt};
  e.pools = {{"a b", Node{}}, {"~", Node{Millicores(2), Mebibytes(2)}}};
  e.labels = {{"x", ""}, {"y", "two\nlines: #1"}};
  EXPECT_EQ(Read(WriteConfig(e)), e) << WriteConfig(e);
}

TEST(Config, UnknownKeyWithSuggestion) {
  EXPECT_EQ(ErrorOf("on: true\nnode:\n  memroy: 1Gi\n"),
            "f.yaml:3:3: unknown key 'memroy' (did you mean 'memory'?); allowed: cpu, memory");
  EXPECT_EQ(ErrorOf("node: {something_else: 1}\n"),
            "f.yaml:1:8: unknown key 'something_else'; allowed: cpu, memory");
}

TEST(Config, RepeatedKey) {
  EXPECT_EQ(ErrorOf("count: 1\ncount: 2\n"), "f.yaml:2:1: key 'count' stands here a second time");
  EXPECT_EQ(ErrorOf("pools:\n  a: {}\n  a: {}\n"), "f.yaml:3:3: key 'a' stands here a second time");
}

TEST(Config, WrongKindOfNode) {
  EXPECT_EQ(ErrorOf("node: 5\n"), "f.yaml:1:7: node: found a single value, wanted a map of keys");
  EXPECT_EQ(ErrorOf("numbers: 5\n"), "f.yaml:1:10: numbers: found a single value, wanted a list");
  EXPECT_EQ(ErrorOf("count: [1]\n"), "f.yaml:1:8: count: found a list, wanted a single value");
  EXPECT_EQ(ErrorOf("count: {a: 1}\n"),
            "f.yaml:1:8: count: found a map of keys, wanted a single value");
  EXPECT_EQ(ErrorOf("placement: [spread]\n"),
            "f.yaml:1:12: placement: found a list, wanted a single value");
  EXPECT_EQ(ErrorOf("pools: [a]\n"), "f.yaml:1:8: pools: found a list, wanted a map of keys");
  EXPECT_EQ(ErrorOf("[1, 2]\n"), "f.yaml:1:1: the document: found a list, wanted a map of keys");
  EXPECT_EQ(ErrorOf("just words\n"),
            "f.yaml:1:1: the document: found a single value, wanted a map of keys");
}

TEST(Config, MissingValue) {
  EXPECT_EQ(ErrorOf("on: true\ncount:\n\nname: x\n"),
            "f.yaml:2:1: count: found nothing, wanted a single value");
  EXPECT_EQ(ErrorOf("numbers:\n"), "f.yaml:1:1: numbers: found nothing, wanted a list");
  EXPECT_EQ(ErrorOf("placement:\n"), "f.yaml:1:1: placement: found nothing, wanted a single value");
}

TEST(Config, WrongType) {
  EXPECT_EQ(ErrorOf("count: many\n"), "f.yaml:1:8: count: 'many' is not a whole number");
  EXPECT_EQ(ErrorOf("on: yes\n"), "f.yaml:1:5: on: 'yes' is not true or false");
  EXPECT_EQ(ErrorOf("share: half\n"), "f.yaml:1:8: share: 'half' is not a number");
  EXPECT_THAT(ErrorOf("period: 5\n"), testing::StartsWith("f.yaml:1:9: period: '5' is not a time"));
  EXPECT_THAT(ErrorOf("start: gamma(k=1)\n"),
              testing::StartsWith("f.yaml:1:8: start: 'gamma(k=1)' is not a distribution"));
  EXPECT_EQ(ErrorOf("nodes:\n  - cpu: 1\n  - cpu: x\n"),
            "f.yaml:3:10: cpu: 'x' is not an amount of CPU; write cores (2, 0.5) or millicores "
            "(500m)");
}

TEST(Config, OutOfRange) {
  EXPECT_EQ(ErrorOf("count: 0\n"), "f.yaml:1:8: count: 0 is out of range, allowed is 1 or more");
  EXPECT_EQ(ErrorOf("share: 1.5\n"), "f.yaml:1:8: share: 1.5 is out of range, allowed is 0 to 1");
  EXPECT_EQ(ErrorOf("period: 100us\n"),
            "f.yaml:1:9: period: 100us is out of range, allowed is 0.001 or more");
  EXPECT_EQ(ErrorOf("target: -1\n"),
            "f.yaml:1:9: target: -1 is out of range, allowed is 0 or more");
  EXPECT_EQ(ErrorOf("numbers: [1, -1]\n"),
            "f.yaml:1:14: numbers: -1 is out of range, allowed is 0 or more");
  EXPECT_EQ(ErrorOf("node: {cpu: 0}\n"),
            "f.yaml:1:13: cpu: 0 is out of range, allowed is 1 or more");
}

TEST(Config, UnknownEnumValue) {
  EXPECT_EQ(ErrorOf("placement: spraed\n"),
            "f.yaml:1:12: placement: unknown value 'spraed' (did you mean 'spread'?); allowed: "
            "first_fit, spread");
}

TEST(Config, ConditionsBetweenFields) {
  EXPECT_EQ(ErrorOf("range: {low: 5, high: 1}\n"), "f.yaml:1:8: low must not be above high");
  // Not when a field could not be read: the condition would speak of the default.
  EXPECT_EQ(ErrorOf("range: {low: 50, high: x}\n"), "f.yaml:1:24: high: 'x' is not a whole number");

  const auto node = ConfigNode::Parse("low: 11\n", "f.yaml");
  Range range;
  EXPECT_EQ(MessageOf(ReadConfig(*node, range)), "f.yaml:1:1: low must not be above high");
  const auto empty = ConfigNode::Parse("", "f.yaml");
  Range wrong{.low = 2, .high = 1};
  EXPECT_EQ(MessageOf(ReadConfig(*empty, wrong)), "f.yaml: low must not be above high");
}

TEST(Config, AllErrorsAtOnce) {
  EXPECT_EQ(ErrorOf("count: 0\nnaem: x\nnode:\n  cpu: much\n  disk: 1\nrange: {low: 11}\n"),
            "f.yaml:2:1: unknown key 'naem' (did you mean 'name'?); allowed: on, small, count, "
            "seed, share, name, period, start, placement, node, range, target, options, numbers, "
            "nodes, table, holes, pools, labels\n"
            "f.yaml:1:8: count: 0 is out of range, allowed is 1 or more\n"
            "f.yaml:5:3: unknown key 'disk'; allowed: cpu, memory\n"
            "f.yaml:4:8: cpu: 'much' is not an amount of CPU; write cores (2, 0.5) or millicores "
            "(500m)\n"
            "f.yaml:6:8: low must not be above high");
}

TEST(Config, ManyErrorsAreCut) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(ErrorOf(text), testing::EndsWith("\n… and 9950 more"));
}

TEST(Config, AnchorsAndAliases) {
  const Everything e = Read("node: &n {cpu: 2}\nnodes: [*n, {cpu: 3}, *n]\n");
  EXPECT_EQ(e.node.cpu, Millicores(2000));
  EXPECT_EQ(e.nodes[2], e.node);
}

TEST(Config, SetOverrides) {
  auto node = ConfigNode::Parse("count: 5\nnode:\n  cpu: 1\n  memory: 1Gi\n", "f.yaml");
  ASSERT_TRUE(node->Set("node.cpu=2").ok());
  ASSERT_TRUE(node->Set("range.high=3").ok());
  ASSERT_TRUE(node->Set("numbers=[4, 5]").ok());
  Everything e;
  ASSERT_TRUE(ReadConfig(*node, e).ok());
  EXPECT_EQ(e.node, (Node{Millicores(2000), Mebibytes(1024)}));
  EXPECT_EQ(e.range.high, 3);
  EXPECT_EQ(e.numbers, (std::vector<int64_t>{4, 5}));
  EXPECT_EQ(e.count, 5);

  ASSERT_TRUE(node->Set("node.cpu=much").ok());
  ASSERT_TRUE(node->Set("nodde.cpu=1").ok());
  const std::string message = MessageOf(ReadConfig(*node, e));
  EXPECT_THAT(message, testing::HasSubstr("--set node.cpu=much: cpu: 'much' is not"));
  EXPECT_THAT(message, testing::HasSubstr("--set nodde.cpu=1: unknown key 'nodde' (did you mean "
                                          "'node'?)"));
}

// After --set, errors in the rest of the file still have their places.
TEST(Config, SetKeepsThePlacesOfTheFile) {
  auto node = ConfigNode::Parse("name: x\n\nnode: {cpu: 0}\n", "f.yaml");
  ASSERT_TRUE(node->Set("name=y").ok());
  Everything e;
  EXPECT_EQ(MessageOf(ReadConfig(*node, e)),
            "f.yaml:3:13: cpu: 0 is out of range, allowed is 1 or more");
}

TEST(Config, DescribeListsEveryField) {
  const std::vector<FieldDoc> docs = DescribeConfig<Everything>();
  const auto find = [&](const std::string& path) -> FieldDoc {
    for (const FieldDoc& doc : docs) {
      if (doc.path == path) return doc;
    }
    ADD_FAILURE() << path << " is not described";
    return {};
  };
  EXPECT_EQ(find("count").type, "whole number");
  EXPECT_EQ(find("count").default_value, "3");
  EXPECT_EQ(find("count").limits, "1 or more");
  EXPECT_EQ(find("count").doc, "how many");
  EXPECT_EQ(find("small").limits, "");
  EXPECT_EQ(find("share").limits, "0 to 1");
  EXPECT_EQ(find("name").default_value, "reeve");
  EXPECT_EQ(find("period").type, "time");
  EXPECT_EQ(find("period").default_value, "2s");
  EXPECT_EQ(find("placement").type, "one of first_fit, spread");
  EXPECT_EQ(find("placement").default_value, "first_fit");
  EXPECT_EQ(find("node.cpu").default_value, "4");
  EXPECT_EQ(find("node.memory").doc, "memory of the node");
  EXPECT_EQ(find("target").default_value, "unset");
  EXPECT_EQ(find("options.limit").default_value, "unset");
  EXPECT_EQ(find("numbers[]").default_value, "[]");
  EXPECT_EQ(find("nodes[].cpu").default_value, "4");
  EXPECT_EQ(find("table[][]").type, "number");
  EXPECT_EQ(find("pools.<name>.cpu").default_value, "4");
  EXPECT_EQ(find("labels.<name>").type, "text");
  EXPECT_EQ(docs.size(), 9u + 2 + 2 + 1 + 1 + 1 + 2 + 1 + 1 + 2 + 1);
}

// ---- a single value that stands for one field

struct Part {
  std::string name;
  double weight = 1;
  static constexpr std::string_view kScalarField = "name";
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("name", &Part::name, "a name");
    v.Field("weight", &Part::weight, "a weight", Between(0, 5));
  }
  absl::Status Validate() const {
    if (name != "bad") return absl::OkStatus();
    return absl::InvalidArgumentError("a bad name");
  }
  bool operator==(const Part&) const = default;
};

struct Factor {
  double weight = 1;
  static constexpr std::string_view kScalarField = "weight";
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("weight", &Factor::weight, "a weight", Between(0, 5));
  }
  bool operator==(const Factor&) const = default;
};

struct Parts {
  std::vector<Part> parts;
  Factor factor;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("parts", &Parts::parts, "parts");
    v.Field("factor", &Parts::factor, "a factor");
  }
  bool operator==(const Parts&) const = default;
};

std::string PartsError(const std::string& text) {
  Parts out;
  const auto node = ConfigNode::Parse(text, "f.yaml");
  return node.ok() ? MessageOf(ReadConfig(*node, out)) : MessageOf(node.status());
}

TEST(ConfigScalarField, ASingleValueIsAMapWithThatField) {
  const auto node =
      ConfigNode::Parse("parts: [a, {name: b, weight: 2}, {weight: 3}]\nfactor: 4\n", "f.yaml");
  ASSERT_TRUE(node.ok());
  Parts out;
  ASSERT_EQ(MessageOf(ReadConfig(*node, out)), "");
  const Parts expected{.parts = {{"a", 1}, {"b", 2}, {"", 3}}, .factor = {4}};
  EXPECT_EQ(out, expected);

  const auto again = ConfigNode::Parse(WriteConfig(out), "g.yaml");
  ASSERT_TRUE(again.ok());
  Parts reread;
  ASSERT_EQ(MessageOf(ReadConfig(*again, reread)), "");
  EXPECT_EQ(reread, expected);
}

TEST(ConfigScalarField, ErrorsAreThoseOfTheField) {
  EXPECT_EQ(PartsError("factor: 6\n"), "f.yaml:1:9: weight: 6 is out of range, allowed is 0 to 5");
  EXPECT_EQ(PartsError("factor: x\n"), "f.yaml:1:9: weight: 'x' is not a number");
  EXPECT_EQ(PartsError("parts:\n  - a\n  - bad\n"), "f.yaml:3:5: a bad name");
  EXPECT_EQ(PartsError("parts: [[a]]\n"), "f.yaml:1:9: parts: found a list, wanted a map of keys");
}

}  // namespace config_test
}  // namespace reeve
