#include "agents/ppo/anchors.h"

#include <algorithm>
#include <map>
#include <vector>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/agents/ppo/small_games.h"

namespace reeve {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const AnchorStore::Predicate kAll = [](std::span<const double>) { return true; };

AnchorShape Shape(int32_t steps) {
  return {.groups = 2, .inputs = 1, .heads = {2}, .context = 1, .steps = steps};
}

// Two agents in one environment; the input of agent n at step t is `mark` + 1000 n + t.
class AnchorsTest : public ::testing::Test {
 protected:
  AnchorsTest() : env_(1) {
    PpoSpec spec;
    spec.form = Form::kSRl;
    model_ = MakeModel(env_.spec(), spec, 1);
  }
  Rollout Marked(int32_t steps, float mark) const {
    Rollout rollout(model_, env_.spec(), steps);
    for (int n = 0; n < 2; ++n) {
      for (int t = 0; t < steps; ++t) {
        const auto cell = static_cast<size_t>(n * steps + t);
        rollout.actor_inputs[cell] = mark + 1000.0F * static_cast<float>(n) + static_cast<float>(t);
        rollout.weights[cell] = 1;
        rollout.legal[2 * cell] = 1;
        rollout.legal[2 * cell + 1] = static_cast<uint8_t>(t % 2);
      }
      rollout.starts[static_cast<size_t>(n * steps)] = 1;
    }
    return rollout;
  }

  CommonPayoff env_;
  PolicyModel model_;
};

TEST_F(AnchorsTest, SequencesAreCutIntoPieces) {
  AnchorStore store(Shape(2), 10, 1);
  Rollout rollout = Marked(5, 0);               // steps 0, 1 and 2, 3; the last is left over
  rollout.weights[2] = rollout.weights[3] = 0;  // agent 0 was away in its second piece
  store.Add(rollout, model_.group_of, std::vector<double>{7});
  EXPECT_EQ(store.size(), 3);
  const AnchorSet set = store.Draw(0, 1, kAll);
  EXPECT_THAT(set.groups, ElementsAre(0, 1));
  EXPECT_EQ(set.actor_inputs[0], 0);
  EXPECT_EQ(set.actor_inputs[1], 1);
  EXPECT_EQ(set.actor_inputs[3], set.actor_inputs[2] + 1);
  EXPECT_GE(set.actor_inputs[2], 1000);
  EXPECT_THAT(set.legal, ElementsAre(1, 0, 1, 1, 1, 0, 1, 1));
  EXPECT_EQ(set.starts[0], 1);
  EXPECT_EQ(set.starts[1], 0);
  EXPECT_THAT(set.weights, Each(1.0F));
}

TEST_F(AnchorsTest, OnlyWantedContextsAreDrawn) {
  AnchorStore store(Shape(1), 100, 1);
  for (int context = 0; context < 5; ++context) {
    store.Add(Marked(10, 100.0F * static_cast<float>(context)), model_.group_of,
              std::vector<double>{static_cast<double>(context)});
  }
  const AnchorSet set =
      store.Draw(3, 15, [](std::span<const double> context) { return context[0] == 2; });
  EXPECT_THAT(set.groups, SizeIs(20));  // all ten of each group
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_GE(set.actor_inputs[i], 200);
    EXPECT_LT(set.actor_inputs[i], 210);
  }
  EXPECT_EQ(store.Draw(3, 15, [](std::span<const double>) { return false; }).size(), 0);
}

// Of 100 sequences that were offered, each is among the 20 kept with probability 1/5: over 400
// seeds 80 times with a deviation of 8.
TEST_F(AnchorsTest, EverySequenceIsKeptAsOften) {
  std::map<float, int> kept;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    AnchorStore store(Shape(1), 20, seed);
    store.Add(Marked(60, 0), model_.group_of, std::vector<double>{0});
    store.Add(Marked(40, 60), model_.group_of, std::vector<double>{1});
    EXPECT_EQ(store.size(), 40);
    EXPECT_EQ(store.seen(0), 100);
    for (const float x : store.Draw(0, 20, kAll).actor_inputs) ++kept[x];
  }
  EXPECT_THAT(kept, SizeIs(200));
  double squares = 0;
  for (const auto& [input, times] : kept) {
    EXPECT_NEAR(times, 80, 5 * 8);
    squares += (times - 80.0) * (times - 80.0) / 64;
  }
  EXPECT_NEAR(squares / 200, 1, 0.4);
}

TEST_F(AnchorsTest, DrawsAreKeyed) {
  AnchorStore a(Shape(1), 30, 5), b(Shape(1), 30, 5);
  for (AnchorStore* store : {&a, &b}) {
    store->Add(Marked(80, 0), model_.group_of, std::vector<double>{0});
  }
  EXPECT_EQ(a.Draw(1, 8, kAll).actor_inputs, b.Draw(1, 8, kAll).actor_inputs);
  EXPECT_NE(a.Draw(1, 8, kAll).actor_inputs, a.Draw(2, 8, kAll).actor_inputs);
}

TEST_F(AnchorsTest, GoesOnFromAFileAsIfItHadNotStopped) {
  AnchorStore straight(Shape(2), 12, 5);
  straight.Add(Marked(50, 0), model_.group_of, std::vector<double>{0.1});
  TensorFile file;
  straight.Save(file);
  const auto read = ParseTensorFile(SerialiseTensorFile(file), "file");
  ASSERT_TRUE(read.ok());
  AnchorStore resumed(Shape(2), 12, 5);
  ASSERT_TRUE(resumed.Restore(*read).ok());
  for (AnchorStore* store : {&straight, &resumed}) {
    store->Add(Marked(50, 500), model_.group_of, std::vector<double>{0.2});
  }
  const AnchorSet expected = straight.Draw(4, 6, kAll), got = resumed.Draw(4, 6, kAll);
  EXPECT_EQ(got.actor_inputs, expected.actor_inputs);
  EXPECT_EQ(got.legal, expected.legal);
  EXPECT_EQ(got.starts, expected.starts);

  // What does not fit is refused, and changes nothing.
  AnchorStore smaller(Shape(2), 11, 5), longer(Shape(3), 12, 5);
  EXPECT_THAT(MessageOf(smaller.Restore(*read)), HasSubstr("the capacity is 11"));
  EXPECT_THAT(MessageOf(longer.Restore(*read)), HasSubstr("anchors.0.inputs"));
  TensorFile nothing_legal = *read;
  for (NamedTensor& tensor : nothing_legal.tensors) {
    if (tensor.name != "anchors.1.legal") continue;
    auto& legal = std::get<std::vector<float>>(tensor.data);
    legal[0] = legal[1] = 0;
  }
  EXPECT_THAT(MessageOf(resumed.Restore(nothing_legal)), HasSubstr("without legal choices"));
  EXPECT_EQ(resumed.Draw(4, 6, kAll).actor_inputs, expected.actor_inputs);
}

}  // namespace
}  // namespace reeve
