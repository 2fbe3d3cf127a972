// reeve report RUN… [--out FILE] [-o table|json|csv]: shows finished runs, and writes their page.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/command.h"

namespace reeve {

struct ReportOptions {
  std::vector<std::string> runs = {};  // folders, at least one
  std::string page = {};  // empty: RUN/report.html for one run, report.html for several
  TableFormat format = TableFormat::kText;
  bool color = false;
};

// Reads the runs, writes the page and prints the summary table to `out`; where the page is goes to
// `out` as well for a table, nowhere for json and csv, which are for programs. Runs of one name are
// told apart by their folders. Errors are those of ReadRun and of writing.
absl::Status RunReport(const ReportOptions& options, std::ostream& out);

void AddReportCommand(CLI::App& parent, Command& chosen);

}  // namespace reeve
