#include "runs/learning_study_page.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/files.h"
#include "runs/curve_points.h"
#include "runs/html_page.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostPoints = 300;
constexpr const char* kStudyScripts[] = {"format.js",       "charts.js",       "overlay.js",
                                         "sorting.js",      "study_data.js",   "study_table.js",
                                         "study_charts.js", "study_curves.js", "study.js"};

std::string StudyTitle(const Json& results) {
  const auto name = results.find("name");
  if (name != results.end() && name->is_string()) {
    return name->get<std::string>() + " - Reeve study";
  }
  return "Reeve study";
}

// The numbers of a list; NaN for what is none. Empty when it is no list.
std::vector<double> NumbersOf(const Json& list) {
  std::vector<double> out;
  if (!list.is_array()) return out;
  for (const Json& value : list) {
    out.push_back(value.is_number() ? value.get<double>()
                                    : std::numeric_limits<double>::quiet_NaN());
  }
  return out;
}

void ThinCurves(Json& run) {
  if (!run.is_object() || !run.contains("steps")) return;
  const std::vector<double> steps = NumbersOf(run["steps"]);
  const size_t group = PointsPerGroup(steps.size(), kMostPoints);
  run["steps"] = GroupEnds(steps, group);
  if (!run.contains("returns") || !run["returns"].is_array()) return;
  for (Json& curve : run["returns"]) curve = GroupMeans(NumbersOf(curve), group);
}

}  // namespace

std::string LearningStudyPage(const nlohmann::json& results) {
  Json data = results;
  if (data.is_object() && data.contains("rows") && data["rows"].is_array()) {
    for (Json& row : data["rows"]) {
      if (!row.is_object() || !row.contains("runs") || !row["runs"].is_array()) continue;
      for (Json& run : row["runs"]) ThinCurves(run);
    }
  }
  return HtmlPage({.title = StudyTitle(data),
                   .kind = "Reeve study of learning",
                   .content = "study.html",
                   .scripts = kStudyScripts,
                   .data = &data});
}

absl::Status WriteLearningStudyPage(const nlohmann::json& results, const std::string& path) {
  return WriteFileAtomically(path, LearningStudyPage(results));
}

}  // namespace reeve
