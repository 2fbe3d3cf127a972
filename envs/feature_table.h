// The features there are: one row of a table each, its formula beside it. To add one, write its
// formula as a function of (FeatureInput, f) and a row below it; docs, YAML errors and tests
// follow. Internal to envs/ and its tests.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/units.h"
#include "envs/feature_history.h"

namespace reeve {

// What a formula is given.
struct FeatureInput {
  const WindowInput& window;
  const FunctionWindows& w;  // of the window
  const History* history;    // of the row's kind
  double per_scale;          // 1 / scale
  double time_s;             // the feature's time; 0 where it takes none
  float min, max;            // of the row

  template <class H>
  const H& Past() const {
    return static_cast<const H&>(*history);
  }
};

inline constexpr SimTime kNoTime;  // of rows that take none

struct FeatureRow {
  std::string_view name, unit;
  double scale;  // default; 0: takes none
  SimTime time;  // default; 0: takes none
  HistoryKind history;
  float min, max;  // range after scaling, held
  std::string_view doc;
  // out[(f - begin) * stride] = the feature of functions [begin, end).
  void (*fill)(const FeatureInput& in, size_t begin, size_t end, float* out, size_t stride);
};

// x inside min .. max; NaN is min.
inline float Within(double x, float min, float max) {
  return x > min ? (x < max ? static_cast<float>(x) : max) : min;
}

// A row's `fill` from the formula of one function.
template <double (*formula)(const FeatureInput&, size_t)>
void Fill(const FeatureInput& in, size_t begin, size_t end, float* out, size_t stride) {
  for (size_t f = begin; f < end; ++f) {
    *out = Within(formula(in, f), in.min, in.max);
    out += stride;
  }
}

std::span<const FeatureRow> WindowFeatures();   // of the last window alone
std::span<const FeatureRow> HistoryFeatures();  // that look further back

// Null for a name that there is not.
const FeatureRow* FindFeature(std::string_view name);
std::vector<const FeatureRow*> AllFeatures();  // in the order of the documentation

}  // namespace reeve
