#include "runs/curve_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/check.h"

namespace reeve {

using Json = nlohmann::ordered_json;

namespace {

// To six digits, so that the shortest text that gives the same number is short.
double Rounded(double value) {
  return std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr);
}

}  // namespace

size_t PointsPerGroup(size_t points, size_t most) {
  REEVE_CHECK(most > 0);
  return std::max<size_t>(1, (points + most - 1) / most);
}

Json GroupMeans(std::span<const double> values, size_t group) {
  REEVE_CHECK(group > 0);
  Json out = Json::array();
  for (size_t first = 0; first < values.size(); first += group) {
    double sum = 0;
    size_t count = 0;
    for (const double value : values.subspan(first, std::min(group, values.size() - first))) {
      if (!std::isfinite(value)) continue;
      sum += value;
      ++count;
    }
    out.push_back(count > 0 ? Json(Rounded(sum / static_cast<double>(count))) : Json());
  }
  return out;
}

Json GroupEnds(std::span<const double> values, size_t group) {
  REEVE_CHECK(group > 0);
  Json out = Json::array();
  for (size_t first = 0; first < values.size(); first += group) {
    const double last = values[std::min(first + group, values.size()) - 1];
    out.push_back(std::isfinite(last) ? Json(last) : Json());
  }
  return out;
}

}  // namespace reeve
