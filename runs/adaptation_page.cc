#include "runs/adaptation_page.h"

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "runs/html_page.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAdaptationScripts[] = {"format.js", "charts.js", "overlay.js",
                                              "adaptation.js"};
constexpr const char* kStudyScripts[] = {"format.js", "charts.js", "overlay.js",
                                         "adaptation_study.js"};

std::string TitleOf(const Json& json, const std::string& kind) {
  if (json.is_object() && json.contains("name") && json["name"].is_string()) {
    return json["name"].get<std::string>() + " - Reeve " + kind;
  }
  return "Reeve " + kind;
}

}  // namespace

std::string AdaptationPage(const Json& record) {
  return HtmlPage({.title = TitleOf(record, "adaptation"),
                   .kind = "Reeve run under a changing load",
                   .content = "adaptation.html",
                   .scripts = kAdaptationScripts,
                   .data = &record});
}

absl::Status WriteAdaptationPage(const Json& record, const std::string& path) {
  return WriteFileAtomically(path, AdaptationPage(record));
}

std::string AdaptationStudyPage(const Json& results) {
  return HtmlPage({.title = TitleOf(results, "study"),
                   .kind = "Reeve study of learning under a changing load",
                   .content = "adaptation_study.html",
                   .scripts = kStudyScripts,
                   .data = &results});
}

absl::Status WriteAdaptationStudyPage(const Json& results, const std::string& path) {
  return WriteFileAtomically(path, AdaptationStudyPage(results));
}

}  // namespace reeve
