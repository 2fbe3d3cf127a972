// Results of simulations that stay on disk, so that an experiment or a search that was ended goes
// on where it was, with the same result as one that was not.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

// A folder with one small file per simulation, named by a checksum of all that its result follows
// from: trace, configuration, and the program itself. Files are written whole or not at all; one
// that cannot be read is as good as none. Thread-safe; several processes may share a folder.
class CellStore {
 public:
  // Makes the folder. An empty path: nothing is kept.
  static absl::StatusOr<CellStore> Open(const std::string& folder);
  CellStore(CellStore&& other) noexcept;

  // The summary of this simulation (host left empty): read if it is there, else run and kept.
  // `config.trace` does not matter. Cancelled when `stop` (may be empty; asked every control
  // period) ended the simulation.
  absl::StatusOr<RunSummary> Get(const CellTrace& trace, const SimulationConfig& config,
                                 const std::function<bool()>& stop);

  uint64_t simulated() const { return simulated_; }  // so far, by this object
  uint64_t reused() const { return reused_; }

 private:
  explicit CellStore(std::string folder);
  std::string FileOf(const CellTrace& trace, const SimulationConfig& config) const;

  std::string folder_;
  uint64_t program_ = 0;  // checksum of the program
  std::atomic<uint64_t> simulated_ = 0, reused_ = 0;
};

}  // namespace reeve
