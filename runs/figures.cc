#include "runs/figures.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/human.h"

namespace reeve {

nlohmann::ordered_json NumberOrNull(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

std::string FigureText(double value) {
  return value == 0 ? "0" : HumanNumber(value);
}

Cell IntervalCell(const std::optional<Interval>& mean,
                  const std::function<std::string(double)>& shown) {
  if (!mean) return Cell::Missing();
  if (mean->high <= mean->low) return Cell::Number(mean->value, shown(mean->value));
  return Cell::Number(mean->value, fmt::format("{} [{}, {}]", shown(mean->value), shown(mean->low),
                                               shown(mean->high)));
}

}  // namespace reeve
