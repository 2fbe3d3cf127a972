// What a twin leaves: its folder, and the table on the terminal.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/human.h"
#include "core/status.h"
#include "runs/report_page.h"
#include "runs/run_folder.h"
#include "runs/twin.h"
#include "traces/trace_file.h"

namespace reeve {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kTwin = "twin.json";
constexpr int kTwinVersion = 1;

std::string FactorText(double factor) {
  return fmt::format("{:.3g}x", factor);
}

Json JsonOf(const TwinAccuracy& accuracy) {
  Json factors = Json::object();
  for (const auto& [quantity, name] : EnumNames(TwinQuantity{})) {
    const auto& factor = accuracy.median_factor[static_cast<size_t>(quantity)];
    if (factor) factors[std::string(name)] = *factor;
  }
  return {{"functions", accuracy.functions},
          {"error", accuracy.loss},
          {"median_factor", std::move(factors)},
          {"cold_starts_observed", accuracy.cold_starts_observed},
          {"cold_starts_simulated", accuracy.cold_starts_simulated}};
}

std::string TwinJson(const TwinConfig& config, const TwinResult& result) {
  Json parameters = Json::object();
  for (const FittedParameter& p : result.parameters) {
    parameters[p.name] = {
        {"before", p.before}, {"after", p.after}, {"searched", p.searched}, {"moved", p.moved}};
  }
  const Json json = {
      {"format", "reeve-twin"},
      {"version", kTwinVersion},
      {"trace", config.trace},
      {"observed", config.observed},
      {"policy", config.policy.name},
      {"seed", config.seed},
      {"simulations", result.simulations},
      {"parameters", std::move(parameters)},
      {"fitted", {{"before", JsonOf(result.train_before)}, {"after", JsonOf(result.train_after)}}},
      {"held_out",
       {{"before", JsonOf(result.held_out_before)}, {"after", JsonOf(result.held_out_after)}}}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string FunctionsCsv(const Trace& trace, const TwinResult& result) {
  std::string out = "name,part";
  for (const auto& [quantity, name] : EnumNames(TwinQuantity{})) {
    out += fmt::format(",{0}_observed,{0}_before,{0}_after", name);
  }
  out += '\n';
  const auto cell = [&](const std::optional<double>& value) {
    out += value ? fmt::format(",{:.9g}", *value) : ",";
  };
  for (size_t f = 0; f < trace.functions().size(); ++f) {
    out += CsvField(trace.functions()[f].name) + (result.train[f] ? ",fitted" : ",held_out");
    for (size_t q = 0; q < kTwinQuantities; ++q) {
      cell(result.observed[f][q]);
      cell(result.before[f][q]);
      cell(result.after[f][q]);
    }
    out += '\n';
  }
  return out;
}

std::string File(const std::string& folder, const char* name) {
  return (fs::path(folder) / name).string();
}

}  // namespace

Table TwinSummaryTable(const TwinResult& result) {
  using Align = Table::Align;
  Table table({{"what", "", Align::kLeft},
               {"before", "before"},
               {"after", "after"},
               {"note", "", Align::kLeft}});
  const auto row = [&](const std::string& key, const std::string& title, Cell before, Cell after,
                       const std::string& note) {
    Cell name = Cell::Text(key);
    name.shown = "  " + title;
    table.AddRow({name, std::move(before), std::move(after),
                  note.empty() ? Cell::Missing() : Cell::Text(note)});
  };
  table.AddSection("Parameters");
  for (const FittedParameter& p : result.parameters) {
    row(p.name, p.name, Cell::Number(p.before), Cell::Number(p.after),
        !p.searched ? "not fitted"
        : !p.moved  ? "the recording asks for no other"
                    : "");
  }
  const auto part = [&](const std::string& key, const std::string& title,
                        const TwinAccuracy& before, const TwinAccuracy& after) {
    if (before.functions == 0) return;
    table.AddSection(fmt::format("{}: {} functions", title, before.functions));
    row(key + ".error", "error", Cell::Number(before.loss), Cell::Number(after.loss), "");
    for (const auto& [quantity, name] : EnumNames(TwinQuantity{})) {
      const auto q = static_cast<size_t>(quantity);
      if (!before.median_factor[q] || !after.median_factor[q]) continue;
      const auto factor = [&](const TwinAccuracy& accuracy) {
        return Cell::Number(*accuracy.median_factor[q], FactorText(*accuracy.median_factor[q]));
      };
      row(fmt::format("{}.{}", key, name), fmt::format("{}, off by", name), factor(before),
          factor(after), "median over functions");
    }
    if (before.median_factor[static_cast<size_t>(TwinQuantity::kColdStarts)]) {
      row(key + ".cold_starts_total", "cold starts, all together",
          Cell::Number(before.cold_starts_simulated, HumanNumber(before.cold_starts_simulated)),
          Cell::Number(after.cold_starts_simulated, HumanNumber(after.cold_starts_simulated)),
          fmt::format("observed {}", HumanNumber(before.cold_starts_observed)));
    }
  };
  part("fitted", "Fitted", result.train_before, result.train_after);
  part("held_out", "Held out", result.held_out_before, result.held_out_after);
  return table;
}

absl::Status CheckTwinFolder(const std::string& folder, bool replace) {
  std::error_code error;
  if (!fs::exists(folder, error) || fs::is_empty(folder, error)) return absl::OkStatus();
  if (!fs::is_directory(folder, error) || !fs::exists(File(folder, kTwin), error)) {
    return absl::FailedPreconditionError(
        folder + ": holds something that is not a twin; choose another --out");
  }
  if (replace) return absl::OkStatus();
  return absl::AlreadyExistsError(
      folder + ": holds a twin; choose another --out, or replace it with --force");
}

absl::Status WriteTwin(const std::string& folder, const TwinConfig& config, const Trace& trace,
                       const TwinResult& result, bool replace) {
  RETURN_IF_ERROR(CheckTwinFolder(folder, replace));
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(WriteFileAtomically(File(folder, "config.yaml"), WriteConfig(config)));
  RETURN_IF_ERROR(WriteFileAtomically(File(folder, "cluster.yaml"),
                                      "# A twin, fitted to " + config.observed +
                                          ". Its workload is trace.rtrace beside it.\n" +
                                          WriteConfig(result.cluster)));
  const TwinModel model(trace, config);
  ASSIGN_OR_RETURN(const std::shared_ptr<const Trace> scaled,
                   model.ScaledTrace(result.after_parameters.service_factor));
  RETURN_IF_ERROR(TraceFile::Write(*scaled, File(folder, "trace.rtrace")));
  RETURN_IF_ERROR(WriteFileAtomically(File(folder, "functions.csv"), FunctionsCsv(trace, result)));
  std::vector<RunData> runs;
  if (StateOfFolder(config.observed) == FolderState::kFinished) {
    ASSIGN_OR_RETURN(RunData observed, ReadRun(config.observed));
    observed.summary.name = "observed";
    runs.push_back(std::move(observed));
  }
  runs.push_back(result.before_run);
  runs.push_back(result.after_run);
  RETURN_IF_ERROR(WriteReportPage(runs, File(folder, "report.html")));
  // Last: a folder that has it holds a whole twin.
  return WriteFileAtomically(File(folder, kTwin), TwinJson(config, result));
}

}  // namespace reeve
