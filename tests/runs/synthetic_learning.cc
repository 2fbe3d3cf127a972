#include "tests/runs/synthetic_learning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

constexpr int kSeeds = 4, kIterations = 120;
constexpr const char* kFunctions[] = {"checkout", "thumbnails", "search-index", "mailer", "export"};

// Steep at first, then flat.
double Learnt(int iteration, double time) {
  return 1 - std::exp(-iteration / time);
}

struct Variant {
  const char* name;
  bool trained;
  double speed, start, end;  // of its returns
  double slowness;           // of its p99 against the best
};
constexpr Variant kVariants[] = {{"MA-PPO", true, 18, -70, -12, 1.0},
                                 {"S-RL", true, 30, -75, -38, 2.6},
                                 {"S-RL alone", true, 14, -60, -15, 1.15},
                                 {"kpa", false, 1, 0, 0, 1.6}};

Json Run(const Variant& variant, int seed, double load, RandomCursor& random) {
  Json run = {{"seed", seed},
              {"latency_p99_ms", 240 * load * variant.slowness * (1 + 0.06 * random.Normal())},
              {"slo_violation_share", 0.012 * variant.slowness * (1 + 0.1 * random.Normal())},
              {"gb_seconds", 5200 * load * (1 + 0.03 * random.Normal())},
              {"replica_changes_per_hour", 210 / variant.slowness * (1 + 0.05 * random.Normal())},
              {"actor_parameters", variant.trained ? Json(6021) : Json()},
              {"final_return", variant.trained ? Json(variant.end + random.Normal()) : Json()},
              {"functions", Json::array()},
              {"steps", Json::array()},
              {"returns", Json::array()}};
  for (size_t f = 0; f < std::size(kFunctions); ++f) {
    const double size = 1 + 0.55 * static_cast<double>(f);
    run["functions"].push_back(
        {{"name", kFunctions[f]},
         {"requests", 36000},
         {"latency_p99_ms", 120 * size * load * variant.slowness * (1 + 0.08 * random.Normal())},
         {"slo_violation_share", std::max(0.0, 0.01 * variant.slowness + 0.002 * random.Normal())},
         {"gb_seconds", 1000 * size * (1 + 0.03 * random.Normal())},
         {"cold_start_share", 0.004 * variant.slowness * (1 + 0.1 * random.Normal())}});
    if (!variant.trained) continue;
    Json curve = Json::array();
    for (int i = 0; i < kIterations; ++i) {
      const double level = variant.start + (variant.end - variant.start) *
                                               Learnt(i, variant.speed * (0.8 + 0.2 * size));
      curve.push_back(i == 0 ? Json() : Json(level + 3 * random.Normal()));
    }
    run["returns"].push_back(std::move(curve));
  }
  for (int i = 0; variant.trained && i < kIterations; ++i) run["steps"].push_back(5000 * (i + 1));
  return run;
}

}  // namespace

std::string SyntheticTrainingLog(int iterations, int agents) {
  RandomCursor random(RandomStream(1, StreamPurpose::kGenerator, 0));
  std::string out = "iteration,step,name,value\n";
  for (int i = 1; i <= iterations; ++i) {
    const double learnt = Learnt(i, iterations / 4.0);
    const auto add = [&](const std::string& name, double value) {
      out += fmt::format("{},{},{},{:.9g}\n", i, 10'000 * i, name, value);
    };
    add("return/mean", -80 + 65 * learnt + 2 * random.Normal());
    for (int n = 0; n < agents; ++n) {
      add(fmt::format("return/f{}", n), -90 + 70 * learnt + 3 * n % 29 + 3 * random.Normal());
    }
    add("slo/violation_share", 0.3 * (1 - learnt) + 0.01 + 0.003 * random.Uniform());
    add("cost/gb_seconds", 900 - 250 * learnt + 12 * random.Normal());
    add("cost/replica_changes", 160 - 90 * learnt + 5 * random.Normal());
    add("loss/policy", -0.01 + 0.004 * random.Normal());
    add("loss/value", 4 * (1 - learnt) + 0.3 + 0.05 * random.Uniform());
    add("policy/entropy", 1.6 - 0.9 * learnt + 0.02 * random.Normal());
    add("policy/kl", 0.008 + 0.003 * random.Uniform());
    add("policy/clip_fraction", 0.12 + 0.03 * random.Uniform());
    add("value/explained_variance", 0.9 * learnt + 0.03 * random.Normal());
    add("schedule/learning_rate", 3e-4 * (1 - static_cast<double>(i) / iterations));
    add("schedule/entropy", 0.01 * (1 - static_cast<double>(i) / iterations));
    add("rate/agent_steps_per_second", 61'000 + 900 * random.Normal());
  }
  return out;
}

Json SyntheticStudy() {
  RandomCursor random(RandomStream(2, StreamPurpose::kGenerator, 0));
  Json study = {{"format", "reeve-learning-study"},
                {"version", 1},
                {"name", "five_tenants"},
                {"title", "Agents of their own against one for all"},
                {"level", 0.95},
                {"rows", Json::array()},
                {"ratios", Json::array()}};
  for (const auto& [scenario, load] : {std::pair("bursty", 2.2), std::pair("steady", 1.0)}) {
    for (const Variant& variant : kVariants) {
      Json row = {{"scenario", scenario}, {"variant", variant.name}, {"runs", Json::array()}};
      for (int seed = 1; seed <= kSeeds; ++seed) {
        row["runs"].push_back(Run(variant, seed, load, random));
      }
      study["rows"].push_back(std::move(row));
    }
    for (const auto& [ratio, level, reference] :
         {std::tuple("S-RL / S-RL alone", 2.3, 1), std::tuple("MA-PPO over S-RL alone", -0.1, 0)}) {
      for (const char* function :
           {"checkout", "thumbnails", "search-index", "mailer", "export", ""}) {
        const double value = level * (1 + 0.2 * random.Normal());
        study["ratios"].push_back({{"scenario", scenario},
                                   {"ratio", ratio},
                                   {"function", function},
                                   {"reference", reference},
                                   {"value", value},
                                   {"low", value - 0.08},
                                   {"high", value + 0.11}});
      }
    }
  }
  return study;
}

}  // namespace reeve
