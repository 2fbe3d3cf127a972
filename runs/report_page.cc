#include "runs/report_page.h"

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/files.h"
#include "runs/html_page.h"
#include "runs/report_data.h"

namespace reeve {
namespace {

constexpr const char* kReportScripts[] = {
    "format.js",          "charts.js",    "sorting.js", "run_view.js",
    "function_charts.js", "functions.js", "compare.js", "main.js"};

std::string ReportTitle(std::span<const RunData> runs) {
  std::string title;
  for (const RunData& run : runs) {
    if (!title.empty()) title += " vs ";
    title += run.summary.name.empty() ? run.summary.policy : run.summary.name;
  }
  return title + " - Reeve report";
}

}  // namespace

std::string ReportPage(std::span<const RunData> runs) {
  REEVE_CHECK(!runs.empty());
  const nlohmann::ordered_json data = ReportData(runs);
  return HtmlPage({.title = ReportTitle(runs),
                   .kind = "Reeve run report",
                   .content = "report.html",
                   .scripts = kReportScripts,
                   .data = &data});
}

absl::Status WriteReportPage(std::span<const RunData> runs, const std::string& path) {
  return WriteFileAtomically(path, ReportPage(runs));
}

}  // namespace reeve
