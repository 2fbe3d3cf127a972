#include "runs/report_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "runs/fields.h"

namespace reeve {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kRunPoints = 1440;
constexpr size_t kFunctionPoints = 120;

// Five digits: what a page can show; the files have the rest.
Json FiveDigits(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
}

Json FieldList(const std::vector<ColumnDoc>& columns) {
  Json out = Json::array();
  for (const ColumnDoc& c : columns) {
    const int better = c.better == Better::kHigher ? 1 : c.better == Better::kLower ? -1 : 0;
    out.push_back({{"name", c.name},
                   {"unit", c.unit},
                   {"doc", c.doc},
                   {"better", better},
                   {"number", c.number}});
  }
  return out;
}

// How intervals become points: `merged` of them each.
struct Thinning {
  double interval_s;
  size_t intervals, merged;

  Thinning(const RunData& run, size_t max_points)
      : interval_s(run.summary.interval_s > 0 ? run.summary.interval_s : 1) {
    double last_s = 0;
    for (const IntervalRow& row : run.intervals) last_s = std::max(last_s, row.time_s);
    intervals = run.intervals.empty() ? 0 : IndexOf(last_s) + 1;
    merged = std::max<size_t>(1, (intervals + max_points - 1) / max_points);
  }
  size_t IndexOf(double time_s) const {
    return static_cast<size_t>(std::llround(std::max(0.0, time_s) / interval_s));
  }
  size_t PointOf(double time_s) const { return IndexOf(time_s) / merged; }
  size_t points() const { return (intervals + merged - 1) / merged; }
  double step_s() const { return interval_s * static_cast<double>(merged); }
  // Intervals in a point: the last one may have fewer.
  double IntervalsIn(size_t point) const {
    return static_cast<double>(std::min(merged, intervals - point * merged));
  }
};

// One column of the run's series, point by point. Counts are summed; means averaged over the
// point's intervals; unset-able values keep their highest.
class SeriesColumn {
 public:
  enum class Kind { kSum, kMean, kHighest };

  SeriesColumn(Kind kind, size_t points) : kind_(kind), values_(points, kUnset) {}
  void Add(size_t point, double value) {
    double& v = values_[point];
    if (std::isnan(v)) {
      v = value;
    } else {
      v = kind_ == Kind::kHighest ? std::max(v, value) : v + value;
    }
  }
  Json ToJson(const Thinning& thinning) const {
    Json out = Json::array();
    for (size_t p = 0; p < values_.size(); ++p) {
      out.push_back(
          FiveDigits(kind_ == Kind::kMean ? values_[p] / thinning.IntervalsIn(p) : values_[p]));
    }
    return out;
  }

 private:
  static constexpr double kUnset = std::numeric_limits<double>::quiet_NaN();
  Kind kind_;
  std::vector<double> values_;
};

// Puts the fields of interval rows into columns; the first row lays the columns out.
struct SeriesVisitor {
  std::vector<std::pair<std::string, SeriesColumn>>& columns;
  const IntervalRow& row;
  size_t points, point;
  size_t next = 0;

  template <class M>
  void Field(const char* name, M IntervalRow::*member, const char*, const char*,
             Better = Better::kNeither) {
    using Kind = SeriesColumn::Kind;
    constexpr bool kCount = std::is_same_v<M, uint64_t>, kMean = std::is_same_v<M, double>;
    if constexpr (!std::is_same_v<M, FunctionId>) {
      if (std::string_view(name) == "time_s") return;
      if (next == columns.size()) {
        columns.emplace_back(name, SeriesColumn(kCount  ? Kind::kSum
                                                : kMean ? Kind::kMean
                                                        : Kind::kHighest,
                                                points));
      }
      SeriesColumn& column = columns[next++].second;
      const M& value = row.*member;
      if constexpr (kCount || kMean) {
        column.Add(point, static_cast<double>(value));
      } else if (value) {
        column.Add(point, *value);
      }
    }
  }
};

Json RunSeries(const RunData& run) {
  const Thinning thinning(run, kRunPoints);
  std::vector<std::pair<std::string, SeriesColumn>> columns;
  for (const IntervalRow& row : run.intervals) {
    if (row.function.valid()) continue;
    SeriesVisitor visitor{columns, row, thinning.points(), thinning.PointOf(row.time_s)};
    IntervalRow::Fields(visitor);
  }
  Json out = {{"step_s", thinning.step_s()}, {"merged", thinning.merged}};
  const size_t absent = DescribeColumns<IntervalRow>().size() - CsvColumns(run.intervals);
  for (size_t i = 0; i + absent < columns.size(); ++i) {
    out[columns[i].first] = columns[i].second.ToJson(thinning);
  }
  return out;
}

struct FunctionPoint {
  double arrivals = 0, containers = 0, cold_starts = 0, p99_ms = -1;
};

Json FunctionSeriesRow(const std::vector<FunctionPoint>& points, const Thinning& thinning) {
  const auto quiet = [](const FunctionPoint& p) {
    return p.arrivals == 0 && p.containers == 0 && p.cold_starts == 0 && p.p99_ms < 0;
  };
  size_t first = 0, end = points.size();
  while (first < end && quiet(points[first])) ++first;
  while (end > first && quiet(points[end - 1])) --end;
  if (first == end) return nullptr;
  Json arrivals = Json::array(), containers = arrivals, cold_starts = arrivals, p99 = arrivals;
  for (size_t p = first; p < end; ++p) {
    arrivals.push_back(static_cast<uint64_t>(points[p].arrivals));
    containers.push_back(FiveDigits(points[p].containers / thinning.IntervalsIn(p)));
    cold_starts.push_back(static_cast<uint64_t>(points[p].cold_starts));
    p99.push_back(points[p].p99_ms < 0 ? Json(nullptr) : FiveDigits(points[p].p99_ms));
  }
  return {{"first", first},
          {"arrivals", std::move(arrivals)},
          {"containers", std::move(containers)},
          {"cold_starts", std::move(cold_starts)},
          {"p99", std::move(p99)}};
}

Json FunctionSeries(const RunData& run) {
  const Thinning thinning(run, kFunctionPoints);
  std::vector<std::vector<FunctionPoint>> series(run.functions.size());
  for (const IntervalRow& row : run.intervals) {
    if (!row.function.valid() || row.function.index() >= series.size()) continue;
    auto& points = series[row.function.index()];
    if (points.empty()) points.resize(thinning.points());
    FunctionPoint& point = points[thinning.PointOf(row.time_s)];
    point.arrivals += static_cast<double>(row.arrivals);
    point.cold_starts += static_cast<double>(row.cold_starts);
    point.containers += row.containers_ready;
    if (row.latency_p99_ms) point.p99_ms = std::max(point.p99_ms, *row.latency_p99_ms);
  }
  Json rows = Json::array();
  for (const auto& points : series) rows.push_back(FunctionSeriesRow(points, thinning));
  return {{"step_s", thinning.step_s()},
          {"merged", thinning.merged},
          {"points", thinning.points()},
          {"rows", std::move(rows)}};
}

// The values of a row in the order of its fields.
template <class T>
struct ValueVisitor {
  const T& row;
  Json& out;
  template <class M>
  void Field(const char*, M T::*member, const char*, const char*, Better = Better::kNeither) {
    if constexpr (std::is_same_v<M, double>) {
      out.push_back(FiveDigits(row.*member));
    } else if constexpr (fields_internal::kIsOptional<M>) {
      out.push_back(row.*member ? FiveDigits(*(row.*member)) : Json(nullptr));
    } else {
      out.push_back(row.*member);
    }
  }
};

Json Functions(const RunData& run) {
  Json columns = Json::array(), rows = Json::array();
  for (const ColumnDoc& c : DescribeColumns<FunctionRow>()) columns.push_back(c.name);
  for (const FunctionRow& row : run.functions) {
    Json values = Json::array();
    ValueVisitor<FunctionRow> visitor{row, values};
    FunctionRow::Fields(visitor);
    rows.push_back(std::move(values));
  }
  return {
      {"columns", std::move(columns)}, {"rows", std::move(rows)}, {"series", FunctionSeries(run)}};
}

Json Quantiles(const RunData& run) {
  Json quantile = Json::array(), latency = quantile, execution = quantile, wait = quantile,
       slowdown = quantile;
  const auto put = [](const std::optional<double>& value, Json& out) {
    out.push_back(value ? FiveDigits(*value) : Json(nullptr));
  };
  for (const QuantileRow& row : run.quantiles) {
    quantile.push_back(row.quantile);  // in full: 0.99999 is not 1
    put(row.latency_ms, latency);
    put(row.execution_ms, execution);
    put(row.wait_ms, wait);
    put(row.slowdown, slowdown);
  }
  return {{"quantile", std::move(quantile)},
          {"latency_ms", std::move(latency)},
          {"execution_ms", std::move(execution)},
          {"wait_ms", std::move(wait)},
          {"slowdown", std::move(slowdown)}};
}

}  // namespace

Json ReportData(std::span<const RunData> runs) {
  Json out = {{"fields",
               {{"summary", FieldList(DescribeColumns<RunSummary>())},
                {"functions", FieldList(DescribeColumns<FunctionRow>())}}},
              {"runs", Json::array()}};
  for (const RunData& run : runs) {
    Json summary = ToJson(run.summary);
    for (const std::string& field : UnseenFields(run.summary)) summary[field] = nullptr;
    out["runs"].push_back({{"summary", std::move(summary)},
                           {"config", run.config_yaml},
                           {"series", RunSeries(run)},
                           {"quantiles", Quantiles(run)},
                           {"functions", Functions(run)}});
  }
  return out;
}

}  // namespace reeve
