#include "envs/action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/status.h"
#include "tests/agents/allocation_counter.h"
#include "tests/envs/extreme_snapshots.h"
#include "tests/envs/window_testing.h"

namespace reeve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ActionSpec SpecOf(std::vector<HeadSpec> heads) {
  ActionSpec spec;
  spec.heads = std::move(heads);
  EXPECT_TRUE(spec.Validate().ok()) << spec.Validate();
  return spec;
}

// One function with `asked` containers, all ready, of 500m and 256 MiB.
Snapshot Of(uint32_t asked) {
  Snapshot s = QuietSnapshot(1);
  s.functions.replicas_asked = {asked};
  s.functions.containers_ready = {asked};
  return s;
}

std::vector<int> LegalOf(const ActionSpec& spec, const Snapshot& snapshot) {
  const ActionCodec codec(spec);
  std::vector<uint8_t> legal(snapshot.functions.size() * static_cast<size_t>(codec.choices()), 7);
  codec.Legal(snapshot, legal);
  return {legal.begin(), legal.end()};
}

struct Decoded {
  Decision decision;
  ActionOutcome outcome;
};
Decoded Decode(const ActionSpec& spec, const Snapshot& snapshot,
               const std::vector<int32_t>& choices) {
  const ActionCodec codec(spec);
  std::vector<Decision> decisions(1);
  decisions[0].concurrency = 9;  // what was in it before is gone
  std::vector<ActionOutcome> outcomes(1);
  codec.Decode(snapshot, choices, decisions, outcomes);
  return {decisions[0], outcomes[0]};
}

TEST(Action, TheAuthorsFive) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kAuthors5, .values = {}}});
  EXPECT_THAT(ActionCodec(spec).heads(), ElementsAre(5));
  EXPECT_THAT(LegalOf(spec, Of(3)), ElementsAre(1, 1, 1, 1, 1));

  Decoded nothing = Decode(spec, Of(3), {0});
  EXPECT_EQ(nothing.decision, Decision{});
  EXPECT_EQ(nothing.outcome.horizontal, 0);
  EXPECT_EQ(nothing.outcome.vertical, 0);
  EXPECT_FALSE(nothing.outcome.illegal);

  const Decoded out = Decode(spec, Of(3), {1}), in = Decode(spec, Of(3), {2});
  EXPECT_EQ(out.decision, (Decision{.replicas = 4,
                                    .cpu_limit = {},
                                    .memory_limit = {},
                                    .concurrency = {},
                                    .keep_alive = {}}));
  EXPECT_EQ(out.outcome.horizontal, 1);
  EXPECT_EQ(in.decision.replicas, 2);
  EXPECT_EQ(in.outcome.horizontal, -1);

  const Decoded up = Decode(spec, Of(3), {3}), down = Decode(spec, Of(3), {4});
  EXPECT_EQ(up.decision.cpu_limit, Millicores(628));
  EXPECT_FALSE(up.decision.replicas.has_value());
  EXPECT_EQ(up.outcome.vertical, 1);
  EXPECT_EQ(down.decision.cpu_limit, Millicores(372));
  EXPECT_EQ(down.outcome.vertical, -1);
  EXPECT_EQ(down.outcome.horizontal, 0);
}

TEST(Action, TheAuthorsSeven) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kAuthors7, .values = {}}});
  const Decoded up = Decode(spec, Of(3), {5}), down = Decode(spec, Of(3), {6});
  EXPECT_EQ(up.decision.memory_limit, Mebibytes(384));
  EXPECT_EQ(up.outcome.vertical, 1);
  EXPECT_EQ(down.decision.memory_limit, Mebibytes(128));
  EXPECT_EQ(down.outcome.vertical, -1);
}

TEST(Action, MovesEndAtTheBounds) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kAuthors7, .values = {}}});
  EXPECT_THAT(LegalOf(spec, Of(0)), ElementsAre(1, 1, 0, 1, 1, 1, 1)) << "no fewer than none";
  EXPECT_THAT(LegalOf(spec, Of(20)), ElementsAre(1, 0, 1, 1, 1, 1, 1));
  Snapshot s = Of(3);
  s.functions.cpu_limit = {Millicores(2048 - 127)};
  s.functions.memory_limit = {Mebibytes(128)};
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 1, 1, 0, 1, 1, 0));
  s.functions.cpu_limit = {Millicores(2048 - 128)};
  s.functions.memory_limit = {Mebibytes(2048)};
  s.cluster.memory_capacity = Mebibytes(1 << 20);
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 1, 1, 1, 1, 0, 1)) << "up to the bound itself";
}

TEST(Action, FromOutsideTheBoundsOnlyTheWayBackIsLegal) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kAuthors5, .values = {}}});
  Snapshot s = Of(30);
  s.functions.cpu_limit = {Millicores(50)};
  s.cluster.memory_capacity = Mebibytes(1 << 20);
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 0, 1, 1, 0));
}

TEST(Action, WhatDoesNotFitIsIllegal) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kAuthors7, .values = {}}});
  Snapshot s = Of(3);
  s.cluster.memory_held = Mebibytes(8192 - 256);
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 1, 1, 1, 1, 0, 1))
      << "one more container fits, 128 MiB more in each of three do not";
  s.cluster.memory_held = Mebibytes(8192 - 255);
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 0, 1, 1, 1, 0, 1));
  s.functions.containers_ready = {4};  // one more than asked for: it is there already
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 1, 1, 1, 1, 0, 1));
}

TEST(Action, AnIllegalChoiceLeavesItsQuantityAlone) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kReplicasStep, .values = {-1, 0, 1}},
                                  {.kind = HeadKind::kCpuStep, .values = {0, 100}}});
  const Decoded decoded = Decode(spec, Of(20), {2, 1});
  EXPECT_TRUE(decoded.outcome.illegal);
  EXPECT_FALSE(decoded.decision.replicas.has_value());
  EXPECT_EQ(decoded.outcome.horizontal, 0);
  EXPECT_EQ(decoded.decision.cpu_limit, Millicores(600)) << "the other head's is carried out";
}

TEST(Action, StepsOfEverySize) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kReplicasStep, .values = {-4, 0, 4, 16}},
                                  {.kind = HeadKind::kCpuStep, .values = {0, -250}},
                                  {.kind = HeadKind::kMemoryStep, .values = {64, 0}}});
  EXPECT_THAT(LegalOf(spec, Of(5)), ElementsAre(1, 1, 1, 0, 1, 1, 1, 1));
  EXPECT_THAT(LegalOf(spec, Of(3)), ElementsAre(0, 1, 1, 1, 1, 1, 1, 1));
  const Decoded decoded = Decode(spec, Of(5), {0, 1, 0});
  EXPECT_EQ(decoded.decision.replicas, 1);
  EXPECT_EQ(decoded.decision.cpu_limit, Millicores(250));
  EXPECT_EQ(decoded.decision.memory_limit, Mebibytes(320));
  EXPECT_EQ(decoded.outcome.horizontal, -1);
  EXPECT_EQ(decoded.outcome.vertical, -1) << "the CPU's, where both move";
}

TEST(Action, AbsoluteTargets) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kReplicas, .values = {2, 8, 20}},
                                  {.kind = HeadKind::kCpu, .values = {256, 1024}},
                                  {.kind = HeadKind::kMemory, .values = {128, 2048}},
                                  {.kind = HeadKind::kKeepAlive, .values = {0, 0.5, 600}}});
  Snapshot s = Of(8);
  s.cluster.memory_held = Mebibytes(8000);  // 192 MiB free: no room for 12 x 256 or 8 x 1792
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 1, 0, 1, 1, 1, 0, 1, 1, 1));
  const Decoded decoded = Decode(spec, s, {0, 1, 0, 1});
  EXPECT_EQ(decoded.decision.replicas, 2);
  EXPECT_EQ(decoded.decision.cpu_limit, Millicores(1024));
  EXPECT_EQ(decoded.decision.memory_limit, Mebibytes(128));
  EXPECT_EQ(decoded.decision.keep_alive, SimTime::Millis(500));
  EXPECT_EQ(decoded.outcome.horizontal, -1);
  EXPECT_EQ(decoded.outcome.vertical, 1);
  EXPECT_EQ(Decode(spec, s, {1, 1, 0, 1}).outcome.horizontal, 0) << "eight it has";
}

TEST(Action, TheSmallestTargetIsLegalThoughItDoesNotFit) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kReplicas, .values = {8, 4}}});
  Snapshot s = Of(1);
  s.cluster.memory_held = Mebibytes(8192);
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(0, 1));
}

// 5 executed and 4 waiting on average at 2 at once: 4.5 containers' worth.
TEST(Action, ReplicasByLoad) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kLoadReplicas, .values = {0, 0.5, 1, 2, 9}}});
  Snapshot s = Of(3);
  s.functions.mean_in_flight = {5};
  s.functions.mean_queued = {4};
  s.functions.concurrency_limit = {2};
  const std::vector<int> expected = {0, 3, 5, 9, 20};
  for (int32_t choice = 0; choice < 5; ++choice) {
    EXPECT_EQ(Decode(spec, s, {choice}).decision.replicas, expected[static_cast<size_t>(choice)]);
  }
  EXPECT_EQ(Decode(spec, s, {1}).outcome.horizontal, 0);
  EXPECT_EQ(Decode(spec, s, {2}).outcome.horizontal, 1);
  s.cluster.memory_held = Mebibytes(8192 - 2 * 256);
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 1, 1, 0, 0));
  s.functions.concurrency_limit = {0};  // as 100: 0.09 containers' worth
  EXPECT_EQ(Decode(spec, s, {2}).decision.replicas, 1);
}

// ---- the way back

std::vector<int32_t> Nearest(const ActionSpec& spec, const Snapshot& snapshot,
                             const Decision& decision) {
  const ActionCodec codec(spec);
  std::vector<int32_t> choices(codec.heads().size(), -1);
  codec.Nearest(snapshot, {&decision, 1}, choices);
  return choices;
}

Decision Replicas(int32_t replicas) {
  Decision decision;
  decision.replicas = replicas;
  return decision;
}

TEST(Action, NearestOfTheAuthorsHead) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kAuthors5, .values = {}}});
  EXPECT_THAT(Nearest(spec, Of(3), {}), ElementsAre(0));
  EXPECT_THAT(Nearest(spec, Of(3), Replicas(3)), ElementsAre(0));
  EXPECT_THAT(Nearest(spec, Of(3), Replicas(9)), ElementsAre(1));
  EXPECT_THAT(Nearest(spec, Of(3), Replicas(1)), ElementsAre(2));
  EXPECT_THAT(Nearest(spec, Of(20), Replicas(30)), ElementsAre(0)) << "more would be illegal";
  Decision both = Replicas(4);
  both.cpu_limit = Millicores(600);
  EXPECT_THAT(Nearest(spec, Of(3), both), ElementsAre(1)) << "a container is more than 100m of 128";
  both.cpu_limit = Millicores(900);
  EXPECT_THAT(Nearest(spec, Of(3), both), ElementsAre(1)) << "as far either way: the first";
  both.replicas = 3;
  EXPECT_THAT(Nearest(spec, Of(3), both), ElementsAre(3));
}

TEST(Action, NearestOfOtherHeads) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kReplicas, .values = {2, 8, 20}},
                                  {.kind = HeadKind::kCpuStep, .values = {0, 256, -256}},
                                  {.kind = HeadKind::kMemory, .values = {128, 512, 1024}},
                                  {.kind = HeadKind::kKeepAlive, .values = {600, 60, 0}}});
  EXPECT_THAT(Nearest(spec, Of(7), {}), ElementsAre(1, 0, 0, 2));
  Decision decision = Replicas(12);
  decision.cpu_limit = Millicores(300);
  decision.memory_limit = Mebibytes(400);
  decision.keep_alive = SimTime::Seconds(100);
  EXPECT_THAT(Nearest(spec, Of(7), decision), ElementsAre(1, 2, 1, 1));
  Snapshot full = Of(7);
  full.cluster.memory_held = Mebibytes(8192);
  EXPECT_THAT(Nearest(spec, full, decision), ElementsAre(0, 2, 0, 1)) << "no room for more";
}

TEST(Action, NearestFindsWhatWasChosen) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kLoadReplicas, .values = {0, 0.5, 1, 2}},
                                  {.kind = HeadKind::kMemoryStep, .values = {-64, 0, 64}}});
  Snapshot s = Of(3);
  s.functions.mean_in_flight = {4};
  for (int32_t a = 0; a < 4; ++a) {
    for (int32_t b = 0; b < 3; ++b) {
      EXPECT_THAT(Nearest(spec, s, Decode(spec, s, {a, b}).decision), ElementsAre(a, b));
    }
  }
}

TEST(Action, EachFunctionIsJudgedByItself) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kReplicasStep, .values = {0, -1}},
                                  {.kind = HeadKind::kCpuStep, .values = {0, 100}}});
  Snapshot s = QuietSnapshot(2);
  s.functions.replicas_asked = {0, 4};
  s.functions.cpu_limit[1] = Millicores(2048);
  EXPECT_THAT(LegalOf(spec, s), ElementsAre(1, 0, 1, 1, 1, 1, 1, 0));
}

// And what is decided is inside the bounds, or nearer to them than what there was.
TEST(Action, EachHeadHasALegalChoiceWhateverTheSnapshot) {
  const std::vector<ActionSpec> specs = {
      SpecOf({{.kind = HeadKind::kAuthors7, .values = {}}}),
      SpecOf({{.kind = HeadKind::kReplicas, .values = {9, 3}},
              {.kind = HeadKind::kCpu, .values = {128, 2048}},
              {.kind = HeadKind::kMemory, .values = {2048, 128}},
              {.kind = HeadKind::kKeepAlive, .values = {0, 1e9}}}),
      SpecOf({{.kind = HeadKind::kLoadReplicas, .values = {2, 1e9}}})};
  ExtremeSnapshots extremes;
  for (int step = 0; step < 1000; ++step) {
    const Snapshot s = extremes.Next();
    const ActionCodec codec(specs[static_cast<size_t>(step) % specs.size()]);
    const std::vector<int> legal = LegalOf(codec.spec(), s);
    std::vector<Decision> decisions(s.functions.size());
    size_t at = 0;
    for (size_t f = 0; f < s.functions.size(); ++f) {
      for (size_t h = 0; h < codec.heads().size(); ++h) {
        const auto end = static_cast<ptrdiff_t>(at) + codec.heads()[h];
        ASSERT_TRUE(std::count(legal.begin() + static_cast<ptrdiff_t>(at), legal.begin() + end, 1));
        at = static_cast<size_t>(end);
      }
    }
    std::vector<int32_t> choices(decisions.size() * codec.heads().size(), -1);
    codec.Nearest(s, decisions, choices);
    codec.Decode(s, choices, decisions, {});
    for (size_t f = 0; f < decisions.size(); ++f) {
      const int64_t asked = s.functions.replicas_asked[f];
      if (!decisions[f].replicas) continue;
      ASSERT_GE(*decisions[f].replicas, 0);
      ASSERT_LE(*decisions[f].replicas, std::max<int64_t>(20, asked));
    }
  }
}

TEST(Action, NamesOfChoices) {
  const ActionCodec codec(SpecOf({{.kind = HeadKind::kAuthors7, .values = {}},
                                  {.kind = HeadKind::kKeepAlive, .values = {60}}}));
  std::vector<std::string> names;
  for (int32_t i = 0; i < 7; ++i) names.push_back(codec.ChoiceName(0, i));
  EXPECT_THAT(names, ElementsAre("nothing", "replicas +1", "replicas -1", "cpu +128m", "cpu -128m",
                                 "memory +128Mi", "memory -128Mi"));
  EXPECT_EQ(codec.ChoiceName(1, 0), "keep-alive 60 s");
  EXPECT_EQ(ActionCodec(SpecOf({{.kind = HeadKind::kReplicas, .values = {4}}})).ChoiceName(0, 0),
            "replicas 4");
  EXPECT_EQ(
      ActionCodec(SpecOf({{.kind = HeadKind::kLoadReplicas, .values = {1.5}}})).ChoiceName(0, 0),
      "replicas 1.5 x load");
}

TEST(Action, NothingIsAllocated) {
  const ActionCodec codec(SpecOf({{.kind = HeadKind::kAuthors7, .values = {}}}));
  const Snapshot s = QuietSnapshot(100);
  std::vector<uint8_t> legal(700);
  const std::vector<int32_t> choices(100, 1);
  std::vector<Decision> decisions(100);
  std::vector<ActionOutcome> outcomes(100);
  std::vector<int32_t> back(100);
  const size_t before = AllocationCount();
  codec.Legal(s, legal);
  codec.Decode(s, choices, decisions, outcomes);
  codec.Nearest(s, decisions, back);
  EXPECT_EQ(AllocationCount(), before);
}

// ---- YAML

std::string ErrorOf(const std::string& text) {
  const auto node = ConfigNode::Parse(text, "f.yaml");
  if (!node.ok()) return MessageOf(node.status());
  ActionSpec spec;
  return MessageOf(ReadConfig(*node, spec));
}

TEST(Action, ReadsHeads) {
  EXPECT_EQ(ErrorOf("heads: [authors7]\n"), "");
  EXPECT_EQ(ErrorOf("heads:\n  - {kind: replicas_step, values: [-4, 0, 4]}\n"
                    "  - {kind: cpu, values: [128, 2048]}\n"),
            "");
}

TEST(Action, IsWrittenAsItIsRead) {
  const ActionSpec spec = SpecOf({{.kind = HeadKind::kAuthors5, .values = {}},
                                  {.kind = HeadKind::kKeepAlive, .values = {0, 0.5, 600}}});
  EXPECT_EQ(ErrorOf(WriteConfig(spec)), "");
  ActionSpec again;
  const auto node = ConfigNode::Parse(WriteConfig(spec), "f.yaml");
  ASSERT_TRUE(node.ok() && ReadConfig(*node, again).ok());
  ASSERT_EQ(again.heads.size(), 2);
  EXPECT_EQ(again.heads[0].kind, HeadKind::kAuthors5);
  EXPECT_THAT(again.heads[1].values, ElementsAre(0, 0.5, 600));
}

TEST(Action, ErrorsSayWhereAndWhat) {
  EXPECT_THAT(ErrorOf("heads: [author5]\n"), HasSubstr("did you mean 'authors5'?"));
  EXPECT_THAT(ErrorOf("heads: []\n"), HasSubstr("at least one head"));
  EXPECT_THAT(ErrorOf("heads:\n  - {kind: authors5, values: [1]}\n"),
              HasSubstr("f.yaml:2:5: a head of kind authors5 has its own choices"));
  EXPECT_THAT(ErrorOf("heads: [cpu]\n"), HasSubstr("a head of kind cpu needs its choices"));
  EXPECT_THAT(ErrorOf("heads:\n  - {kind: replicas_step, values: [1, -1]}\n"),
              HasSubstr("needs the choice 0"));
  EXPECT_THAT(ErrorOf("heads:\n  - {kind: replicas, values: [1, 2.5]}\n"),
              HasSubstr("2.5 is not a whole number"));
  EXPECT_THAT(ErrorOf("heads:\n  - {kind: replicas, values: [1, 1]}\n"), HasSubstr("twice"));
  EXPECT_THAT(ErrorOf("heads:\n  - {kind: replicas, values: [21]}\n"),
              HasSubstr("head replicas: 21 is out of range, allowed is 0 to 20"));
  EXPECT_THAT(ErrorOf("heads:\n  - {kind: keep_alive, values: [-1]}\n"), HasSubstr("out of range"));
  EXPECT_THAT(ErrorOf("heads:\n  - authors5\n  - {kind: cpu, values: [256]}\n"),
              HasSubstr("2 heads move CPU"));
  EXPECT_THAT(ErrorOf("min_cpu: 2\nmax_cpu: 1\n"),
              HasSubstr("min_cpu (2000) is above max_cpu (1000)"));
}

}  // namespace
}  // namespace reeve
