// The page of one run, or of several side by side: one HTML file that needs nothing else, opens
// without a network, and reads in light and dark, on wide and narrow screens, with mouse and keys.
#pragma once

#include <span>
#include <string>

#include "absl/status/status.h"
#include "runs/run_data.h"

namespace reeve {

// The page. Time series are thinned to what a screen can show (at most 1440 points for the run, 120
// per function): counts and means keep their mean over a point, percentiles their highest value.
// REQUIRES: at least one run.
std::string ReportPage(std::span<const RunData> runs);

absl::Status WriteReportPage(std::span<const RunData> runs, const std::string& path);

}  // namespace reeve
