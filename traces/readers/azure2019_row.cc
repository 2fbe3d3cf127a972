// The hot loop of reading per-minute counts. Most cells are a lone 0.
#include <cstring>

#include "traces/readers/azure2019.h"

namespace reeve::azure2019_internal {
namespace {

// Takes `n` cells of minutes from `first_minute` on, from p; leaves p behind the comma of the last,
// or at `stop` with `at_end` set.
bool ParseRun(const char*& p, const char* stop, int n, int first_minute, bool& at_end,
              std::vector<InvocationRow::Cell>& cells) {
  constexpr char kFourZeros[] = "0,0,0,0,";
  for (int k = 0; k < n;) {
    while (n - k >= 4 && stop - p >= 8 && std::memcmp(p, kFourZeros, 8) == 0) {
      p += 8;
      k += 4;
    }
    if (k == n) break;
    if (at_end) return false;
    const char* digits = p;
    uint64_t value = 0;
    while (p != stop && static_cast<unsigned char>(*p - '0') <= 9) {
      value = value * 10 + static_cast<unsigned char>(*p - '0');
      ++p;
    }
    // Nine digits fit into 32 bits whatever they are; ten are for the slow way to judge.
    if (p == digits || p - digits > 9) return false;
    if (p == stop) {
      at_end = true;
    } else if (*p == ',') {
      ++p;
    } else {
      return false;
    }
    if (value > 0) cells.push_back({first_minute + k, static_cast<uint32_t>(value)});
    ++k;
  }
  return true;
}

}  // namespace

bool ParseRowFast(std::string_view row, const InvocationColumns& columns, InvocationRow& out) {
  out.cells.clear();
  if (columns.run_begin == columns.run_end) return false;
  const int n = static_cast<int>(columns.minute.size());
  const char* p = row.data();
  const char* const stop = p + row.size();
  bool at_end = false;
  for (int c = 0; c < n;) {
    if (c == columns.run_begin) {
      if (!ParseRun(p, stop, columns.run_end - c, columns.minute[static_cast<size_t>(c)], at_end,
                    out.cells)) {
        return false;
      }
      c = columns.run_end;
      continue;
    }
    if (at_end) return false;
    const auto* comma =
        p == stop ? nullptr
                  : static_cast<const char*>(std::memchr(p, ',', static_cast<size_t>(stop - p)));
    const char* cell_end = comma == nullptr ? stop : comma;
    const std::string_view cell = Trimmed(std::string_view(p, static_cast<size_t>(cell_end - p)));
    if (c == columns.owner) out.owner = cell;
    if (c == columns.app) out.app = cell;
    if (c == columns.function) out.function = cell;
    if (c == columns.trigger) out.trigger = cell;
    at_end = comma == nullptr;
    p = at_end ? stop : comma + 1;
    ++c;
  }
  return at_end;
}

}  // namespace reeve::azure2019_internal
