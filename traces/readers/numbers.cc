#include "traces/readers/numbers.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace reeve {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::optional<CellProblem> ParseCount(std::string_view cell, uint32_t& out) {
  uint64_t value = 0;
  bool fits = true;
  size_t i = 0;
  for (; i < cell.size() && IsDigit(cell[i]); ++i) {
    value = value * 10 + static_cast<uint64_t>(cell[i] - '0');
    if (value > std::numeric_limits<uint32_t>::max()) {
      fits = false;
      value = std::numeric_limits<uint32_t>::max();
    }
  }
  const bool has_digits = i > 0;
  if (has_digits && i < cell.size() && cell[i] == '.') {
    ++i;
    while (i < cell.size() && cell[i] == '0') ++i;
  }
  if (!has_digits || i != cell.size()) {
    double number;
    if (!ParseFinite(cell, number) && number < 0) {
      return CellProblem{Problem::kNegative,
                         fmt::format("{} is negative, a count is 0 or more", Quoted(cell))};
    }
    return CellProblem{
        Problem::kBadNumber,
        fmt::format("{} is not a whole number, write a count of 0 or more", Quoted(cell))};
  }
  if (!fits) {
    return CellProblem{Problem::kTooLarge,
                       fmt::format("{} is too large, a count is below 2^32", Quoted(cell))};
  }
  out = static_cast<uint32_t>(value);
  return std::nullopt;
}

std::optional<CellProblem> ParseFinite(std::string_view cell, double& out) {
  const char* const stop = cell.data() + cell.size();
  const auto [end, error] = std::from_chars(cell.data(), stop, out);
  if (error == std::errc::result_out_of_range && end == stop) {
    return CellProblem{Problem::kTooLarge,
                       fmt::format("{} is out of a number's range", Quoted(cell))};
  }
  if (error != std::errc() || end != stop || !std::isfinite(out)) {
    return CellProblem{Problem::kBadNumber,
                       fmt::format("{} is not a number, write one like 12.5", Quoted(cell))};
  }
  return std::nullopt;
}

std::optional<CellProblem> ParseNonNegative(std::string_view cell, double& out) {
  if (auto problem = ParseFinite(cell, out)) return problem;
  if (out < 0) {
    return CellProblem{Problem::kNegative,
                       fmt::format("{} is negative, 0 or more is allowed", Quoted(cell))};
  }
  return std::nullopt;
}

std::optional<int64_t> ToMicros(double value, double unit_us) {
  const double us = value * unit_us;
  if (!(std::abs(us) <= 9e15)) return std::nullopt;
  return std::llround(us);
}

}  // namespace reeve
