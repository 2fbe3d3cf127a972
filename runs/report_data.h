// What the page's scripts work on: the JSON inside report.html.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "runs/run_data.h"

namespace reeve {

// {fields: {summary, functions}, runs: [{summary, config, series, quantiles, functions}]}:
//   fields     [{name, unit, doc, better: -1 | 0 | 1, number}]
//   series     {step_s, merged, <IntervalRow field>: [point]} of all functions together; `merged`
//              intervals make one point
//   quantiles  {<QuantileRow field>: [value]}
//   functions  {columns: [name], rows: [[value]], series: {step_s, merged, points,
//              rows: [null | {first, arrivals, containers, cold_starts, p99}]}}
// Unset values are null.
nlohmann::ordered_json ReportData(std::span<const RunData> runs);

}  // namespace reeve
