// Numbers in cells: strict, without locale, allocation or exceptions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "traces/readers/report.h"

namespace reeve {

// What is wrong with a cell, and how to say it.
struct CellProblem {
  Problem problem;
  std::string what;
};

// A whole number from 0 to 2^32 - 1, digits only; also "816.0", as tables with blanks are written
// by common tools.
std::optional<CellProblem> ParseCount(std::string_view cell, uint32_t& out);

// A finite decimal number.
std::optional<CellProblem> ParseFinite(std::string_view cell, double& out);
// … that is 0 or more.
std::optional<CellProblem> ParseNonNegative(std::string_view cell, double& out);

// `value` times `unit_us`, rounded to whole microseconds; nothing beyond +-9e15 (285 years), where
// doubles stop to be exact.
std::optional<int64_t> ToMicros(double value, double unit_us);

}  // namespace reeve
