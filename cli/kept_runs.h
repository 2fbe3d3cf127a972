// What experiments do around runs that are kept one by one: progress, what is said when they are
// ended, and how many there were.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "agents/nn/blas_check.h"
#include "core/human.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "runs/json_store.h"

namespace reeve {

using ReportRuns = std::function<void(size_t done, size_t planned)>;  // any thread

// Calls `run` with a progress bar of that name, interruptible, on one thread of math. When it was
// cancelled the error says that the runs that ended are in `out`.
template <class Results>
absl::StatusOr<Results> KeepRuns(const std::string& what, const std::string& out, bool quiet,
                                 JsonStore& store,
                                 const std::function<absl::StatusOr<Results>(ReportRuns)>& run) {
  WarnOnceAboutSlowBlas();
  SetSingleThreadedMath();
  HandleInterrupts();
  Progress progress({.what = what, .total = 0, .unit = "runs"},
                    {.mode = quiet ? Progress::Mode::kQuiet : Progress::Mode::kAuto});
  absl::StatusOr<Results> results = run([&](size_t done, size_t planned) {
    if (progress.Due()) {
      progress.Report(static_cast<double>(done), {{"planned", HumanCount(planned)}});
    }
  });
  progress.Finish(static_cast<double>(store.computed() + store.reused()), {});
  if (absl::IsCancelled(results.status())) {
    return absl::CancelledError(fmt::format(
        "interrupted; the runs that ended are kept in {}: the same command goes on there", out));
  }
  return results;
}

// "\n12 runs, 3 of them known already\nreport: …\n"
inline void PrintKeptRuns(const JsonStore& store, const std::string& report) {
  fmt::print("\n{} runs, {} of them known already\nreport: {}\n",
             HumanCount(store.computed() + store.reused()), HumanCount(store.reused()), report);
}

}  // namespace reeve
