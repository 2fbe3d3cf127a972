// The page of a study of learning: variants x scenarios x seeds. One HTML file like that of a run
// (html_page.h), with the same style.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"

namespace reeve {

// The page of `results`, the content of results.json (StudyJson of learning_study.h): an object
// with format "reeve-learning-study",
//   name, title   what it is called; one line on it
//   level         of the ratios' intervals, e.g. 0.95
//   rows          [{scenario, variant, runs: [{seed, latency_p99_ms, slo_violation_share,
//                   gb_seconds, replica_changes_per_hour, actor_parameters, final_return,
//                   functions: [{name, requests, latency_p99_ms, slo_violation_share, gb_seconds,
//                                cold_start_share}],
//                   steps: [I], returns: [N][I]}]}]
//   ratios        [{scenario, ratio, function ("": over all), value, low, high,
//                   reference (what stands for no difference; 1 where it is not given)}]
// Any number may be null, and anything may be missing: the page then shows what there is. Curves
// are thinned to at most 300 points. Pure; thread-safe.
std::string LearningStudyPage(const nlohmann::json& results);

absl::Status WriteLearningStudyPage(const nlohmann::json& results, const std::string& path);

}  // namespace reeve
