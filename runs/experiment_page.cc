#include "runs/experiment_page.h"

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "runs/html_page.h"

namespace reeve {
namespace {

constexpr const char* kExperimentScripts[] = {"format.js",           "charts.js",
                                              "overlay.js",          "sorting.js",
                                              "experiment_data.js",  "experiment_charts.js",
                                              "experiment_table.js", "experiment.js"};

std::string ExperimentTitle(const nlohmann::json& results) {
  const auto name = results.find("name");
  if (name != results.end() && name->is_string()) {
    return name->get<std::string>() + " - Reeve experiment";
  }
  return "Reeve experiment";
}

}  // namespace

std::string ExperimentPage(const nlohmann::json& results) {
  const nlohmann::ordered_json data = results;
  return HtmlPage({.title = ExperimentTitle(results),
                   .kind = "Reeve experiment",
                   .content = "experiment.html",
                   .scripts = kExperimentScripts,
                   .data = &data});
}

absl::Status WriteExperimentPage(const nlohmann::json& results, const std::string& path) {
  return WriteFileAtomically(path, ExperimentPage(results));
}

}  // namespace reeve
