// Pages of runs under a changing load. That of a run: a timeline with the environments as they were
// and as they were detected, the expert in charge, safeguarded periods shaded, p99 and cost. One
// HTML file (html_page.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"

namespace reeve {

// Of AdaptationToJson(record, true). Anything may be missing. Pure; thread-safe.
std::string AdaptationPage(const nlohmann::ordered_json& record);
absl::Status WriteAdaptationPage(const nlohmann::ordered_json& record, const std::string& path);

// The page of a study, of AdaptationStudyJson: a table and a chart for each metric, by problem.
std::string AdaptationStudyPage(const nlohmann::ordered_json& results);
absl::Status WriteAdaptationStudyPage(const nlohmann::ordered_json& results,
                                      const std::string& path);

}  // namespace reeve
