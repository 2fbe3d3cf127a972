#include "core/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

#include "core/check.h"
#include "core/portable_math.h"

namespace reeve {
namespace {

using Kind = Distribution::Kind;

struct KindInfo {
  Kind kind;
  std::string_view name;
  std::vector<std::string_view> parameters;
};

const std::vector<KindInfo>& Kinds() {
  static const std::vector<KindInfo> kinds = {
      {Kind::kConstant, "constant", {"value"}},
      {Kind::kUniform, "uniform", {"low", "high"}},
      {Kind::kExponential, "exponential", {"mean"}},
      {Kind::kLognormal, "lognormal", {"mu", "sigma"}},
      {Kind::kBoundedPareto, "bounded_pareto", {"low", "high", "alpha"}},
      {Kind::kHyperexponential, "hyperexponential", {"p", "mean_a", "mean_b"}},
      {Kind::kBurr, "burr", {"c", "k", "scale"}},
  };
  return kinds;
}

// Below it neither the mean of a lognormal nor any of its samples overflows: a sample's logarithm
// is at most mu + 8.3 sigma, which exceeds mu + sigma^2 / 2 by at most 8.3^2 / 2 = 34.5.
constexpr double kMaxLogMean = 670;

double Power(double base, double exponent) {
  return PortableExp(exponent * PortableLog(base));
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool ParseDouble(std::string_view text, double& value) {
  text = Trim(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

absl::Status BadForm(std::string_view text) {
  return absl::InvalidArgumentError(fmt::format(
      "'{}' is not a distribution; write a number, or one of constant(value=…), uniform(low=…, "
      "high=…), exponential(mean=…), lognormal(mu=…, sigma=…), lognormal(mean=…, sd=…), "
      "bounded_pareto(low=…, high=…, alpha=…), hyperexponential(p=…, mean_a=…, mean_b=…), "
      "burr(c=…, k=…, scale=…), quantiles(0=…, 0.5=…, 1=…)",
      text));
}

}  // namespace

Distribution::Distribution(Kind kind, std::initializer_list<double> parameters)
    : kind_(kind), size_(static_cast<uint8_t>(parameters.size())) {
  std::copy(parameters.begin(), parameters.end(), parameters_.begin());
}

Distribution Distribution::Constant(double value) {
  REEVE_CHECK(value >= 0);
  return Distribution(Kind::kConstant, {value});
}
Distribution Distribution::Uniform(double low, double high) {
  REEVE_CHECK(0 <= low && low <= high);
  return Distribution(Kind::kUniform, {low, high});
}
Distribution Distribution::Exponential(double mean) {
  REEVE_CHECK(mean >= 0);
  return Distribution(Kind::kExponential, {mean});
}
Distribution Distribution::Lognormal(double mu, double sigma) {
  REEVE_CHECK(sigma >= 0);
  return Distribution(Kind::kLognormal, {mu, sigma});
}
Distribution Distribution::LognormalFromMoments(double mean, double sd) {
  REEVE_CHECK(mean > 0 && sd >= 0);
  const double variance = PortableLog(1 + (sd / mean) * (sd / mean));
  return Lognormal(PortableLog(mean) - variance / 2, std::sqrt(variance));
}
Distribution Distribution::BoundedPareto(double low, double high, double alpha) {
  REEVE_CHECK(0 < low && low <= high && alpha > 0);
  return Distribution(Kind::kBoundedPareto, {low, high, alpha});
}
Distribution Distribution::Hyperexponential(double p, double mean_a, double mean_b) {
  REEVE_CHECK(0 <= p && p <= 1 && mean_a >= 0 && mean_b >= 0);
  return Distribution(Kind::kHyperexponential, {p, mean_a, mean_b});
}
Distribution Distribution::Burr(double c, double k, double scale) {
  REEVE_CHECK(c > 0 && k > 0 && scale > 0);
  return Distribution(Kind::kBurr, {c, k, scale});
}

absl::StatusOr<Distribution> Distribution::Quantiles(std::span<const double> probabilities,
                                                     std::span<const double> values) {
  const size_t n = probabilities.size();
  if (n != values.size() || n < 2 || n > kMaxQuantiles) {
    return absl::InvalidArgumentError(
        fmt::format("a quantile list needs 2 to {} points", kMaxQuantiles));
  }
  if (probabilities.front() != 0 || probabilities.back() != 1) {
    return absl::InvalidArgumentError("a quantile list starts at probability 0 and ends at 1");
  }
  Distribution d(Kind::kQuantiles, {});
  d.size_ = static_cast<uint8_t>(2 * n);
  for (size_t i = 0; i < n; ++i) {
    const bool first = i == 0;
    if (!std::isfinite(values[i]) || values[i] < 0 ||
        (!first && (!(probabilities[i] > probabilities[i - 1]) || values[i] < values[i - 1]))) {
      return absl::InvalidArgumentError(
          "quantiles must rise with their probability and not be negative");
    }
    d.parameters_[2 * i] = probabilities[i];
    d.parameters_[2 * i + 1] = values[i];
  }
  return d;
}

double Distribution::Sample(double u) const {
  const auto& p = parameters_;
  switch (kind_) {
    case Kind::kConstant:
      return p[0];
    case Kind::kUniform:
      return p[0] + (p[1] - p[0]) * u;
    case Kind::kExponential:
      return -p[0] * PortableLog(1 - u);
    case Kind::kLognormal:
      return PortableExp(p[0] + p[1] * NormalQuantile(u));
    case Kind::kBoundedPareto: {
      const double ratio = Power(p[0] / p[1], p[2]);
      return p[0] * Power(1 - u * (1 - ratio), -1 / p[2]);
    }
    case Kind::kHyperexponential:
      // Which branch and where in it both come from u: u below p means branch a.
      return u < p[0] ? -p[1] * PortableLog(1 - u / p[0])
                      : -p[2] * PortableLog(1 - (u - p[0]) / (1 - p[0]));
    case Kind::kBurr:
      return p[2] * Power(Power(1 - u, -1 / p[1]) - 1, 1 / p[0]);
    case Kind::kQuantiles: {
      int i = 2;
      while (i + 2 < size_ && u > p[i]) i += 2;
      const double fraction = (u - p[i - 2]) / (p[i] - p[i - 2]);
      return p[i - 1] + (p[i + 1] - p[i - 1]) * fraction;
    }
  }
  return 0;
}

double Distribution::Mean() const {
  const auto& p = parameters_;
  switch (kind_) {
    case Kind::kConstant:
    case Kind::kExponential:
      return p[0];
    case Kind::kUniform:
      return (p[0] + p[1]) / 2;
    case Kind::kLognormal:
      return PortableExp(p[0] + p[1] * p[1] / 2);
    case Kind::kBoundedPareto: {
      const double l = p[0], h = p[1], a = p[2];
      if (l == h) return l;
      const double log_ratio = PortableLog(l / h);
      const double mass = -PortableExpm1(a * log_ratio);
      // a l / mass * (1 - (l/h)^(a-1)) / (a - 1), whose last factor tends to log(h/l) at a = 1.
      const double last = a == 1 ? -log_ratio : -PortableExpm1((a - 1) * log_ratio) / (a - 1);
      return a * l / mass * last;
    }
    case Kind::kHyperexponential:
      return p[0] * p[1] + (1 - p[0]) * p[2];
    case Kind::kBurr:
      if (p[0] * p[1] <= 1) return std::numeric_limits<double>::infinity();
      return p[2] * p[1] *
             PortableExp(PortableLogGamma(p[1] - 1 / p[0]) + PortableLogGamma(1 + 1 / p[0]) -
                         PortableLogGamma(p[1] + 1));
    case Kind::kQuantiles: {
      double mean = 0;
      for (int i = 2; i < size_; i += 2) {
        mean += (p[i] - p[i - 2]) * (p[i + 1] + p[i - 1]) / 2;
      }
      return mean;
    }
  }
  return 0;
}

Distribution Distribution::Scaled(double factor) const {
  REEVE_CHECK(factor >= 0);
  if (factor == 0) return Constant(0);
  Distribution d = *this;
  auto& p = d.parameters_;
  switch (kind_) {
    case Kind::kConstant:
    case Kind::kExponential:
      p[0] *= factor;
      break;
    case Kind::kUniform:
    case Kind::kBoundedPareto:
      p[0] *= factor;
      p[1] *= factor;
      break;
    case Kind::kLognormal:
      p[0] += PortableLog(factor);
      break;
    case Kind::kHyperexponential:
      p[1] *= factor;
      p[2] *= factor;
      break;
    case Kind::kBurr:
      p[2] *= factor;
      break;
    case Kind::kQuantiles:
      for (int i = 1; i < size_; i += 2) p[i] *= factor;
      break;
  }
  return d;
}

std::string Distribution::ToString() const {
  if (kind_ == Kind::kQuantiles) {
    std::string text = "quantiles(";
    for (int i = 0; i < size_; i += 2) {
      text += fmt::format("{}{}={}", i == 0 ? "" : ", ", parameters_[i], parameters_[i + 1]);
    }
    return text + ")";
  }
  for (const KindInfo& info : Kinds()) {
    if (info.kind != kind_) continue;
    std::string text = fmt::format("{}(", info.name);
    for (size_t i = 0; i < info.parameters.size(); ++i) {
      text += fmt::format("{}{}={}", i == 0 ? "" : ", ", info.parameters[i], parameters_[i]);
    }
    return text + ")";
  }
  return "";
}

absl::StatusOr<Distribution> Distribution::FromParameters(Kind kind, std::span<const double> p) {
  const auto bad = [&](std::string_view what) {
    return absl::InvalidArgumentError(std::string(what));
  };
  for (double x : p) {
    if (!std::isfinite(x)) return bad("distribution parameters must be finite");
  }
  if (kind == Kind::kQuantiles) {
    if (p.size() % 2 != 0) return bad("quantiles come as probability=value pairs");
    std::vector<double> probabilities, values;
    for (size_t i = 0; i < p.size(); i += 2) {
      probabilities.push_back(p[i]);
      values.push_back(p[i + 1]);
    }
    return Quantiles(probabilities, values);
  }
  for (const KindInfo& info : Kinds()) {
    if (info.kind != kind) continue;
    if (p.size() != info.parameters.size()) return bad("wrong number of distribution parameters");
    switch (kind) {
      case Kind::kConstant:
      case Kind::kExponential:
        if (p[0] < 0) return bad("a duration or size cannot be negative");
        break;
      case Kind::kUniform:
        if (!(0 <= p[0] && p[0] <= p[1])) return bad("uniform needs 0 <= low <= high");
        break;
      case Kind::kLognormal:
        if (p[1] < 0) return bad("lognormal needs sigma >= 0");
        if (p[0] + p[1] * p[1] / 2 > kMaxLogMean) {
          return bad("lognormal with this mu and sigma has a mean too large to be a number");
        }
        break;
      case Kind::kBoundedPareto:
        if (!(0 < p[0] && p[0] <= p[1] && p[2] > 0)) {
          return bad("bounded_pareto needs 0 < low <= high and alpha > 0");
        }
        break;
      case Kind::kHyperexponential:
        if (!(0 <= p[0] && p[0] <= 1 && p[1] >= 0 && p[2] >= 0)) {
          return bad("hyperexponential needs 0 <= p <= 1 and means >= 0");
        }
        break;
      case Kind::kBurr:
        if (!(p[0] > 0 && p[1] > 0 && p[2] > 0)) return bad("burr needs c, k and scale above 0");
        break;
      case Kind::kQuantiles:
        break;
    }
    Distribution d(kind, {});
    d.size_ = static_cast<uint8_t>(p.size());
    std::copy(p.begin(), p.end(), d.parameters_.begin());
    return d;
  }
  return bad("unknown kind of distribution");
}

absl::StatusOr<Distribution> Distribution::Parse(std::string_view text) {
  const std::string_view whole = Trim(text);
  if (double value; ParseDouble(whole, value)) {
    return FromParameters(Kind::kConstant, std::array{value});
  }
  const size_t open = whole.find('(');
  if (open == std::string_view::npos || whole.back() != ')') return BadForm(whole);
  const std::string_view name = Trim(whole.substr(0, open));
  std::string_view inside = whole.substr(open + 1, whole.size() - open - 2);
  std::vector<std::pair<std::string_view, double>> arguments;
  while (!Trim(inside).empty()) {
    const size_t comma = std::min(inside.find(','), inside.size());
    const std::string_view argument = inside.substr(0, comma);
    inside.remove_prefix(std::min(comma + 1, inside.size()));
    const size_t equals = argument.find('=');
    double value;
    if (equals == std::string_view::npos || !ParseDouble(argument.substr(equals + 1), value)) {
      return BadForm(whole);
    }
    arguments.emplace_back(Trim(argument.substr(0, equals)), value);
  }
  if (name == "quantiles") {
    std::vector<double> pairs;
    for (const auto& [key, value] : arguments) {
      double probability;
      if (!ParseDouble(key, probability)) return BadForm(whole);
      pairs.push_back(probability);
      pairs.push_back(value);
    }
    return FromParameters(Kind::kQuantiles, pairs);
  }
  if (name == "lognormal" && arguments.size() == 2) {
    std::sort(arguments.begin(), arguments.end());
    if (arguments[0].first == "mean" && arguments[1].first == "sd") {
      const double mean = arguments[0].second, sd = arguments[1].second;
      if (!(mean > 0 && sd >= 0 && sd / mean < 1e100)) {
        return absl::InvalidArgumentError(
            "lognormal needs mean > 0 and sd >= 0, sd / mean < 1e100");
      }
      return FromParameters(Kind::kLognormal, LognormalFromMoments(mean, sd).parameters());
    }
  }
  for (const KindInfo& info : Kinds()) {
    if (info.name != name) continue;
    std::vector<double> parameters;
    for (std::string_view wanted : info.parameters) {
      const auto found = std::find_if(arguments.begin(), arguments.end(),
                                      [&](const auto& a) { return a.first == wanted; });
      if (found == arguments.end()) return BadForm(whole);
      parameters.push_back(found->second);
    }
    if (arguments.size() != parameters.size()) return BadForm(whole);
    return FromParameters(info.kind, parameters);
  }
  return BadForm(whole);
}

}  // namespace reeve
