// Which node a container goes to (sim/placement.h). Nodes are written as {held, size} in MiB.
#include "sim/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

namespace reeve {
namespace {

std::vector<Node> Nodes(std::initializer_list<std::pair<int64_t, int64_t>> held_and_size) {
  std::vector<Node> nodes;
  for (const auto& [held, size] : held_and_size) {
    Node node;
    node.cpu_millicores = 4000;
    node.memory_held_mib = held;
    node.memory_mib = size;
    nodes.push_back(node);
  }
  return nodes;
}

uint32_t Choose(PlacementStrategy strategy, const std::vector<Node>& nodes, int64_t memory,
                uint64_t hash = 0, std::vector<uint32_t> of_function = {}) {
  const Placement placement(strategy, 0, static_cast<uint32_t>(nodes.size()));
  return placement.Choose(nodes, {memory, 1000}, hash, of_function);
}

TEST(PlacementTest, FirstFitTakesTheLowestWithRoom) {
  const auto nodes = Nodes({{900, 1000}, {500, 1000}, {0, 1000}});
  EXPECT_EQ(Choose(PlacementStrategy::kFirstFit, nodes, 100), 0u);  // fills it exactly
  EXPECT_EQ(Choose(PlacementStrategy::kFirstFit, nodes, 101), 1u);
  EXPECT_EQ(Choose(PlacementStrategy::kFirstFit, nodes, 501), 2u);
  EXPECT_EQ(Choose(PlacementStrategy::kFirstFit, nodes, 1001), 3u);  // none
}

TEST(PlacementTest, LeastLoadedComparesShares) {
  // 50 %, 40 % and 45 % held, though the second holds most.
  const auto nodes = Nodes({{500, 1000}, {1600, 4000}, {450, 1000}});
  EXPECT_EQ(Choose(PlacementStrategy::kLeastLoaded, nodes, 100), 1u);
  EXPECT_EQ(Choose(PlacementStrategy::kLeastLoaded, Nodes({{2, 10}, {1, 10}, {1, 10}}), 1), 1u);
}

TEST(PlacementTest, BinPackTakesTheFullestWithRoom) {
  const auto nodes = Nodes({{500, 1000}, {3800, 4000}, {700, 1000}});
  EXPECT_EQ(Choose(PlacementStrategy::kBinPack, nodes, 200), 1u);
  EXPECT_EQ(Choose(PlacementStrategy::kBinPack, nodes, 300), 2u);
  EXPECT_EQ(Choose(PlacementStrategy::kBinPack, nodes, 301), 0u);
  EXPECT_EQ(Choose(PlacementStrategy::kBinPack, nodes, 501), 3u);
}

TEST(PlacementTest, SpreadTakesFewestOfTheFunctionThenLeastLoaded) {
  const auto nodes = Nodes({{100, 1000}, {600, 1000}, {500, 1000}, {1000, 1000}});
  EXPECT_EQ(Choose(PlacementStrategy::kSpread, nodes, 100, 0, {2, 1, 1, 0}), 2u);
  EXPECT_EQ(Choose(PlacementStrategy::kSpread, nodes, 450, 0, {2, 1, 1, 0}), 2u);
  EXPECT_EQ(Choose(PlacementStrategy::kSpread, nodes, 550, 0, {2, 1, 1, 0}), 0u);
}

TEST(PlacementTest, HashWalksFromHomeInItsStep) {
  // Ten nodes, steps 1, 3, 7. Hash 14: home 4, step number 14 mod 3 = 2, which is 7.
  std::vector<Node> nodes = Nodes(
      {{0, 10}, {0, 10}, {0, 10}, {0, 10}, {0, 10}, {0, 10}, {0, 10}, {0, 10}, {0, 10}, {0, 10}});
  for (const uint32_t expected : {4u, 1u, 8u, 5u, 2u, 9u, 6u, 3u, 0u, 7u}) {
    EXPECT_EQ(Choose(PlacementStrategy::kHash, nodes, 10, 14), expected);
    nodes[expected].memory_held_mib = 10;
  }
  EXPECT_EQ(Choose(PlacementStrategy::kHash, nodes, 10, 14), 10u);
}

TEST(PlacementTest, NodesThatDrainAreNotTaken) {
  for (const PlacementStrategy strategy :
       {PlacementStrategy::kFirstFit, PlacementStrategy::kLeastLoaded, PlacementStrategy::kHash,
        PlacementStrategy::kSpread, PlacementStrategy::kBinPack}) {
    auto nodes = Nodes({{0, 100}, {0, 100}, {0, 100}});
    for (Node& node : nodes) node.accepting = false;
    EXPECT_EQ(Choose(strategy, nodes, 1, 5, {0, 0, 0}), 3u);
    nodes[1].accepting = true;
    EXPECT_EQ(Choose(strategy, nodes, 1, 5, {0, 0, 0}), 1u);
  }
}

TEST(PlacementTest, OvercommitLimitsTheSumOfCpuLimits) {
  auto nodes = Nodes({{0, 100}, {0, 100}});
  nodes[0].cpu_limits_millicores = 5001;
  nodes[1].cpu_limits_millicores = 5000;
  const Need need{1, 1000};
  // 1.5 times 4000 millicores.
  EXPECT_EQ(Placement(PlacementStrategy::kFirstFit, 1.5, 2).Choose(nodes, need, 0, {}), 1u);
  EXPECT_EQ(Placement(PlacementStrategy::kFirstFit, 1.4, 2).Choose(nodes, need, 0, {}), 2u);
  EXPECT_EQ(Placement(PlacementStrategy::kFirstFit, 0, 2).Choose(nodes, need, 0, {}), 0u);
}

TEST(PlacementTest, RoomOnceSomethingHasGone) {
  auto nodes = Nodes({{90, 100}});
  nodes[0].cpu_limits_millicores = 4000;
  const Placement placement(PlacementStrategy::kFirstFit, 1, 1);
  EXPECT_FALSE(placement.Fits(nodes[0], {30, 1000}));
  EXPECT_FALSE(placement.Fits(nodes[0], {30, 1000}, {19, 1000}));  // memory
  EXPECT_FALSE(placement.Fits(nodes[0], {30, 1000}, {20, 999}));   // CPU
  EXPECT_TRUE(placement.Fits(nodes[0], {30, 1000}, {20, 1000}));
  nodes[0].accepting = false;
  EXPECT_FALSE(placement.Fits(nodes[0], {30, 1000}, {90, 4000}));
}

TEST(PlacementTest, EvictionLooksInTheOrderOfTheStrategy) {
  const Placement hash(PlacementStrategy::kHash, 0, 10);
  EXPECT_EQ(hash.InOrder(14, 0), 4u);
  EXPECT_EQ(hash.InOrder(14, 1), 1u);
  EXPECT_EQ(Placement(PlacementStrategy::kBinPack, 0, 10).InOrder(14, 1), 1u);
}

TEST(HashOrderTest, PairwiseCoprimes) {
  // By hand: 10 gives 1, 3, 7 (9 shares a factor with 3).
  EXPECT_EQ(HashOrder::PairwiseCoprimes(10), (std::vector<uint32_t>{1, 3, 7}));
  EXPECT_EQ(HashOrder::PairwiseCoprimes(1), (std::vector<uint32_t>{1}));
  EXPECT_EQ(HashOrder::PairwiseCoprimes(2), (std::vector<uint32_t>{1}));
  EXPECT_EQ(HashOrder::PairwiseCoprimes(9), (std::vector<uint32_t>{1, 2, 5, 7}));
  for (uint32_t n = 1; n <= 60; ++n) {
    const auto steps = HashOrder::PairwiseCoprimes(n);
    for (size_t i = 0; i < steps.size(); ++i) {
      EXPECT_EQ(std::gcd(steps[i], n), 1u);
      for (size_t j = 0; j < i; ++j) EXPECT_EQ(std::gcd(steps[i], steps[j]), 1u);
    }
  }
}

TEST(HashOrderTest, EveryWalkSeesEveryNodeOnce) {
  for (const uint32_t n : {1u, 2u, 7u, 10u, 36u}) {
    const HashOrder order(n);
    for (const uint64_t hash :
         {uint64_t{0}, uint64_t{1}, uint64_t{14}, uint64_t{0x7fffffff}, ~uint64_t{0}}) {
      std::set<uint32_t> seen;
      for (uint32_t k = 0; k < n; ++k) seen.insert(order.At(hash, k));
      EXPECT_EQ(seen.size(), n);
      EXPECT_EQ(*seen.rbegin(), n - 1);
      EXPECT_EQ(order.At(hash, 0), hash % n);
    }
  }
}

// Java: "a".hashCode() = 97 and "a/b".hashCode() = (97 * 31 + 47) * 31 + 98 = 94772; 97 xor 94772 =
// 0x61 xor 0x17234 = 0x17255. "polygenelubricants" is known for a hash of -2^31; its path, with
// "/a" behind, is -2^31 * 31^2 + 47 * 31 + 97 = 1554 - 2^31 mod 2^32; their xor is 1554.
TEST(OpenWhiskHashTest, IsJavasOfNamespaceAndPath) {
  EXPECT_EQ(OpenWhiskHash("a", "b"), 0x17255u);
  EXPECT_EQ(OpenWhiskHash("polygenelubricants", "a"), 1554u);
  // "" and "/polygenelubricants": 47 * 31^18 - 2^31, and its absolute value when negative.
  uint32_t power = 47;
  for (int i = 0; i < 18; ++i) power *= 31;
  const int32_t hash = static_cast<int32_t>(power + 0x80000000u);
  EXPECT_EQ(OpenWhiskHash("", "polygenelubricants"), static_cast<uint32_t>(std::abs(hash)));
}

}  // namespace
}  // namespace reeve
