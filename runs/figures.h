// How a figure of several runs is written: into a table, and into JSON.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "core/table.h"
#include "runs/statistics.h"

namespace reeve {

// JSON knows neither NaN nor infinity: null.
nlohmann::ordered_json NumberOrNull(double value);

// Three digits; "0" for 0.
std::string FigureText(double value);

// "mean [low, high]", each as `shown` writes it; the mean alone when the interval is one point,
// Cell::Missing without a mean.
Cell IntervalCell(const std::optional<Interval>& mean,
                  const std::function<std::string(double)>& shown);

}  // namespace reeve
