#include "runs/bound_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "core/files.h"
#include "core/human.h"
#include "core/status.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

void AddCurve(std::string_view name, const TradeOff& curve, const ClairvoyantCost& total,
              size_t rows, Table& table) {
  const std::span<const TradeOffPoint> points = curve.points();
  const size_t shown = rows == 0 ? points.size() : std::min(rows, points.size());
  for (size_t i = 0; i < shown; ++i) {
    const TradeOffPoint& p = points[shown == 1 ? 0 : i * (points.size() - 1) / (shown - 1)];
    const double share =
        total.requests == 0 ? 0 : p.cold_starts / static_cast<double>(total.requests);
    double over = total.needed_gb_seconds == 0 ? 0 : p.gb_seconds / total.needed_gb_seconds - 1;
    if (std::abs(over) < 1e-12) over = 0;  // rounding
    table.AddRow({Cell::Text(name), Cell::Number(p.price_gb_seconds),
                  Cell::Count(static_cast<uint64_t>(p.cold_starts)),
                  Cell::Number(share, HumanPercent(share)), Cell::Number(p.gb_seconds),
                  Cell::Number(over, HumanPercent(over))});
  }
}

Json PointsJson(const TradeOff& curve) {
  Json points = Json::array();
  for (const TradeOffPoint& p : curve.points()) {
    points.push_back({{"price_gb_seconds", p.price_gb_seconds},
                      {"cold_starts", p.cold_starts},
                      {"gb_seconds", p.gb_seconds}});
  }
  return points;
}

std::vector<Cell> CostRow(std::string_view name, const ClairvoyantCost& c) {
  return {Cell::Text(name),
          Cell::Count(c.requests),
          Cell::Number(c.needed_container_seconds),
          Cell::Number(c.needed_gb_seconds),
          Cell::Count(c.warm_starts),
          Cell::Number(c.warm_container_seconds),
          Cell::Number(c.warm_gb_seconds),
          Cell::Count(c.fewest_cold_starts)};
}

}  // namespace

Table BoundTable(const ClairvoyantBound& bound, size_t rows) {
  Table table({{"curve", "curve", Table::Align::kLeft},
               {"price_gb_seconds", "price (GB s)"},
               {"cold_starts", "cold starts"},
               {"cold_start_share", "share"},
               {"gb_seconds", "GB s"},
               {"idle_share", "over needed"}});
  AddCurve("without_prewarm", bound.WithoutPrewarm(), bound.total(), rows, table);
  AddCurve("with_prewarm", bound.WithPrewarm(), bound.total(), rows, table);
  return table;
}

Table BoundFunctionsTable(const ClairvoyantBound& bound, const Trace& trace) {
  Table table({{"name", "function", Table::Align::kLeft},
               {"requests", "requests"},
               {"needed_container_seconds", "needed s"},
               {"needed_gb_seconds", "needed GB s"},
               {"warm_starts", "warm starts"},
               {"warm_container_seconds", "warm s"},
               {"warm_gb_seconds", "warm GB s"},
               {"fewest_cold_starts", "fewest cold"}});
  for (size_t f = 0; f < bound.functions().size(); ++f) {
    table.AddRow(CostRow(trace.functions()[f].name, bound.functions()[f]));
  }
  table.AddRow(CostRow("", bound.total()));
  return table;
}

std::string BoundJson(const ClairvoyantBound& bound, std::string_view trace_name,
                      std::string_view cluster_name, uint64_t seed) {
  const ClairvoyantCost& c = bound.total();
  const Json json = {{"version", 1},
                     {"trace", trace_name},
                     {"cluster", cluster_name},
                     {"seed", seed},
                     {"total",
                      {{"requests", c.requests},
                       {"needed_container_seconds", c.needed_container_seconds},
                       {"needed_gb_seconds", c.needed_gb_seconds},
                       {"warm_starts", c.warm_starts},
                       {"warm_container_seconds", c.warm_container_seconds},
                       {"warm_gb_seconds", c.warm_gb_seconds},
                       {"fewest_cold_starts", c.fewest_cold_starts}}},
                     {"without_prewarm", PointsJson(bound.WithoutPrewarm())},
                     {"with_prewarm", PointsJson(bound.WithPrewarm())}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::Status WriteBound(const ClairvoyantBound& bound, const Trace& trace,
                        const std::string& folder, std::string_view trace_name,
                        std::string_view cluster_name, uint64_t seed) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  RETURN_IF_ERROR(WriteFileAtomically(folder + "/bound.json",
                                      BoundJson(bound, trace_name, cluster_name, seed)));
  RETURN_IF_ERROR(WriteFileAtomically(folder + "/bound.csv", BoundTable(bound, 0).ToCsv()));
  return WriteFileAtomically(folder + "/bound_functions.csv",
                             BoundFunctionsTable(bound, trace).ToCsv());
}

std::string BoundSentence(const ClairvoyantBound& bound) {
  const ClairvoyantCost& c = bound.total();
  return fmt::format(
      "{} requests need {} GB-seconds while they run. Without any cold start: {} GB-seconds with "
      "{} starts.\nWithout pre-warming at least {} cold starts.\n",
      HumanCount(c.requests), HumanNumber(c.needed_gb_seconds), HumanNumber(c.warm_gb_seconds),
      HumanCount(c.warm_starts), HumanCount(c.fewest_cold_starts));
}

}  // namespace reeve
