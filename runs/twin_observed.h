// What was observed of each function of a recorded platform, as a twin is fitted to it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/config.h"
#include "traces/trace.h"

namespace reeve {

// What can be compared of a function, observed and simulated.
enum class TwinQuantity : uint8_t {
  kLatencyP50,
  kLatencyP95,
  kLatencyP99,
  kExecutionP50,
  kExecutionP99,
  kColdStarts,
};
inline constexpr size_t kTwinQuantities = 6;
// The column of a CSV file.
constexpr auto EnumNames(TwinQuantity) {
  using Q = TwinQuantity;
  return std::array<std::pair<Q, std::string_view>, kTwinQuantities>{
      {{Q::kLatencyP50, "latency_p50_ms"},
       {Q::kLatencyP95, "latency_p95_ms"},
       {Q::kLatencyP99, "latency_p99_ms"},
       {Q::kExecutionP50, "execution_p50_ms"},
       {Q::kExecutionP99, "execution_p99_ms"},
       {Q::kColdStarts, "cold_starts"}}};
}

// Milliseconds, and a number of requests; what is not known is unset.
using TwinValues = std::array<std::optional<double>, kTwinQuantities>;

struct ObservedFunction {
  std::string name;
  std::optional<uint64_t> completions;
  TwinValues values;
};

// Reads a run folder, or a CSV file with a header: `name` and any of `completions` and the columns
// above; empty cells are unknown, other columns are left alone.
// NotFound, InvalidArgument, DataLoss: with file and line.
absl::StatusOr<std::vector<ObservedFunction>> ReadObserved(const std::string& path);
absl::StatusOr<std::vector<ObservedFunction>> ParseObserved(std::string_view csv,
                                                            const std::string& file);

// [F] By the trace's functions; those that were not observed have no values. A percentile of fewer
// completions than make it (1 / (1 - q), ten times) is left out: it is the luck of a few requests.
// InvalidArgument when no function of the trace was observed.
absl::StatusOr<std::vector<TwinValues>> MatchObserved(const std::vector<ObservedFunction>& observed,
                                                      const Trace& trace);

}  // namespace reeve
