#include "runs/report_page.h"

#include <utility>

#include "core/check.h"
#include "core/files.h"
#include "runs/assets/assets.h"
#include "runs/report_data.h"

namespace reeve {
namespace {

constexpr const char* kScripts[] = {"format.js",    "charts.js",  "run_view.js",
                                    "functions.js", "compare.js", "main.js"};

std::string Title(std::span<const RunData> runs) {
  std::string title;
  for (const RunData& run : runs) {
    if (!title.empty()) title += " vs ";
    title += run.summary.name.empty() ? run.summary.policy : run.summary.name;
  }
  return title + " - Reeve report";
}

// The template with every "{{name}}" replaced. Replacements are not looked at again, so nothing in
// a run's data can be taken for a name of the template.
std::string Fill(std::string_view text,
                 std::span<const std::pair<std::string_view, std::string>> values) {
  std::string out;
  while (true) {
    const size_t open = text.find("{{");
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    const size_t close = text.find("}}", open);
    REEVE_CHECK(close != std::string_view::npos);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    for (const auto& [key, value] : values) {
      if (key == name) out += value;
    }
    text.remove_prefix(close + 2);
  }
}

}  // namespace

std::string ReportPage(std::span<const RunData> runs) {
  REEVE_CHECK(!runs.empty());
  std::string scripts;
  for (const char* name : kScripts) scripts.append(EmbeddedAsset(name)).append("\n");
  const std::pair<std::string_view, std::string> values[] = {
      {"title", HtmlText(Title(runs))},
      {"style", std::string(EmbeddedAsset("report.css"))},
      {"chart_library", std::string(EmbeddedAsset("chart.min.js"))},
      {"data", JsonForScript(ReportData(runs))},
      {"scripts", std::move(scripts)},
  };
  return Fill(EmbeddedAsset("report.html"), values);
}

absl::Status WriteReportPage(std::span<const RunData> runs, const std::string& path) {
  return WriteFileAtomically(path, ReportPage(runs));
}

}  // namespace reeve
