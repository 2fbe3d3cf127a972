// reeve report RUN… [--out FILE] [-o table|json|csv]: shows finished runs, and writes their page.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace reeve {

struct ReportOptions {
  std::vector<std::string> runs = {};  // folders, at least one
  std::string page = {};         // empty: RUN/report.html for one run, report.html for several
  std::string format = "table";  // table, json or csv
  bool color = false;
};

// Reads the runs, writes the page and prints the summary table to `out`; where the page is goes to
// `out` as well for a table, nowhere for json and csv, which are for programs. Runs of one name are
// told apart by their folders. Errors are those of ReadRun and of writing.
absl::Status RunReport(const ReportOptions& options, std::ostream& out);

// Adds the command to the program. When the user chose it, `chosen` is set to what does it.
void AddReportCommand(CLI::App& app, std::function<absl::Status()>& chosen);

}  // namespace reeve
