#include "agents/ppo/ppo_loss.h"

#include <cmath>
#include <vector>

#include "agents/nn/torch.h"
#include "core/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace reeve {
namespace {

using ::testing::Each;
using ::testing::FloatNear;
using ::testing::Pointwise;

// One head of two choices with logits 0, 0: p = 1/2. With old log-probability log(1/4) the ratio is
// 2, beyond 1.2.
struct OneRow {
  std::vector<int32_t> heads = {2};
  std::vector<float> logits = {0, 0};
  std::vector<uint8_t> legal = {1, 1};
  std::vector<int32_t> actions = {0};
  std::vector<float> old_log_probs, advantages, weights = {1};

  PolicyRows rows() const {
    return {.rows = 1,
            .heads = heads,
            .logits = logits.data(),
            .legal = legal.data(),
            .actions = actions.data(),
            .old_log_probs = old_log_probs.data(),
            .advantages = advantages.data(),
            .weights = weights.data()};
  }
};

TEST(PolicyLoss, ByHand) {
  float slopes[2];
  const PolicyLossOptions options{.clip = 0.2F, .entropy = 0, .scale = 1};
  OneRow row;

  // Ratio 2, advantage 3: clipped, 1.2 * 3, no gradient. KL 2 - 1 - log 2.
  row.old_log_probs = {std::log(0.25F)};
  row.advantages = {3};
  PolicySums sums = PolicyLoss(row.rows(), options, slopes);
  EXPECT_NEAR(sums.loss, -3.6, 1e-6);
  EXPECT_NEAR(sums.kl, 1 - std::log(2.0), 1e-6);
  EXPECT_NEAR(sums.entropy, std::log(2.0), 1e-6);
  EXPECT_EQ(sums.clipped, 1);
  EXPECT_THAT(slopes, Each(0.0F));

  // Ratio 2, advantage -3: the unclipped side is the smaller: loss 6, d/dlogit0 = 6 * (1 - p) = 3.
  row.advantages = {-3};
  sums = PolicyLoss(row.rows(), options, slopes);
  EXPECT_NEAR(sums.loss, 6, 1e-6);
  EXPECT_NEAR(slopes[0], 3, 1e-6);
  EXPECT_NEAR(slopes[1], -3, 1e-6);

  // Ratio 1/2, advantage -3: clipped at 0.8: loss 2.4, no gradient.
  row.old_log_probs = {0};
  sums = PolicyLoss(row.rows(), options, slopes);
  EXPECT_NEAR(sums.loss, 2.4, 1e-6);
  EXPECT_THAT(slopes, Each(0.0F));
}

TEST(ValueLoss, ByHand) {
  // Old value 0, clip 0.2. (1) v = 1, target 0: 1/2 beats (0.2)^2 / 2; slope 1.
  // (2) v = 1, target 2: held at 0.2, (1.8)^2 / 2 beats 1/2: no slope. (3) v = 0.1: nothing
  // clipped.
  const std::vector<float> values = {1, 1, 0.1F, 5}, old(4), targets = {0, 2, 1, 0},
                           weights = {1, 1, 1, 0};
  float slopes[4];
  const ValueSums sums = ValueLoss({.rows = 4,
                                    .values = values.data(),
                                    .old_values = old.data(),
                                    .targets = targets.data(),
                                    .weights = weights.data()},
                                   0.2F, 0.5F, slopes);
  EXPECT_EQ(sums.weight, 3);
  EXPECT_NEAR(sums.loss, 0.5 + 1.8 * 1.8 / 2 + 0.9 * 0.9 / 2, 1e-6);
  EXPECT_FLOAT_EQ(slopes[0], 0.5F);
  EXPECT_FLOAT_EQ(slopes[1], 0);
  EXPECT_FLOAT_EQ(slopes[2], -0.45F);
  EXPECT_FLOAT_EQ(slopes[3], 0);
}

// Random rows of two heads with masks and weights.
struct RandomRows {
  static constexpr int64_t kRows = 200;
  std::vector<int32_t> heads = {5, 3};
  std::vector<float> logits, old_log_probs, advantages, weights;
  std::vector<uint8_t> legal;
  std::vector<int32_t> actions;

  RandomRows() {
    RandomCursor draw(RandomStream(7, StreamPurpose::kGenerator, 0));
    for (int64_t r = 0; r < kRows; ++r) {
      for (const int32_t n : heads) {
        const auto action = static_cast<int32_t>(draw.Below(static_cast<uint64_t>(n)));
        actions.push_back(action);
        for (int32_t k = 0; k < n; ++k) {
          logits.push_back(static_cast<float>(draw.Normal()));
          legal.push_back(k == action || draw.Uniform() < 0.7 ? 1 : 0);
        }
      }
      old_log_probs.push_back(static_cast<float>(-2 + 0.5 * draw.Normal()));
      advantages.push_back(static_cast<float>(draw.Normal()));
      weights.push_back(draw.Uniform() < 0.2 ? 0 : 1);
    }
  }

  PolicyRows rows() const {
    return {.rows = kRows,
            .heads = heads,
            .logits = logits.data(),
            .legal = legal.data(),
            .actions = actions.data(),
            .old_log_probs = old_log_probs.data(),
            .advantages = advantages.data(),
            .weights = weights.data()};
  }

  // log p of the actions and entropies, [R] each, through torch.
  std::pair<torch::Tensor, torch::Tensor> Distribution(const torch::Tensor& x) const {
    const torch::Tensor mask =
        torch::from_blob(const_cast<uint8_t*>(legal.data()), {kRows, 8}, torch::kUInt8) == 0;
    const torch::Tensor chosen =
        torch::from_blob(const_cast<int32_t*>(actions.data()), {kRows, 2}, torch::kInt32)
            .to(torch::kInt64);
    torch::Tensor log_p = torch::zeros({kRows}), entropy = torch::zeros({kRows});
    int64_t first = 0;
    for (int64_t head = 0; head < 2; ++head) {
      const int64_t n = heads[static_cast<size_t>(head)];
      const torch::Tensor all =
          torch::log_softmax(x.narrow(1, first, n).masked_fill(mask.narrow(1, first, n), -1e9), 1);
      log_p = log_p + all.gather(1, chosen.narrow(1, head, 1)).squeeze(1);
      entropy = entropy - (all.exp() * all).sum(1);
      first += n;
    }
    return {log_p, entropy};
  }
};

torch::Tensor Wrap(const std::vector<float>& x) {
  return torch::from_blob(const_cast<float*>(x.data()), {static_cast<int64_t>(x.size())});
}

TEST(PolicyLoss, AgreesWithAutograd) {
  RandomRows r;
  torch::Tensor x = Wrap(r.logits).view({RandomRows::kRows, 8}).clone().set_requires_grad(true);
  const auto [log_p, entropy] = r.Distribution(x);
  for (int64_t i = 0; i < RandomRows::kRows; ++i) {  // ratios around 1, a third of them clipped
    r.old_log_probs[static_cast<size_t>(i)] =
        log_p[i].item<float>() + 0.2F * r.logits[static_cast<size_t>(i)];
  }
  const torch::Tensor ratio = (log_p - Wrap(r.old_log_probs)).exp();
  const torch::Tensor advantage = Wrap(r.advantages), weight = Wrap(r.weights);
  const torch::Tensor loss = -torch::min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage);
  const double scale = 1 / weight.sum().item<double>();
  torch::autograd::backward({(weight * (loss - 0.05 * entropy)).sum() * scale}, {});

  std::vector<float> slopes(r.logits.size());
  const PolicySums sums =
      PolicyLoss(r.rows(), {.clip = 0.2F, .entropy = 0.05F, .scale = static_cast<float>(scale)},
                 slopes.data());
  EXPECT_NEAR(sums.loss, (weight * loss).sum().item<double>(), 1e-4);
  EXPECT_NEAR(sums.entropy, (weight * entropy).sum().item<double>(), 1e-4);
  EXPECT_GT(sums.clipped, 20);  // both branches are there
  EXPECT_LT(sums.clipped, sums.weight - 20);
  const torch::Tensor grad = x.grad().contiguous();
  const std::vector<float> expected(grad.data_ptr<float>(), grad.data_ptr<float>() + grad.numel());
  EXPECT_THAT(slopes, Pointwise(FloatNear(1e-7F), expected));
  for (size_t i = 0; i < slopes.size(); ++i) {
    if (r.legal[i] == 0 || r.weights[i / 8] == 0) {
      EXPECT_EQ(slopes[i], 0);
    }
  }
}

TEST(ImitationLoss, AgreesWithAutograd) {
  RandomRows r;
  r.legal[static_cast<size_t>(r.actions[0])] = 0;  // the demonstrator did what is not allowed
  r.legal[r.actions[0] == 0 ? 1 : 0] = 1;
  r.weights[0] = 1;
  torch::Tensor x = Wrap(r.logits).view({RandomRows::kRows, 8}).clone().set_requires_grad(true);
  const auto [log_p, entropy] = r.Distribution(x);
  torch::Tensor weight = Wrap(r.weights).clone();
  weight[0] = 0;
  torch::autograd::backward({-(weight * log_p).sum()}, {});

  std::vector<float> slopes(r.logits.size());
  const PolicySums sums =
      ImitationLoss(r.rows(), {.clip = 0.2F, .entropy = 0, .scale = 1}, slopes.data());
  EXPECT_EQ(sums.weight, weight.sum().item<double>());
  EXPECT_NEAR(sums.loss, -(weight * log_p).sum().item<double>(), 1e-3);
  const torch::Tensor grad = x.grad().contiguous();
  const std::vector<float> expected(grad.data_ptr<float>(), grad.data_ptr<float>() + grad.numel());
  EXPECT_THAT(slopes, Pointwise(FloatNear(1e-5F), expected));
}

TEST(AnchorLoss, ByHand) {
  // Held to (3/4, 1/4), being at (1/2, 1/2): cross-entropy log 2, slopes p - q.
  const std::vector<int32_t> heads = {2};
  const std::vector<float> logits(2), references = {0.75F, 0.25F}, weights = {2};
  const std::vector<uint8_t> legal = {1, 1};
  AnchorRows rows{.rows = 1,
                  .heads = heads,
                  .logits = logits.data(),
                  .legal = legal.data(),
                  .references = references.data(),
                  .weights = weights.data()};
  float slopes[2];
  const AnchorSums sums = AnchorLoss(rows, 10, slopes);
  EXPECT_EQ(sums.weight, 2);
  EXPECT_NEAR(sums.cross_entropy, 2 * std::log(2.0), 1e-6);
  EXPECT_NEAR(sums.divergence, 2 * (0.75 * std::log(1.5) + 0.25 * std::log(0.5)), 1e-6);
  EXPECT_FLOAT_EQ(slopes[0], 2 * 10 * -0.25F);
  EXPECT_FLOAT_EQ(slopes[1], 2 * 10 * 0.25F);
}

TEST(AnchorLoss, AgreesWithAutograd) {
  const RandomRows r;
  std::vector<float> others(r.logits.rbegin(), r.logits.rend()), references(others.size());
  Probabilities(RandomRows::kRows, r.heads, others.data(), r.legal.data(), references.data());
  const AnchorRows rows{.rows = RandomRows::kRows,
                        .heads = r.heads,
                        .logits = r.logits.data(),
                        .legal = r.legal.data(),
                        .references = references.data(),
                        .weights = r.weights.data()};
  std::vector<float> slopes(others.size());
  const AnchorSums sums = AnchorLoss(rows, 0.5F, slopes.data());

  torch::Tensor x = Wrap(r.logits).view({RandomRows::kRows, 8}).clone().set_requires_grad(true);
  const torch::Tensor mask = torch::from_blob(const_cast<uint8_t*>(r.legal.data()),
                                              {RandomRows::kRows, 8}, torch::kUInt8) == 0;
  const auto log_p = [&](const torch::Tensor& all) {
    const torch::Tensor legal = all.masked_fill(mask, -1e9);
    return torch::cat({torch::log_softmax(legal.narrow(1, 0, 5), 1),
                       torch::log_softmax(legal.narrow(1, 5, 3), 1)},
                      1);
  };
  const torch::Tensor log_q = log_p(Wrap(others).view({RandomRows::kRows, 8}));
  const torch::Tensor q = log_q.exp(), weight = Wrap(r.weights);
  const torch::Tensor loss = (weight * -(q * log_p(x)).sum(1)).sum();
  torch::autograd::backward({0.5 * loss}, {});
  EXPECT_NEAR(sums.cross_entropy, loss.item<double>(), 1e-3);
  EXPECT_NEAR(sums.divergence, (weight * (q * (log_q - log_p(x))).sum(1)).sum().item<double>(),
              1e-3);
  const torch::Tensor grad = x.grad().contiguous();
  const std::vector<float> expected(grad.data_ptr<float>(), grad.data_ptr<float>() + grad.numel());
  EXPECT_THAT(slopes, Pointwise(FloatNear(1e-6F), expected));
  for (size_t i = 0; i < slopes.size(); ++i) {
    if (r.legal[i] == 0 || r.weights[i / 8] == 0) {
      EXPECT_EQ(slopes[i], 0);
    }
  }
}

TEST(ValueLoss, AgreesWithAutograd) {
  RandomCursor draw(RandomStream(8, StreamPurpose::kGenerator, 0));
  std::vector<float> values, old, targets, weights;
  for (int i = 0; i < 300; ++i) {
    old.push_back(static_cast<float>(draw.Normal()));
    values.push_back(old.back() + static_cast<float>(0.3 * draw.Normal()));
    targets.push_back(static_cast<float>(draw.Normal()));
    weights.push_back(draw.Uniform() < 0.2 ? 0 : 1);
  }
  torch::Tensor v = Wrap(values).clone().set_requires_grad(true);
  const torch::Tensor held = Wrap(old) + (v - Wrap(old)).clamp(-0.2, 0.2);
  const torch::Tensor loss =
      0.5 * torch::max((v - Wrap(targets)).square(), (held - Wrap(targets)).square());
  torch::autograd::backward({(Wrap(weights) * loss).sum()}, {});
  std::vector<float> slopes(values.size());
  const ValueSums sums = ValueLoss({.rows = 300,
                                    .values = values.data(),
                                    .old_values = old.data(),
                                    .targets = targets.data(),
                                    .weights = weights.data()},
                                   0.2F, 1, slopes.data());
  EXPECT_NEAR(sums.loss, (Wrap(weights) * loss).sum().item<double>(), 1e-3);
  // Where nothing is clipped both sides of the maximum are equal, and torch halves between them
  // twice the same gradient.
  const torch::Tensor grad = v.grad().contiguous();
  const std::vector<float> expected(grad.data_ptr<float>(), grad.data_ptr<float>() + grad.numel());
  EXPECT_THAT(slopes, Pointwise(FloatNear(1e-6F), expected));
}

}  // namespace
}  // namespace reeve
