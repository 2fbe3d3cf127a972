// The control loop on Knative under hundreds of random faults (docs/chaos.md). The same with the
// real programs: scripts/test-live chaos. REEVE_CHAOS_FAULTS and REEVE_CHAOS_SEED run more, or
// others.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "tests/controller/chaos/chaos_run.h"

namespace reeve {
namespace {

int NumberFrom(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

double Quantile(const std::vector<double>& sorted, double q) {
  const auto at = static_cast<size_t>(q * static_cast<double>(sorted.size() - 1) + 0.5);
  return sorted[at];
}

void Print(const ChaosResult& result) {
  fmt::print("{:<26} {:>7} {:>8} {:>8} {:>8}\n", "recovery, in periods", "faults", "median", "p99",
             "worst");
  std::vector<double> all;
  const auto line = [](std::string_view name, std::vector<double> periods) {
    std::sort(periods.begin(), periods.end());
    fmt::print("{:<26} {:>7} {:>8.2f} {:>8.2f} {:>8.2f}\n", name, periods.size(),
               Quantile(periods, 0.5), Quantile(periods, 0.99), periods.back());
  };
  for (const auto& [kind, periods] : result.recovery_periods) {
    line(NameOf(kind), periods);
    all.insert(all.end(), periods.begin(), periods.end());
  }
  if (!all.empty()) line("all", all);
  fmt::print(
      "{} ticks; functions held {} times, fallen back {}, handed back {}; {} changes of scale, all "
      "within bounds; {} windows and {} decisions in the store; fingerprint {:016x}\n",
      result.ticks, result.held, result.fallen_back, result.handed_back, result.changes,
      result.windows, result.decisions, result.fingerprint);
}

TEST(ChaosTest, HundredsOfFaultsDoNoHarmAndAreRecoveredFromWithinTwoPeriods) {
  ChaosOptions options;
  options.seed = static_cast<uint64_t>(NumberFrom("REEVE_CHAOS_SEED", 1));
  options.faults = NumberFrom("REEVE_CHAOS_FAULTS", 200);
  options.folder = fmt::format("{}/reeve_chaos_{}", ::testing::TempDir(), ::getpid());
  std::filesystem::create_directories(options.folder);
  ChaosRun run(options);
  const ChaosResult result = run.Run();
  Print(result);
  for (const std::string& complaint : result.complaints) ADD_FAILURE() << complaint;
  EXPECT_EQ(result.faults, static_cast<uint64_t>(options.faults));
  // It was a trial.
  if (options.faults >= 200) {
    EXPECT_GT(result.held, 20u);
    EXPECT_GT(result.fallen_back, 20u);
    EXPECT_GT(result.handed_back, 3u);
    EXPECT_GT(result.restarts, 4u);
    EXPECT_GT(result.changes, 200u);
  }
  std::filesystem::remove_all(options.folder);
}

// Nothing depends on how fast the machine is, or on whose thread runs first.
TEST(ChaosTest, TheSameSeedIsTheSameRun) {
  uint64_t fingerprints[2] = {};
  for (int i = 0; i < 2; ++i) {
    ChaosOptions options;
    options.seed = 7;
    options.faults = 12;
    options.folder = fmt::format("{}/reeve_chaos_{}_{}", ::testing::TempDir(), ::getpid(), i);
    std::filesystem::create_directories(options.folder);
    ChaosRun run(options);
    fingerprints[i] = run.Run().fingerprint;
    std::filesystem::remove_all(options.folder);
  }
  EXPECT_EQ(fingerprints[0], fingerprints[1]);
}

}  // namespace
}  // namespace reeve
