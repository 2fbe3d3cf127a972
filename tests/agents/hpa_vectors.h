// Runs test vectors of the Kubernetes HPA's behaviour limits, kept as JSON, against the rule.
//
//   {"rows": [{"name", "current", "desired", "min", "max", "up_rules", "down_rules",
//              "up_events_120s": […], "down_events_120s": […], "expect", "reason"}]}
//
// Rules: {"pods", "pods_period", "percent", "percent_period", "stabilisation", "select"}, times in
// seconds; null rules, and rules without a policy, are the defaults; a policy of value 0 is not
// there; "select" is Max (the default), Min or Disabled. Events are pods that came (or went) in the
// seconds before now that the key names, each in the middle of its equal part of that time, oldest
// first. "desired" is what stabilisation has left, so "stabilisation" changes nothing here. Either
// of "expect" and "reason" may be absent.
#pragma once

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "tests/agents/vectors.h"

namespace reeve {

// Runs every row of a file into `report`; keys it does not know are named on `notes`. Errors: the
// file cannot be read, is not JSON, or has no row. A malformed row is a failed case.
absl::Status RunHpaVectorFile(const std::string& path, VectorReport& report, std::ostream& notes);

}  // namespace reeve
