#include "core/distribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/status.h"

namespace reeve {
namespace {

using testing::HasSubstr;

double NormalCdf(double z) {
  return std::erfc(-z / std::sqrt(2.0)) / 2;
}

// A distribution beside its textbook mean, variance and distribution function.
struct Known {
  Distribution distribution;
  double mean;
  double variance;
  std::function<double(double)> cdf;
};

// Raw moment of a bounded Pareto for a != order.
double ParetoMoment(double l, double h, double a, int order) {
  return std::pow(l, a) / (1 - std::pow(l / h, a)) * a / (a - order) *
         (std::pow(l, order - a) - std::pow(h, order - a));
}

std::vector<Known> KnownDistributions() {
  std::vector<Known> all;
  all.push_back({Distribution::Uniform(2, 6), 4, 16.0 / 12, [](double x) { return (x - 2) / 4; }});
  all.push_back({Distribution::Exponential(3), 3, 9, [](double x) { return -std::expm1(-x / 3); }});
  const double mu = 0.5, sigma = 0.8;
  all.push_back({Distribution::Lognormal(mu, sigma), std::exp(mu + sigma * sigma / 2),
                 std::expm1(sigma * sigma) * std::exp(2 * mu + sigma * sigma),
                 [=](double x) { return NormalCdf((std::log(x) - mu) / sigma); }});
  const double pareto_mean = ParetoMoment(1, 1000, 1.5, 1);
  all.push_back({Distribution::BoundedPareto(1, 1000, 1.5), pareto_mean,
                 ParetoMoment(1, 1000, 1.5, 2) - pareto_mean * pareto_mean,
                 [](double x) { return (1 - std::pow(1 / x, 1.5)) / (1 - std::pow(1e-3, 1.5)); }});
  // Second moment: p 2 a^2 + (1 - p) 2 b^2.
  all.push_back({Distribution::Hyperexponential(0.25, 10, 2), 4, 0.25 * 200 + 0.75 * 8 - 16,
                 nullptr});  // drawn branch by branch: not the inverse of its distribution function
  // Burr XII moments: k B(k - r/c, 1 + r/c) scale^r.
  const auto beta = [](double a, double b) {
    return std::tgamma(a) * std::tgamma(b) / std::tgamma(a + b);
  };
  const double burr_mean = 5 * 2 * beta(2 - 1 / 3.0, 1 + 1 / 3.0);
  all.push_back({Distribution::Burr(3, 2, 5), burr_mean,
                 25 * 2 * beta(2 - 2 / 3.0, 1 + 2 / 3.0) - burr_mean * burr_mean,
                 [](double x) { return 1 - std::pow(1 + std::pow(x / 5, 3), -2); }});
  // Half of the mass uniform on [0, 2], half on [2, 10]: mean (1 + 6) / 2; second moments 4/3 and
  // (1000 - 8) / 24.
  const std::vector<double> p = {0, 0.5, 1}, v = {0, 2, 10};
  all.push_back({*Distribution::Quantiles(p, v), 3.5, (4.0 / 3 + 992.0 / 24) / 2 - 12.25,
                 [](double x) { return x < 2 ? x / 4 : 0.5 + (x - 2) / 16; }});
  return all;
}

TEST(Distribution, MeansAreTheClosedForms) {
  for (const Known& known : KnownDistributions()) {
    EXPECT_NEAR(known.distribution.Mean(), known.mean, 1e-12 * known.mean)
        << known.distribution.ToString();
  }
  EXPECT_EQ(Distribution::Constant(7).Mean(), 7);
  EXPECT_EQ(Distribution().Mean(), 0);
}

TEST(Distribution, SampleInvertsTheDistributionFunction) {
  for (const Known& known : KnownDistributions()) {
    if (known.cdf == nullptr) continue;
    for (double u : {1e-6, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1 - 1e-6}) {
      EXPECT_NEAR(known.cdf(known.distribution.Sample(u)), u, 1e-12)
          << known.distribution.ToString();
    }
  }
}

TEST(Distribution, SampleIsFiniteAndNotNegativeAtTheEnds) {
  std::vector<Known> all = KnownDistributions();
  all.push_back({Distribution::Hyperexponential(0, 1, 2), 2, 4, nullptr});
  all.push_back({Distribution::Hyperexponential(1, 1, 2), 1, 1, nullptr});
  all.push_back({Distribution::BoundedPareto(3, 3, 1), 3, 0, nullptr});
  all.push_back({Distribution::Lognormal(0, 0), 1, 0, nullptr});
  for (const Known& known : all) {
    for (double u : {RandomStream::ToUnit(0), RandomStream::ToUnit(~uint64_t{0})}) {
      EXPECT_TRUE(std::isfinite(known.distribution.Sample(u))) << known.distribution.ToString();
      EXPECT_GE(known.distribution.Sample(u), 0) << known.distribution.ToString();
    }
    EXPECT_NEAR(known.distribution.Mean(), known.mean, 1e-12 * known.mean);
  }
}

// Common random numbers need it. A hyperexponential is monotone only within each branch.
TEST(Distribution, SampleIsMonotone) {
  for (const Known& known : KnownDistributions()) {
    if (known.cdf == nullptr) continue;
    double previous = 0;
    for (int i = 1; i < 1000; ++i) {
      const double now = known.distribution.Sample(i / 1000.0);
      ASSERT_GE(now, previous) << known.distribution.ToString();
      previous = now;
    }
  }
}

// With n samples the mean has standard deviation sqrt(variance / n); 4 of them are left with
// probability 6e-5.
TEST(Distribution, SampleMeansConverge) {
  constexpr int kSamples = 200'000;
  uint32_t id = 0;
  for (const Known& known : KnownDistributions()) {
    const RandomStream stream(1, StreamPurpose::kServiceTime, id++);
    double sum = 0;
    for (int i = 0; i < kSamples; ++i) sum += known.distribution.Sample(stream.Uniform(i));
    EXPECT_NEAR(sum / kSamples, known.mean, 4 * std::sqrt(known.variance / kSamples))
        << known.distribution.ToString();
  }
}

TEST(Distribution, BoundedParetoMeanIsSmoothAtShapeOne) {
  // l h / (h - l) log(h / l) at shape 1.
  const double at_one = 1 * 100.0 / 99 * std::log(100.0);
  EXPECT_NEAR(Distribution::BoundedPareto(1, 100, 1).Mean(), at_one, 1e-13);
  for (double off : {1e-13, 1e-10, 1e-7}) {
    EXPECT_NEAR(Distribution::BoundedPareto(1, 100, 1 + off).Mean(), at_one, 20 * off + 1e-13);
    EXPECT_NEAR(Distribution::BoundedPareto(1, 100, 1 - off).Mean(), at_one, 20 * off + 1e-13);
  }
}

TEST(Distribution, BurrWithoutMeanSaysSo) {
  EXPECT_EQ(Distribution::Burr(1, 1, 5).Mean(), std::numeric_limits<double>::infinity());
  EXPECT_EQ(Distribution::Burr(0.5, 1.5, 5).Mean(), std::numeric_limits<double>::infinity());
}

// Memory of Azure applications (Shahrad et al., ATC'20): the integral of the survival function
// by Simpson's rule after x = scale * t, up to t = 1000, and the rest by its leading power.
TEST(Distribution, BurrMeanByIntegration) {
  const double c = 11.652, k = 0.221, scale = 107.083;
  const auto survival = [&](double t) { return std::pow(1 + std::pow(t, c), -k); };
  double integral = 0;
  const auto simpson = [&](double a, double b, int n) {
    const double h = (b - a) / n;
    double sum = survival(a) + survival(b);
    for (int i = 1; i < n; ++i) sum += survival(a + h * i) * (i % 2 == 1 ? 4 : 2);
    return sum * h / 3;
  };
  integral += simpson(0, 4, 40'000) + simpson(4, 1000, 400'000);
  integral += std::pow(1000.0, 1 - c * k) / (c * k - 1);
  EXPECT_NEAR(Distribution::Burr(c, k, scale).Mean(), scale * integral, 1e-6 * scale);
}

TEST(Distribution, LognormalFromMomentsHasThem) {
  // Cold starts in Huawei's public regions: mean 3.24 s, sd 7.10 s.
  const Distribution d = Distribution::LognormalFromMoments(3.24, 7.10);
  EXPECT_NEAR(d.Mean(), 3.24, 1e-14);
  const double mu = d.parameters()[0], sigma = d.parameters()[1];
  const double variance = std::expm1(sigma * sigma) * std::exp(2 * mu + sigma * sigma);
  EXPECT_NEAR(std::sqrt(variance), 7.10, 1e-13);
  EXPECT_EQ(Distribution::LognormalFromMoments(5, 0).Sample(0.3),
            Distribution::Lognormal(Distribution::LognormalFromMoments(5, 0).parameters()[0], 0)
                .Sample(0.9));
}

TEST(Distribution, ScaledMultipliesEveryValue) {
  for (const Known& known : KnownDistributions()) {
    const Distribution scaled = known.distribution.Scaled(2.5);
    EXPECT_EQ(scaled.kind(), known.distribution.kind());
    for (double u : {0.01, 0.3, 0.5, 0.9, 0.999}) {
      const double expected = 2.5 * known.distribution.Sample(u);
      EXPECT_NEAR(scaled.Sample(u), expected, 1e-13 * expected) << scaled.ToString();
    }
    EXPECT_EQ(known.distribution.Scaled(0), Distribution::Constant(0));
  }
  EXPECT_EQ(Distribution::Constant(4).Scaled(0.5), Distribution::Constant(2));
}

TEST(Distribution, TextRoundTrip) {
  for (const Known& known : KnownDistributions()) {
    const auto parsed = Distribution::Parse(known.distribution.ToString());
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, known.distribution);
    const auto rebuilt =
        Distribution::FromParameters(known.distribution.kind(), known.distribution.parameters());
    ASSERT_TRUE(rebuilt.ok());
    EXPECT_EQ(*rebuilt, known.distribution);
  }
  // Every digit survives.
  const Distribution third = Distribution::Exponential(1.0 / 3);
  EXPECT_EQ(*Distribution::Parse(third.ToString()), third);
}

TEST(Distribution, ParseReadsWhatPeopleWrite) {
  EXPECT_EQ(*Distribution::Parse("12.5"), Distribution::Constant(12.5));
  EXPECT_EQ(*Distribution::Parse("  exponential( mean = 3 ) "), Distribution::Exponential(3));
  EXPECT_EQ(*Distribution::Parse("uniform(high=6, low=2)"), Distribution::Uniform(2, 6));
  EXPECT_EQ(*Distribution::Parse("lognormal(mean=3, sd=1)"),
            Distribution::LognormalFromMoments(3, 1));
  EXPECT_EQ(*Distribution::Parse("lognormal(sd=1, mean=3)"),
            Distribution::LognormalFromMoments(3, 1));
  EXPECT_EQ(*Distribution::Parse("lognormal(sigma=1, mu=-3)"), Distribution::Lognormal(-3, 1));
}

std::string ErrorOf(const char* text) {
  const auto parsed = Distribution::Parse(text);
  EXPECT_FALSE(parsed.ok()) << text;
  return MessageOf(parsed.status());
}

TEST(Distribution, ParseRefusesAndSaysWhatIsAllowed) {
  for (const char* text :
       {"", "(", ")", "gauss(mu=1)", "exponential", "exponential(3)", "exponential(mean=)",
        "exponential(mean=x)", "exponential(mean=1", "exponential(mean=1) x", "exponential()",
        "exponential(mean=1, mean=2)", "uniform(low=1)", "uniform(low=1, high=2, extra=3)",
        "exponential(mean=1e999)", "nan", "inf", "quantiles(a=1, 1=2)"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("is not a distribution; write a number, or one of"))
        << text;
  }
  EXPECT_EQ(ErrorOf("-3"), "a duration or size cannot be negative");
  EXPECT_EQ(ErrorOf("uniform(low=3, high=2)"), "uniform needs 0 <= low <= high");
  EXPECT_EQ(ErrorOf("uniform(low=-1, high=2)"), "uniform needs 0 <= low <= high");
  EXPECT_EQ(ErrorOf("exponential(mean=-1)"), "a duration or size cannot be negative");
  EXPECT_EQ(ErrorOf("lognormal(mu=1, sigma=-1)"), "lognormal needs sigma >= 0");
  EXPECT_THAT(ErrorOf("lognormal(mu=800, sigma=1)"), HasSubstr("too large"));
  EXPECT_THAT(ErrorOf("lognormal(mean=0, sd=1)"), HasSubstr("lognormal needs mean > 0"));
  EXPECT_THAT(ErrorOf("lognormal(mean=1e-300, sd=1e300)"), HasSubstr("lognormal needs mean > 0"));
  EXPECT_EQ(ErrorOf("bounded_pareto(low=0, high=2, alpha=1)"),
            "bounded_pareto needs 0 < low <= high and alpha > 0");
  EXPECT_EQ(ErrorOf("hyperexponential(p=1.5, mean_a=1, mean_b=1)"),
            "hyperexponential needs 0 <= p <= 1 and means >= 0");
  EXPECT_EQ(ErrorOf("burr(c=0, k=1, scale=1)"), "burr needs c, k and scale above 0");
  EXPECT_EQ(ErrorOf("quantiles(0=1)"), "a quantile list needs 2 to 8 points");
  EXPECT_EQ(ErrorOf("quantiles()"), "a quantile list needs 2 to 8 points");
  EXPECT_EQ(ErrorOf("quantiles(0.1=1, 1=2)"),
            "a quantile list starts at probability 0 and ends at 1");
  EXPECT_EQ(ErrorOf("quantiles(0=1, 0.5=3, 1=2)"),
            "quantiles must rise with their probability and not be negative");
  EXPECT_EQ(ErrorOf("quantiles(0=1, 0.5=2, 0.5=3, 1=4)"),
            "quantiles must rise with their probability and not be negative");
}

TEST(Distribution, FromParametersRefusesWhatDoesNotFit) {
  const auto error = [](Distribution::Kind kind, std::vector<double> p) {
    return MessageOf(Distribution::FromParameters(kind, p).status());
  };
  using Kind = Distribution::Kind;
  EXPECT_EQ(error(Kind::kConstant, {}), "wrong number of distribution parameters");
  EXPECT_EQ(error(Kind::kUniform, {1, 2, 3}), "wrong number of distribution parameters");
  EXPECT_EQ(error(Kind::kConstant, {NAN}), "distribution parameters must be finite");
  EXPECT_EQ(error(Kind::kQuantiles, {0, 1, 1}), "quantiles come as probability=value pairs");
  EXPECT_EQ(error(Kind::kQuantiles, std::vector<double>(100, 0.0)),
            "a quantile list needs 2 to 8 points");
  EXPECT_EQ(error(static_cast<Kind>(200), {1}), "unknown kind of distribution");
}

}  // namespace
}  // namespace reeve
