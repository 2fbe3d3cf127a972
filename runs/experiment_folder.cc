#include "runs/experiment_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/files.h"
#include "core/human.h"
#include "core/status.h"
#include "runs/experiment_page.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExperimentMarker = ".reeve-experiment";

// Labels are names of files: whatever else is in them becomes a dash.
std::string FileName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.';
    name += plain ? c : '-';
  }
  return name;
}

struct PolicyFile {
  PolicySpec policy;
  template <class V>
  static void Fields(V& v) {
    v.Field("policy", &PolicyFile::policy, "");
  }
};

}  // namespace

absl::StatusOr<ExperimentFolder> ExperimentFolder::Open(const std::string& path) {
  std::error_code error;
  const bool marked = fs::exists(fs::path(path) / kExperimentMarker, error);
  if (!marked && fs::exists(path, error) &&
      !(fs::is_directory(path, error) && fs::is_empty(path, error))) {
    return absl::FailedPreconditionError(
        fmt::format("{}: holds something that is not an experiment; choose another --out", path));
  }
  ExperimentFolder folder(path);
  RETURN_IF_ERROR(MakeDirectories(path));
  RETURN_IF_ERROR(MakeEmptyFile(folder.File(kExperimentMarker)));
  return folder;
}

std::string ExperimentFolder::File(const std::string& name) const {
  return (fs::path(path_) / name).string();
}

absl::Status ExperimentFolder::WriteConfigFile(const ExperimentConfig& config) const {
  return WriteFileAtomically(File("config.yaml"), WriteConfig(config));
}

absl::Status ExperimentFolder::WriteTuned(const std::string& workload, const std::string& policy,
                                          const TuningResult& tuning) const {
  RETURN_IF_ERROR(MakeDirectories(File("tuned")));
  const std::string stem = File("tuned/" + FileName(workload) + "-" + FileName(policy));
  RETURN_IF_ERROR(WriteFileAtomically(stem + ".yaml", WriteConfig(PolicyFile{tuning.policy})));
  return WriteFileAtomically(stem + ".csv", TrialsTable(tuning).ToCsv());
}

absl::Status ExperimentFolder::Write(const ExperimentResults& results) const {
  for (const ExperimentRow& row : results.rows) {
    if (row.tuning) RETURN_IF_ERROR(WriteTuned(row.workload, row.policy, *row.tuning));
  }
  const std::string json = ResultsJson(results);
  RETURN_IF_ERROR(WriteFileAtomically(File("results.csv"), ResultsTable(results).ToCsv()));
  RETURN_IF_ERROR(WriteExperimentPage(nlohmann::json::parse(json), File("report.html")));
  return WriteFileAtomically(File("results.json"), json);
}

Table TrialsTable(const TuningResult& tuning) {
  using Align = Table::Align;
  Table table({{"parameters", "parameters", Align::kLeft},
               {"round", "round"},
               {"gb_seconds", "GB-seconds"},
               {"slo_violation_share", "SLO violations"},
               {"slowdown_p99", "p99 slowdown"},
               {"cold_start_share", "cold starts per request"},
               {"on_front", "on the front", Align::kLeft},
               {"validation_gb_seconds", "validation GB-seconds"},
               {"validation_slo_violation_share", "validation SLO violations"},
               {"chosen", "chosen", Align::kLeft}});
  std::vector<size_t> order(tuning.trials.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const Trial &x = tuning.trials[a], &y = tuning.trials[b];
    if (x.round != y.round) return x.round > y.round;
    if (x.finalist != y.finalist) return x.finalist;
    return x.gb_seconds < y.gb_seconds;
  });
  const auto share = [](double value) {
    return Cell::Number(value, fmt::format("{:.2f} %", value * 100));
  };
  for (const size_t i : order) {
    const Trial& t = tuning.trials[i];
    const std::string text = AssignmentsText(t.parameters);
    table.AddRow({Cell::Text(text.empty() ? "as given" : text),
                  Cell::Count(static_cast<uint64_t>(t.round)), Cell::Number(t.gb_seconds),
                  share(t.slo_violation_share), Cell::Number(t.slowdown_p99),
                  share(t.cold_start_share), Cell::Text(t.on_front ? "yes" : "no"),
                  t.finalist ? Cell::Number(t.validation_gb_seconds) : Cell::Missing(),
                  t.finalist ? share(t.validation_slo_violation_share) : Cell::Missing(),
                  Cell::Text(i == tuning.winner ? "yes" : "no")});
  }
  return table;
}

}  // namespace reeve
