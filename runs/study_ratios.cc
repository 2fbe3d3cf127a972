#include "runs/study_ratios.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/check.h"

namespace reeve {
namespace {

// NaN when the run has no such function, or no request of it was answered.
double P99Of(const StudyRun& run, const std::string& function) {
  const auto found =
      std::find_if(run.functions.begin(), run.functions.end(),
                   [&](const StudyFunction& candidate) { return candidate.name == function; });
  return found == run.functions.end() ? std::numeric_limits<double>::quiet_NaN()
                                      : found->latency_p99_ms;
}

StudyRatioRow RatioRow(const StudyRow& of, const StudyRatio& ratio, const std::string& function,
                       const std::vector<double>& above, const std::vector<double>& below,
                       const BootstrapOptions& bootstrap) {
  std::vector<double> values, baseline;
  for (size_t s = 0; s < above.size(); ++s) {
    if (!std::isfinite(above[s]) || !std::isfinite(below[s])) continue;
    values.push_back(above[s]);
    baseline.push_back(below[s]);
  }
  StudyRatioRow row{of.scenario, ratio.name, function, RatioInterval(values, baseline, bootstrap),
                    ratio.minus_one ? 0.0 : 1.0};
  if (row.value && ratio.minus_one) {
    for (double* end : {&row.value->value, &row.value->low, &row.value->high}) *end -= 1;
  }
  return row;
}

}  // namespace

std::vector<StudyRatioRow> RatiosBetween(const StudyRow& of, const StudyRow& to,
                                         const StudyRatio& ratio,
                                         const BootstrapOptions& bootstrap) {
  REEVE_CHECK(of.runs.size() == to.runs.size() && !of.runs.empty());
  const std::vector<StudyFunction>& functions = of.runs.front().functions;
  std::vector<StudyRatioRow> rows;
  std::vector<double> logs_above(of.runs.size()), logs_below(of.runs.size());
  for (const StudyFunction& function : functions) {
    std::vector<double> above, below;
    for (size_t s = 0; s < of.runs.size(); ++s) {
      above.push_back(P99Of(of.runs[s], function.name));
      below.push_back(P99Of(to.runs[s], function.name));
      logs_above[s] += std::log(above.back()) / static_cast<double>(functions.size());
      logs_below[s] += std::log(below.back()) / static_cast<double>(functions.size());
    }
    rows.push_back(RatioRow(of, ratio, function.name, above, below, bootstrap));
  }
  for (size_t s = 0; s < of.runs.size(); ++s) {
    logs_above[s] = std::exp(logs_above[s]);
    logs_below[s] = std::exp(logs_below[s]);
  }
  rows.push_back(RatioRow(of, ratio, "", logs_above, logs_below, bootstrap));
  return rows;
}

}  // namespace reeve
