#include "agents/adapt/gaussian.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/random.h"

namespace reeve {
namespace {

constexpr SpreadPrior kExact = {.prior_sd = 0, .prior_weight = 0, .floor_sd = 0, .diagonal = false};

using Points = std::vector<std::array<double, 2>>;

Points Draw(int n, uint32_t id) {
  RandomCursor random(RandomStream(1, StreamPurpose::kBootstrap, id));
  Points points;
  for (int i = 0; i < n; ++i) {
    const double a = random.Normal(), b = random.Normal();
    points.push_back({1000 + 3 * a, 2 * a + 0.5 * b});
  }
  return points;
}

// Two passes, as the textbook has it; [mean 2, covariance 4].
std::array<double, 6> TwoPass(const Points& points, const std::vector<double>& weights) {
  std::array<double, 6> out{};
  double total = 0;
  for (size_t i = 0; i < points.size(); ++i) total += weights[i];
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t d = 0; d < 2; ++d) out[d] += weights[i] * points[i][d] / total;
  }
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t a = 0; a < 2; ++a) {
      for (size_t b = 0; b < 2; ++b) {
        out[2 + 2 * a + b] +=
            weights[i] * (points[i][a] - out[a]) * (points[i][b] - out[b]) / total;
      }
    }
  }
  return out;
}

void ExpectMoments(const ContextMoments& m, const std::array<double, 6>& expected) {
  for (size_t d = 0; d < 2; ++d) EXPECT_NEAR(m.mean[d], expected[d], 1e-10);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(m.covariance[i], expected[2 + i], 1e-9);
}

TEST(ContextMoments, AreThoseOfTwoPasses) {
  const Points points = Draw(500, 1);
  std::vector<double> weights;
  ContextMoments m(2);
  for (size_t i = 0; i < points.size(); ++i) {
    weights.push_back(0.1 + static_cast<double>(i % 7));
    m.Add(points[i], weights.back());
  }
  ExpectMoments(m, TwoPass(points, weights));
}

TEST(ContextMoments, MergedAreThoseOfAllTogether) {
  const Points points = Draw(300, 2);
  ContextMoments first(2), second(2), all(2);
  for (size_t i = 0; i < points.size(); ++i) {
    (i < 80 ? first : second).Add(points[i]);
    all.Add(points[i]);
  }
  first.Merge(second);
  EXPECT_EQ(first.count, 300);
  ExpectMoments(first, TwoPass(points, std::vector<double>(300, 1.0)));
  ContextMoments none(2);
  none.Merge(ContextMoments(2));
  EXPECT_EQ(none.count, 0);
}

TEST(ContextMoments, BeyondTheMemoryOldOnesFadeGeometrically) {
  const Points points = Draw(200, 3);
  ContextMoments m(2);
  for (const auto& point : points) m.Add(point, 1, 50);
  EXPECT_EQ(m.count, 50);
  // The first 50 count alike; each later one takes 1/50 from all before.
  std::vector<double> weights(200);
  for (size_t i = 0; i < 200; ++i) {
    weights[i] = std::pow(1 - 1.0 / 50, static_cast<double>(i < 50 ? 150 : 199 - i)) / 50;
  }
  ExpectMoments(m, TwoPass(points, weights));
}

GaussianModel Fitted(std::vector<double> mean, std::vector<double> covariance,
                     const SpreadPrior& prior = kExact, double count = 1) {
  ContextMoments m(mean.size());
  m.count = count;
  m.mean = std::move(mean);
  m.covariance = std::move(covariance);
  GaussianModel model(m.dimensions());
  model.Fit(m, prior);
  return model;
}

TEST(GaussianModel, FullCovarianceByHand) {
  // [4 2; 2 5]: determinant 16, inverse [5 -2; -2 4] / 16.
  const GaussianModel model = Fitted({1, -1}, {4, 2, 2, 5});
  std::vector<double> z(2);
  const std::array<double, 2> x = {4, 1};  // d = (3, 2): (45 - 24 + 16) / 16
  const double squared = model.Whiten(x, z);
  EXPECT_DOUBLE_EQ(squared, 37.0 / 16);
  EXPECT_DOUBLE_EQ(z[0], 1.5);  // L = [2 0; 1 2]
  EXPECT_DOUBLE_EQ(z[1], (2 - 1.5) / 2);
  EXPECT_DOUBLE_EQ(model.log_determinant(), std::log(16.0));
  EXPECT_DOUBLE_EQ(model.LogDensity(squared),
                   -std::log(2 * std::acos(-1.0)) - 0.5 * std::log(16.0) - 37.0 / 32);
}

TEST(GaussianModel, PriorAndFloor) {
  // (10 x 4 + 30 x 9) / 40 + 0.25 = 8; off the diagonal 10 x 2 / 40, or nothing.
  SpreadPrior prior{.prior_sd = 3, .prior_weight = 30, .floor_sd = 0.5, .diagonal = false};
  const GaussianModel full = Fitted({0, 0}, {4, 2, 2, 4}, prior, 10);
  EXPECT_DOUBLE_EQ(full.covariance(0, 0), 8);
  EXPECT_DOUBLE_EQ(full.covariance(0, 1), 0.5);
  prior.diagonal = true;
  const GaussianModel diagonal = Fitted({0, 0}, {4, 2, 2, 4}, prior, 10);
  EXPECT_DOUBLE_EQ(diagonal.covariance(0, 1), 0);
  EXPECT_DOUBLE_EQ(diagonal.log_determinant(), 2 * std::log(8.0));
  // A number that never changed and no prior: the floor alone, also where it makes the matrix
  // degenerate (two dimensions that are the same).
  prior = {.prior_sd = 0, .prior_weight = 0, .floor_sd = 0.5, .diagonal = false};
  EXPECT_DOUBLE_EQ(Fitted({7, 7}, {0, 0, 0, 0}, prior, 100).covariance(0, 0), 0.25);
  std::vector<double> z(2);
  const std::array<double, 2> x = {1, 1};
  // (1, 1) of [4.25 4; 4 4.25]: 2 / 8.25.
  EXPECT_NEAR(Fitted({0, 0}, {4, 4, 4, 4}, prior, 100).Whiten(x, z), 2 / 8.25, 1e-12);
  EXPECT_NEAR(Fitted({0, 0}, {0, 0, 0, 0}, prior, 0).Whiten(x, z), 8, 1e-12);  // no data at all
}

TEST(GaussianModel, BhattacharyyaDistanceInClosedForm) {
  const GaussianModel a = Fitted({0}, {4}), b = Fitted({3}, {1});
  // 1/4 x 9 / 5 + 1/2 log(2.5 / 2)
  EXPECT_NEAR(BhattacharyyaDistance(a, b), 0.25 * 9 / 5 + 0.5 * std::log(2.5 / 2), 1e-14);
  EXPECT_DOUBLE_EQ(BhattacharyyaDistance(a, b), BhattacharyyaDistance(b, a));
  EXPECT_NEAR(BhattacharyyaDistance(a, a), 0, 1e-15);
  // Equal covariances: an eighth of the squared distance; [4 2; 2 5] as above.
  EXPECT_NEAR(BhattacharyyaDistance(Fitted({1, -1}, {4, 2, 2, 5}), Fitted({4, 1}, {4, 2, 2, 5})),
              37.0 / 16 / 8, 1e-14);
}

// Abramowitz and Stegun, table 26.8.
TEST(UpperChiSquaredQuantile, IsNearTheTable) {
  struct Row {
    double q, degrees, value;
  };
  for (const Row& row : {Row{0.05, 1, 3.84146}, Row{0.5, 3, 2.36597}, Row{0.01, 3, 11.3449},
                         Row{0.001, 10, 29.5883}, Row{0.0001, 1, 15.1367}, Row{0.0001, 3, 21.1075},
                         Row{0.0001, 10, 35.5640}, Row{0.005, 30, 53.6720}}) {
    EXPECT_NEAR(UpperChiSquaredQuantile(row.q, row.degrees), row.value,
                (row.degrees < 3 ? 0.08 : 0.04) * row.value)
        << row.q << " " << row.degrees;
  }
}

}  // namespace
}  // namespace reeve
