#include "runs/cell_store.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/files.h"
#include "core/status.h"
#include "runs/fields.h"
#include "traces/workload.h"

namespace reeve {
namespace {

// Where a trained policy lies does not matter, but what is in its file does.
absl::StatusOr<std::string> KeyOf(const CellTrace& trace, SimulationConfig config) {
  if (config.policy.Uses("learned")) {
    std::string& checkpoint = config.policy.learned.checkpoint;
    ASSIGN_OR_RETURN(const std::string bytes, ReadFile(checkpoint));
    checkpoint = fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
  }
  return fmt::format("{:016x}\n{}", trace.fingerprint, WriteConfig(config));
}

}  // namespace

CellTrace::CellTrace(Trace what) : trace(std::move(what)), fingerprint(Fingerprint(trace)) {}

absl::StatusOr<CellStore> CellStore::Open(const std::string& folder) {
  ASSIGN_OR_RETURN(JsonStore store, JsonStore::Open(folder));
  return CellStore(std::move(store));
}

absl::StatusOr<RunSummary> CellStore::Get(const CellTrace& trace, const SimulationConfig& config,
                                          const std::function<bool()>& stop) {
  SimulationConfig wanted = config;
  wanted.trace.clear();
  wanted.function_intervals = FunctionIntervals::kNone;
  ASSIGN_OR_RETURN(const std::string key, KeyOf(trace, wanted));

  RunSummary summary;
  const auto run = [&]() -> absl::StatusOr<nlohmann::ordered_json> {
    ASSIGN_OR_RETURN(RunData data,
                     RunSimulation(trace.trace, wanted, 1,
                                   {.on_period = {}, .stop = stop, .on_invocation = {}}));
    if (!data.summary.complete) return absl::CancelledError("interrupted");
    data.summary.host = {};
    return ToJson(data.summary);
  };
  const auto usable = [&](const nlohmann::ordered_json& json) {
    RunSummary read;
    return FromJson(nlohmann::json(json), read).empty();
  };
  ASSIGN_OR_RETURN(const nlohmann::ordered_json json, store_.Get("simulation", key, run, usable));
  REEVE_CHECK(FromJson(nlohmann::json(json), summary).empty());
  return summary;
}

}  // namespace reeve
