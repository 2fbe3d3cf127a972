// Curves of training, thinned to what a screen can show.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>

namespace reeve {

// How many neighbouring points become one, so that of `points` at most `most` (> 0) are left; >= 1.
size_t PointsPerGroup(size_t points, size_t most);

// [ceil(I / group)] The mean of each `group` (> 0) values that follow each other; NaN stands for a
// value that is missing, and null for a mean of nothing.
// Rounded to six digits: a page of a hundred curves is then half as large, and looks the same.
nlohmann::ordered_json GroupMeans(std::span<const double> values, size_t group);

// [ceil(I / group)] The last of each `group` (> 0) values: where a mean belongs on an axis of
// steps, as what an iteration gave stands at its end.
nlohmann::ordered_json GroupEnds(std::span<const double> values, size_t group);

}  // namespace reeve
