#include "cli/report_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "core/status.h"
#include "core/table.h"
#include "core/terminal.h"
#include "runs/report_page.h"
#include "runs/run_folder.h"
#include "runs/terminal_summary.h"

namespace reeve {
namespace {

// Gives runs of one name the name of their folder, and if that is no better its path.
void TellApart(const std::vector<std::string>& folders, std::vector<RunData>& runs) {
  const auto label = [&](size_t i) {
    const RunSummary& summary = runs[i].summary;
    return summary.name.empty() ? summary.policy : summary.name;
  };
  const auto rename = [&](const auto& name_of) {
    std::vector<size_t> ambiguous;
    for (size_t i = 0; i < runs.size(); ++i) {
      for (size_t j = 0; j < runs.size(); ++j) {
        if (i != j && label(i) == label(j)) {
          ambiguous.push_back(i);
          break;
        }
      }
    }
    for (const size_t i : ambiguous) runs[i].summary.name = name_of(folders[i]);
  };
  rename([](const std::string& folder) {
    const std::filesystem::path path = std::filesystem::path(folder).lexically_normal();
    return (path.has_filename() ? path.filename() : path.parent_path().filename()).string();
  });
  rename([](const std::string& folder) { return folder; });
}

}  // namespace

absl::Status RunReport(const ReportOptions& options, std::ostream& out) {
  if (options.runs.empty()) return absl::InvalidArgumentError("report: no run given");
  std::vector<RunData> runs;
  for (const std::string& folder : options.runs) {
    ASSIGN_OR_RETURN(RunData run, ReadRun(folder));
    runs.push_back(std::move(run));
  }
  TellApart(options.runs, runs);

  std::string page = options.page;
  if (page.empty()) {
    page = runs.size() > 1 ? "report.html"
                           : (std::filesystem::path(options.runs[0]) / "report.html").string();
  }
  RETURN_IF_ERROR(WriteReportPage(runs, page));

  std::vector<RunSummary> summaries;
  for (const RunData& run : runs) summaries.push_back(run.summary);
  out << SummaryTable(summaries).Render(options.format, options.color);
  if (options.format == TableFormat::kText) out << "\nreport: " << page << "\n";
  return absl::OkStatus();
}

void AddReportCommand(CLI::App& parent, Command& chosen) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command =
      parent.add_subcommand("report", "Show finished runs side by side, and write their page");
  command->add_option("run", options->runs, "Run folders")->required();
  command->add_option("--out", options->page,
                      "Page to write; default: RUN/report.html, report.html for several runs");
  AddFormatOption(*command, options->format);
  command->callback([options, &chosen] {
    options->color = ColorAllowed(STDOUT_FILENO);
    chosen = [options]() -> absl::StatusOr<int> {
      RETURN_IF_ERROR(RunReport(*options, std::cout));
      return kExitFine;
    };
  });
}

}  // namespace reeve
