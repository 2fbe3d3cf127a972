#include "tests/controller/live/decision_replay.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "agents/simulated_policies.h"
#include "controller/store/schema.h"
#include "controller/store/store_reader.h"
#include "controller/window_rows.h"

namespace reeve {
namespace {

// What the loop decided, by the windows that it decided on.
struct Decided {
  int64_t wall_us;
  std::string function, decider;
  std::optional<int64_t> replicas, memory_mib;
};

std::vector<Decided> ReadDecided(const std::string& store) {
  std::vector<Decided> all;
  absl::StatusOr<SqliteDb> db = OpenStoreForReading(store);
  EXPECT_TRUE(db.ok()) << db.status();
  if (!db.ok()) return all;
  auto statement = db->Prepare(
      "SELECT wall_us, f.id, decider, wished_replicas, wished_memory_mib FROM decisions "
      "JOIN functions f USING(function) ORDER BY wall_us, f.name");
  EXPECT_TRUE(statement.ok()) << statement.status();
  while (statement.ok()) {
    const auto row = statement->Step();
    EXPECT_TRUE(row.ok()) << row.status();
    if (!row.ok() || !*row) break;
    Decided& decided = all.emplace_back();
    decided.wall_us = statement->Int(0);
    decided.function = statement->Text(1);
    decided.decider = statement->Text(2);
    if (!statement->IsNull(3)) decided.replicas = statement->Int(3);
    if (!statement->IsNull(4)) decided.memory_mib = statement->Int(4);
  }
  return all;
}

bool Moves(const Decision& decision, const FunctionWindows& windows, size_t f) {
  return (decision.replicas &&
          static_cast<uint32_t>(*decision.replicas) != windows.replicas_asked[f]) ||
         (decision.memory_limit && *decision.memory_limit != windows.memory_limit[f]);
}

// Every function of the history, by when it is first met, with its first row.
struct Functions {
  std::vector<std::string> ids;
  FunctionWindows rows;
};

Functions FunctionsOf(const std::vector<PastWindow>& history) {
  Functions all;
  for (const PastWindow& past : history) {
    for (size_t row = 0; row < past.ids.size(); ++row) {
      if (std::find(all.ids.begin(), all.ids.end(), past.ids[row]) != all.ids.end()) continue;
      all.ids.push_back(past.ids[row]);
      all.rows.Resize(all.ids.size());
      CopyRow(past.snapshot.functions, row, all.rows, all.ids.size() - 1);
    }
  }
  return all;
}

// The rows of one window over those of the one before. The store leaves out who did nothing and has
// nothing: zeros, but for limits and objectives, which are what they were.
void Advance(const PastWindow& past, Functions& all) {
  const auto clear = [](auto& column) { std::fill(column.begin(), column.end(), 0); };
  VisitEventColumns(clear, all.rows);
  VisitMeasuredColumns(clear, all.rows);
  clear(all.rows.containers_ready);
  clear(all.rows.containers_starting);
  for (size_t row = 0; row < past.ids.size(); ++row) {
    const auto at = std::find(all.ids.begin(), all.ids.end(), past.ids[row]);
    CopyRow(past.snapshot.functions, row, all.rows, static_cast<size_t>(at - all.ids.begin()));
  }
}

}  // namespace

ReplayedDecisions ExpectDecisionsAsSimulated(const std::string& store, const PolicySpec& spec,
                                             const Trace& trace, const ClusterSpec& cluster,
                                             uint64_t seed) {
  ReplayedDecisions result;
  const auto history = ReadHistory(store, 100000);
  EXPECT_TRUE(history.ok()) << history.status();
  const auto policy = MakeSimulatedPolicy(spec, trace, cluster, {seed, {}});
  EXPECT_TRUE(policy.ok()) << policy.status();
  if (!history.ok() || !policy.ok()) return result;
  const std::vector<Decided> decided = ReadDecided(store);
  const size_t functions = trace.functions().size();
  Functions all = FunctionsOf(*history);
  EXPECT_EQ(all.ids.size(), functions);
  if (all.ids.size() != functions) return result;
  size_t next = 0;
  SimTime time;
  Snapshot snapshot;
  std::vector<Decision> decisions(functions);
  for (const PastWindow& past : *history) {
    time += past.snapshot.window;
    Advance(past, all);
    snapshot = past.snapshot;
    snapshot.functions = all.rows;
    snapshot.time = time;
    std::fill(decisions.begin(), decisions.end(), Decision{});
    const absl::Status done = (*policy)->Decide(snapshot, decisions);
    EXPECT_TRUE(done.ok()) << done;
    while (next < decided.size() && decided[next].wall_us < past.wall_us) ++next;
    for (; next < decided.size() && decided[next].wall_us == past.wall_us; ++next) {
      const auto at = std::find(all.ids.begin(), all.ids.end(), decided[next].function);
      EXPECT_NE(at, all.ids.end()) << decided[next].function;
      if (at == all.ids.end()) continue;
      const auto f = static_cast<size_t>(at - all.ids.begin());
      ++result.compared;
      if (decided[next].decider != "policy") continue;
      ++result.of_policy;
      EXPECT_EQ(decided[next].replicas, decisions[f].replicas) << past.wall_us << " " << f;
      std::optional<int64_t> memory_mib;
      if (decisions[f].memory_limit) memory_mib = decisions[f].memory_limit->value();
      EXPECT_EQ(decided[next].memory_mib, memory_mib) << past.wall_us << " " << f;
      result.moved += Moves(decisions[f], snapshot.functions, f);
    }
  }
  fmt::print("{} of {} decisions were the policy's, {} of them a change\n", result.of_policy,
             result.compared, result.moved);
  return result;
}

void PrintRun(const char* name, const RunSummary& run) {
  fmt::print(
      "{:>10}: {} requests, p50 {:.0f} p95 {:.0f} p99 {:.0f} ms, {:.1f} GB-s, "
      "{:.0f} container-s, {} cold starts, {} containers started\n",
      name, run.arrivals, run.latency_p50_ms.value_or(0), run.latency_p95_ms.value_or(0),
      run.latency_p99_ms.value_or(0), run.gb_seconds, run.container_seconds, run.cold_starts,
      run.containers_started);
}

}  // namespace reeve
