#include "runs/expert_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/human.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kReturnsShown = 10;

std::string NameOf(int64_t environment, const std::string& label) {
  return label.empty() ? fmt::format("{}", environment)
                       : fmt::format("{} ({})", environment, label);
}

Cell Count(int64_t value) {
  return value < 0 ? Cell::Missing() : Cell::Count(static_cast<uint64_t>(value));
}

Cell Seconds(SimTime time) {
  return Cell::Number(time.seconds(), HumanSeconds(time.seconds()));
}

Cell Numbered(std::optional<double> value) {
  return value ? Cell::Number(*value) : Cell::Missing();
}

std::string YesNo(bool value) {
  return value ? "yes" : "no";
}

// Other experts by rising distance of their environments.
std::vector<std::pair<double, int64_t>> Distances(const ExpertLibrary& library, int64_t from) {
  std::vector<std::pair<double, int64_t>> distances;
  for (const auto& [environment, expert] : library.experts()) {
    if (environment == from) continue;
    const std::optional<double> distance = library.Distance(from, environment);
    if (distance) distances.emplace_back(*distance, environment);
  }
  std::ranges::sort(distances);
  return distances;
}

std::string EnvironmentLabel(const ExpertLibrary& library, int64_t environment) {
  const Expert* const expert = library.Find(environment);
  return NameOf(environment, expert == nullptr ? "" : expert->label);
}

std::string NetworkText(const NetworkLayout& network) {
  const NetworkSpec& spec = network.spec;
  const auto kind = static_cast<size_t>(spec.encoder);
  return fmt::format("{} x {}, {}, {} parameters", spec.layers, spec.width,
                     EnumNames(EncoderKind())[kind].second,
                     HumanCount(static_cast<uint64_t>(network.parameters)));
}

double BestReturn(const Expert& expert) {
  return std::ranges::max_element(expert.history, {}, &ExpertReturn::mean_return)->mean_return;
}

std::vector<double> Deviations(const ContextMoments& contexts) {
  std::vector<double> sd;
  for (size_t d = 0; d < contexts.dimensions(); ++d) {
    sd.push_back(std::sqrt(std::max(0.0, contexts.covariance[d * contexts.dimensions() + d])));
  }
  return sd;
}

Table HistoryTable(const Expert& expert, size_t rows) {
  Table table({{"time_s", "until"}, {"mean_return", "mean return"}, {"steps", "steps"}});
  const size_t size = expert.history.size();
  for (size_t i = size - std::min(rows, size); i < size; ++i) {
    const ExpertReturn& entry = expert.history[i];
    table.AddRow({Seconds(entry.time), Cell::Number(entry.mean_return), Count(entry.steps)});
  }
  return table;
}

void AddFacts(const Expert& expert, Table& table) {
  const PolicyModel& model = expert.state.model;
  const auto add = [&](const char* key, Cell cell) {
    table.AddRow({Cell::Text(key), std::move(cell)});
  };
  add("steps learned", Count(expert.state.steps_done));
  add("begun from", expert.begun_from == kNoEnvironment
                        ? Cell::Text("scratch, or a file")
                        : Cell::Text(fmt::format("expert {}", expert.begun_from)));
  add("exploration",
      Cell::Text(fmt::format("{}, {} control periods", expert.explored ? "over" : "under way",
                             HumanCount(static_cast<uint64_t>(expert.exploration_steps)))));
  add("agents", Count(model.agents()));
  add("groups with networks of their own", Count(model.groups));
  add("features", Count(model.features()));
  add("choices", Cell::Text(fmt::format("{}", fmt::join(model.heads(), " x "))));
  add("actor", Cell::Text(NetworkText(model.actor)));
  add("critic", Cell::Text(NetworkText(model.critic)));
  add("control period", Seconds(SimTime::Seconds(expert.info.control_period_s)));
  for (const auto& [name, value] : expert.info.metrics) {
    table.AddRow({Cell::Text(name), Cell::Number(value)});
  }
}

std::string ExpertText(const ExpertLibrary& library, const DetectorOverview& detector,
                       const Expert& expert, bool color) {
  Table table({{"what", "", Table::Align::kLeft}, {"value", "", Table::Align::kLeft}});
  const auto add = [&](const std::string& what, Cell cell) {
    table.AddRow({Cell::Text(what), std::move(cell)});
  };
  const EnvironmentStats& stats = expert.stats;
  table.AddSection(fmt::format("expert {}", NameOf(expert.environment, expert.label)));
  AddFacts(expert, table);
  table.AddSection("its environment");
  add("in force", Cell::Text(YesNo(detector.in_force == expert.environment)));
  add("visits", Count(stats.visits));
  add("first seen", Seconds(stats.first_seen));
  add("last seen", Seconds(stats.last_seen));
  add("contexts", Cell::Number(stats.contexts.count));
  const std::vector<double> sd = Deviations(stats.contexts);
  for (size_t d = 0; d < sd.size(); ++d) {
    add(fmt::format("context {}", d),
        Cell::Text(
            fmt::format("{} +- {}", HumanNumber(stats.contexts.mean[d]), HumanNumber(sd[d]))));
  }
  for (const auto& [distance, environment] : Distances(library, expert.environment)) {
    add("distance to " + EnvironmentLabel(library, environment), Cell::Number(distance));
  }
  std::string text = table.ToText(color);
  if (expert.history.empty()) return text;
  return text +
         fmt::format("\nreturns, the last {} of {} (best {}):\n",
                     std::min(kReturnsShown, expert.history.size()), expert.history.size(),
                     HumanNumber(BestReturn(expert))) +
         HistoryTable(expert, kReturnsShown).ToText(color);
}

Json NetworkJson(const NetworkLayout& network) {
  return {{"encoder", EnumNames(EncoderKind())[static_cast<size_t>(network.spec.encoder)].second},
          {"layers", network.spec.layers},
          {"width", network.spec.width},
          {"parameters", network.parameters}};
}

Json ExpertJson(const ExpertLibrary& library, const DetectorOverview& detector,
                const Expert& expert) {
  const PolicyModel& model = expert.state.model;
  Json history = Json::array(), distances = Json::array();
  for (const ExpertReturn& entry : expert.history) {
    history.push_back({{"time_s", entry.time.seconds()},
                       {"mean_return", entry.mean_return},
                       {"steps", entry.steps}});
  }
  for (const auto& [distance, environment] : Distances(library, expert.environment)) {
    distances.push_back({{"environment", environment}, {"distance", distance}});
  }
  return {{"environment", expert.environment},
          {"label", expert.label},
          {"in_force", detector.in_force == expert.environment},
          {"steps_learned", expert.state.steps_done},
          {"begun_from", expert.begun_from == kNoEnvironment ? Json() : Json(expert.begun_from)},
          {"explored", expert.explored},
          {"exploration_steps", expert.exploration_steps},
          {"created_s", expert.created.seconds()},
          {"last_used_s", expert.last_used.seconds()},
          {"agents", model.agents()},
          {"groups", model.groups},
          {"features", model.feature_names},
          {"heads", model.heads()},
          {"actor", NetworkJson(model.actor)},
          {"critic", NetworkJson(model.critic)},
          {"control_period_s", expert.info.control_period_s},
          {"metrics", expert.info.metrics},
          {"visits", expert.stats.visits},
          {"first_seen_s", expert.stats.first_seen.seconds()},
          {"last_seen_s", expert.stats.last_seen.seconds()},
          {"contexts",
           {{"count", expert.stats.contexts.count},
            {"mean", expert.stats.contexts.mean},
            {"sd", Deviations(expert.stats.contexts)}}},
          {"distances", std::move(distances)},
          {"history", std::move(history)}};
}

std::string DumpExpert(const Json& json) {
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Table BlocksTable(const ExpertComparison& comparison) {
  Table table({{"network", "network", Table::Align::kLeft},
               {"block", "block", Table::Align::kLeft},
               {"distance", "distance"},
               {"relative", "relative"}});
  for (const BlockDistance& block : comparison.blocks) {
    table.AddRow({Cell::Text(block.network), Cell::Text(block.block), Cell::Number(block.distance),
                  Cell::Number(block.relative, HumanPercent(block.relative))});
  }
  return table;
}

}  // namespace

Table ExpertsTable(const ExpertLibrary& library, const DetectorOverview& detector) {
  Table table({{"environment", "environment"},
               {"label", "label", Table::Align::kLeft},
               {"in_force", "in force", Table::Align::kLeft},
               {"steps_learned", "steps learned"},
               {"explored", "explored", Table::Align::kLeft},
               {"visits", "visits"},
               {"contexts", "contexts"},
               {"last_used_s", "last used"},
               {"last_return", "last return"},
               {"begun_from", "begun from"},
               {"closest", "closest"},
               {"distance", "distance"}});
  const auto in_force = [&](int64_t id) { return Cell::Text(YesNo(detector.in_force == id)); };
  std::map<int64_t, std::vector<Cell>> rows;
  for (const auto& [environment, expert] : library.experts()) {
    const auto distances = Distances(library, environment);
    const auto& history = expert.history;
    rows[environment] = {
        Count(environment),
        Cell::Text(expert.label),
        in_force(environment),
        Count(expert.state.steps_done),
        Cell::Text(YesNo(expert.explored)),
        Count(expert.stats.visits),
        Cell::Number(expert.stats.contexts.count),
        Seconds(expert.last_used),
        history.empty() ? Cell::Missing() : Cell::Number(history.back().mean_return),
        Count(expert.begun_from),
        distances.empty() ? Cell::Missing() : Count(distances.front().second),
        Numbered(distances.empty() ? std::nullopt : std::optional(distances.front().first))};
  }
  for (const EnvironmentStats& stats : detector.environments) {
    if (rows.contains(stats.id)) continue;
    rows[stats.id] = {Count(stats.id),
                      Cell::Text("(no expert)"),
                      in_force(stats.id),
                      Cell::Missing(),
                      Cell::Missing(),
                      Count(stats.visits),
                      Cell::Number(stats.contexts.count),
                      Seconds(stats.last_seen),
                      Cell::Missing(),
                      Cell::Missing(),
                      Cell::Missing(),
                      Cell::Missing()};
  }
  for (auto& [environment, row] : rows) table.AddRow(std::move(row));
  return table;
}

std::string LibrarySentence(const ExpertLibrary& library, const DetectorOverview& detector) {
  const auto plural = [](size_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  std::string text = fmt::format("{}: version {}, {}", library.path(), library.version(),
                                 plural(library.experts().size(), "expert"));
  if (detector.environments.empty()) return text + "; no detector's state is stored";
  return text + fmt::format("; the detector knows {}, {} is in force",
                            plural(detector.environments.size(), "environment"),
                            EnvironmentLabel(library, detector.in_force));
}

std::string RenderExpert(const ExpertLibrary& library, const DetectorOverview& detector,
                         const Expert& expert, TableFormat format, bool color) {
  switch (format) {
    case TableFormat::kText:
      return ExpertText(library, detector, expert, color);
    case TableFormat::kCsv:
      return HistoryTable(expert, expert.history.size()).ToCsv();
    case TableFormat::kJson:
      return DumpExpert(ExpertJson(library, detector, expert));
  }
  return "";
}

std::string RenderComparison(const ExpertLibrary& library, const Expert& a, const Expert& b,
                             const ExpertComparison& comparison, TableFormat format, bool color) {
  const Table blocks = BlocksTable(comparison);
  if (format == TableFormat::kCsv) return blocks.ToCsv();
  const std::optional<double> apart = library.Distance(a.environment, b.environment);
  if (format == TableFormat::kText) {
    return blocks.ToText(color) +
           fmt::format("\n{} of {} choices differ (each expert's most probable one)\n{}",
                       HumanPercent(comparison.choices_differ),
                       HumanCount(static_cast<uint64_t>(comparison.choices_compared)),
                       apart ? fmt::format("their environments are {} apart (Bhattacharyya)\n",
                                           HumanNumber(*apart))
                             : "how far their environments are apart is not known\n");
  }
  Json list = Json::array();
  for (const BlockDistance& block : comparison.blocks) {
    list.push_back({{"network", block.network},
                    {"block", block.block},
                    {"distance", block.distance},
                    {"relative", block.relative}});
  }
  return DumpExpert({{"a", a.environment},
                     {"b", b.environment},
                     {"environment_distance", apart ? Json(*apart) : Json()},
                     {"choices_compared", comparison.choices_compared},
                     {"choices_differ", comparison.choices_differ},
                     {"blocks", std::move(list)}});
}

}  // namespace reeve
