#include "agents/adapt/bocpd_rule.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "core/random.h"

namespace reeve {
namespace {

using X = std::array<double, 2>;

std::vector<X> TwoLevels(int first, int second) {
  RandomCursor random(RandomStream(5, StreamPurpose::kBootstrap, 0));
  std::vector<X> xs;
  for (int i = 0; i < first + second; ++i) {
    const double shift = i < first ? 0 : 4;
    xs.push_back({shift + 0.7 * random.Normal(), 1 - shift + 0.7 * random.Normal()});
  }
  return xs;
}

// Adams and MacKay without any truncation: each run's predictive is computed anew from all that it
// has seen, with the C library's functions.
class Naive {
 public:
  Naive(const NormalGammaPrior& prior, double hazard) : prior_(prior), hazard_(hazard) {}

  void Update(const X& x) {
    std::vector<double> next(probability_.size() + 1, 0.0);
    for (size_t r = 0; r < probability_.size(); ++r) {
      const double joint = probability_[r] * Predictive(r, x);
      next[r + 1] += joint * (1 - hazard_);
      next[0] += joint * hazard_;
    }
    const double sum = std::accumulate(next.begin(), next.end(), 0.0);
    for (double& p : next) p /= sum;
    probability_ = next;
    seen_.push_back(x);
  }
  const std::vector<double>& probability() const { return probability_; }

  // Student's t of the posterior after the last r observations.
  double Predictive(size_t r, const X& x) const {
    double density = 1;
    for (size_t d = 0; d < 2; ++d) {
      double mean = 0, squares = 0;
      const auto n = static_cast<double>(r);
      for (size_t i = seen_.size() - r; i < seen_.size(); ++i) mean += seen_[i][d] / n;
      for (size_t i = seen_.size() - r; i < seen_.size(); ++i) {
        squares += (seen_[i][d] - mean) * (seen_[i][d] - mean);
      }
      const double kappa = prior_.kappa + n, alpha = prior_.alpha + n / 2;
      const double mu = n * mean / kappa;
      const double beta = prior_.beta + squares / 2 + prior_.kappa * n * mean * mean / (2 * kappa);
      const double scale2 = beta * (kappa + 1) / (alpha * kappa), nu = 2 * alpha;
      const double t2 = (x[d] - mu) * (x[d] - mu) / scale2;
      density *= std::exp(std::lgamma((nu + 1) / 2) - std::lgamma(nu / 2)) /
                 std::sqrt(nu * std::acos(-1.0) * scale2) * std::pow(1 + t2 / nu, -(nu + 1) / 2);
    }
    return density;
  }

 private:
  NormalGammaPrior prior_;
  double hazard_;
  std::vector<double> probability_ = {1};
  std::vector<X> seen_;
};

TEST(RunLengthPosterior, PredictsByStudentsT) {
  // kappa = alpha = beta = 1: t with 2 degrees of freedom and scale^2 2; its density at 0 is 1/4.
  const RunLengthPosterior one(1, {.kappa = 1, .alpha = 1, .beta = 1}, 0.01, 10);
  EXPECT_NEAR(std::exp(one.LogPredictive(0, std::array{0.0})), 0.25, 1e-12);
  // t_2 at 2: 1 / (2 + 4/2)^1.5 of the standardised sqrt 2, over the scale.
  EXPECT_NEAR(std::exp(one.LogPredictive(0, std::array{2.0})),
              std::pow(2 + 2.0, -1.5) / std::sqrt(2.0), 1e-12);
  const RunLengthPosterior two(2, {.kappa = 1, .alpha = 1, .beta = 1}, 0.01, 10);
  EXPECT_NEAR(std::exp(two.LogPredictive(0, X{0, 0})), 1.0 / 16, 1e-12);
}

TEST(RunLengthPosterior, IsThatOfTheNaiveForm) {
  const NormalGammaPrior prior{.kappa = 0.05, .alpha = 1, .beta = 0.3};
  RunLengthPosterior posterior(2, prior, 1 / 50.0, 200);
  Naive naive(prior, 1 / 50.0);
  for (const X& x : TwoLevels(60, 40)) {
    posterior.Update(x);
    naive.Update(x);
    for (size_t r = 0; r < naive.probability().size(); ++r) {
      ASSERT_NEAR(posterior.probability()[r], naive.probability()[r], 1e-10) << r;
    }
  }
  for (size_t r = 1; r < naive.probability().size(); ++r) {
    if (naive.probability()[r] < 1e-20) continue;  // dropped, below 1e-30
    EXPECT_NEAR(posterior.LogPredictive(r, X{4, -3}), std::log(naive.Predictive(r, X{4, -3})),
                1e-8);
  }
}

TEST(RunLengthPosterior, TakesLongRunsTogether) {
  const NormalGammaPrior prior{.kappa = 0.05, .alpha = 1, .beta = 0.3};
  RunLengthPosterior posterior(2, prior, 1 / 50.0, 30);
  Naive naive(prior, 1 / 50.0);
  for (const X& x : TwoLevels(100, 20)) {
    posterior.Update(x);
    naive.Update(x);
    const std::span<const double> p = posterior.probability();
    EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1, 1e-12);
  }
  // After the change the runs that count are short ones: truncation is no matter.
  EXPECT_GT(posterior.probability()[20], 0.5);
  EXPECT_NEAR(posterior.probability()[20], naive.probability()[20], 0.01);
  EXPECT_NEAR(posterior.mean(20)[0], 4, 0.5);
  // And when the new level has gone on for long, the long run is of it.
  RandomCursor random(RandomStream(6, StreamPurpose::kBootstrap, 0));
  for (int i = 0; i < 60; ++i) {
    posterior.Update(X{4 + 0.7 * random.Normal(), -3 + 0.7 * random.Normal()});
  }
  EXPECT_GT(posterior.probability()[30], 0.5);
  EXPECT_NEAR(posterior.mean(30)[0], 4, 0.4);
}

class BocpdRuleTest : public testing::Test {
 protected:
  BocpdRuleTest() : book(2, 3, SpreadPrior{}), rule({.threshold = 0.5, .min_run = 3}, 4, 2) {
    ContextMoments m(2);
    m.count = 100;
    m.mean = {0, 1};
    m.covariance = {0.5, 0, 0, 0.5};
    book.Open(m, SimTime());
    rule.Begin(book, 0, m);
  }
  EnvironmentBook book;
  BocpdRule rule;
};

TEST_F(BocpdRuleTest, ASegmentLikeNoneThatIsKnownIsNew) {
  const std::vector<X> xs = TwoLevels(60, 10);
  Verdict v;
  for (size_t i = 0; i < 60; ++i) v = rule.Judge(SimTime(), xs[i], book, 0);
  EXPECT_EQ(v.judgement, Judgement::kKnown);
  EXPECT_EQ(v.place, 0u);
  EXPECT_GT(v.confidence, 0.5);
  for (size_t i = 60; i < 65; ++i) v = rule.Judge(SimTime(), xs[i], book, 0);
  EXPECT_EQ(v.judgement, Judgement::kNew);
  EXPECT_GT(v.confidence, 0.5);
}

TEST_F(BocpdRuleTest, ASegmentLikeAKnownOneIsThatOne) {
  ContextMoments m(2);
  m.count = 100;
  m.mean = {4, -3};
  book.Open(m, SimTime());
  const std::vector<X> xs = TwoLevels(60, 10);
  Verdict v;
  for (size_t i = 0; i < 65; ++i) v = rule.Judge(SimTime(), xs[i], book, 0);
  EXPECT_EQ(v.judgement, Judgement::kKnown);
  EXPECT_EQ(v.place, 1u);
}

}  // namespace
}  // namespace reeve
