// Runs test vectors of OpenWhisk's scheduling decision, kept as JSON, against the rule.
//
// The file is a list, or an object with a list "cases", of
//   {"name", "config": "default" or "STALE, CHECK, DROP, ALLOW, RATIO",
//    "snapshot": {…}, "states": null or "Running, Idle, …", "expect": "DecisionResults(WHAT, N)"}
// with upstream's names. STALE, CHECK and DROP are durations such as "100.milliseconds", ALLOW and
// RATIO those of over-provisioning; the default is "100.milliseconds, 100.milliseconds,
// 10.seconds, false, 1.5". Where "states" names some, the case must hold in each of them, in place
// of the snapshot's. The expectation "none" is that nothing is decided.
#pragma once

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "agents/rules/openwhisk_decision.h"
#include "tests/agents/vectors.h"

namespace reeve {

// Runs every case of a file into `report`; keys it does not know get a line on `notes`. Errors: the
// file cannot be read, is not JSON, or has no case.
absl::Status RunOpenWhiskFile(const std::string& path, VectorReport& report, std::ostream& notes);

// A malformed case fails, it does not throw.
void RunOpenWhiskCase(const nlohmann::json& test, VectorReport& report, std::ostream& notes);

// As upstream writes it: "DecisionResults(AddContainer, 2)"; "none" for no decision.
std::string ToText(const OpenWhiskDecision& decision);

}  // namespace reeve
