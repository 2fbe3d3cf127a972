// Results of simulations that stay on disk, for experiments and searches.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runs/json_store.h"
#include "runs/run_data.h"
#include "runs/simulation.h"
#include "traces/trace.h"

namespace reeve {

// A trace with its checksum (traces/workload.h), computed once for all simulations of it.
struct CellTrace {
  explicit CellTrace(Trace what);
  Trace trace;
  uint64_t fingerprint;
};

// Summaries of simulations in a JsonStore. Thread-safe.
class CellStore {
 public:
  // Makes the folder. An empty path: nothing is kept.
  static absl::StatusOr<CellStore> Open(const std::string& folder);

  // The summary of this simulation (host left empty): read if it is there, else run and kept.
  // `config.trace` does not matter. Cancelled when `stop` (may be empty; asked every control
  // period) ended the simulation.
  absl::StatusOr<RunSummary> Get(const CellTrace& trace, const SimulationConfig& config,
                                 const std::function<bool()>& stop);

  JsonStore& store() { return store_; }                     // for results of other kinds
  uint64_t simulated() const { return store_.computed(); }  // so far, by this object
  uint64_t reused() const { return store_.reused(); }

 private:
  explicit CellStore(JsonStore store) : store_(std::move(store)) {}

  JsonStore store_;
};

}  // namespace reeve
