// The page of an experiment: policies x workloads x seeds, with intervals. One HTML file like that
// of a run (html_page.h), with the same style.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"

namespace reeve {

// The page of `results`, the content of results.json: an object with format "reeve-experiment",
//   name, title      what it is called; one line on it
//   baseline         label of the row that others of the same workload are compared with
//   level, seeds     of the intervals, e.g. 0.95; [number]
//   metrics          [{key, title, unit, better: "lower" | "higher"}]
//   rows             [{workload, policy, tuned, label, cluster, parameters: {name: value},
//                      clairvoyant (true: not on the front),
//                      runs: [{seed, <metric key>: value}],
//                      stats: {<metric key>: {mean, low, high, ratio, ratio_low, ratio_high}}}]
//   bounds           [{workload, cluster, label, warm_gb_seconds, needed_gb_seconds,
//                      points: [[cold starts, GB-seconds]]}]
// Any number may be null, and anything may be missing: the page then shows what there is.
// Pure; thread-safe.
std::string ExperimentPage(const nlohmann::json& results);

absl::Status WriteExperimentPage(const nlohmann::json& results, const std::string& path);

}  // namespace reeve
