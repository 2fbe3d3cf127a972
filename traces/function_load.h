// Hand-made workloads: functions with a rate that follows a pattern, drawn anew with every seed.
//
//   load: 5                                              # Poisson, requests a second
//   load: {rate_rps: 5, pattern: sinusoid, period: 10m, amplitude: 0.5}
//   load: {rate_rps: 2, pattern: bursts, period: 5m, length: 30s, factor: 6, random_phase: true}
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/units.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

// The factor on the rate within each period; p is the time since the period began.
enum class LoadPattern : uint8_t {
  kConstant,  // 1
  kSinusoid,  // 1 + amplitude * sin(2 pi p / period)
  kBursts,    // `factor` while p < length, then 1
  kRamp,      // from 1 linearly to `factor` while p < length, then 1
  kOnOff,     // 1 while p < length, then 0
};
constexpr auto EnumNames(LoadPattern) {
  return std::array<std::pair<LoadPattern, std::string_view>, 5>{
      {{LoadPattern::kConstant, "constant"},
       {LoadPattern::kSinusoid, "sinusoid"},
       {LoadPattern::kBursts, "bursts"},
       {LoadPattern::kRamp, "ramp"},
       {LoadPattern::kOnOff, "on_off"}}};
}

struct LoadSpec {
  double rate_rps = 1;
  LoadPattern pattern = LoadPattern::kConstant;
  SimTime period = SimTime::Minutes(10);
  SimTime length = SimTime::Minutes(1);
  double amplitude = 0.5;
  double factor = 4;
  SimTime phase = {};
  bool random_phase = false;
  bool even = false;

  static constexpr std::string_view kScalarField = "rate_rps";
  template <class V>
  static void Fields(V& v) {
    v.Field("rate_rps", &LoadSpec::rate_rps, "Requests a second, before the pattern",
            Between(0, 1e5));
    v.Field("pattern", &LoadSpec::pattern, "How the rate changes");
    v.Field("period", &LoadSpec::period, "After which the pattern repeats", AtLeast(0.001));
    v.Field("length", &LoadSpec::length, "Of a burst, a ramp, or what is on; below the period",
            AtLeast(0));
    v.Field("amplitude", &LoadSpec::amplitude, "Of a sinusoid, as a share of the rate",
            Between(0, 1));
    v.Field("factor", &LoadSpec::factor, "On the rate in a burst or at the top of a ramp",
            Between(0, 1000));
    v.Field("phase", &LoadSpec::phase, "Where in its pattern the load begins", AtLeast(0));
    v.Field("random_phase", &LoadSpec::random_phase, "It begins anywhere, drawn with each seed");
    v.Field("even", &LoadSpec::even,
            "Equal steps of the integral of the rate from one request to the next, as a timer "
            "has; else a Poisson process. Not for sinusoids and ramps");
  }
  absl::Status Validate() const;

  // Requests a second at a time of the pattern.
  double RateAt(SimTime time) const;
  double PeakRate() const;
};

// One function of a hand-made workload: it is invoked during [from, to) after the start.
struct FunctionLoad {
  LoadSpec load;
  SimTime from = {};
  SimTime to = SimTime::Max();
};

// Arrivals of `functions`, which gives profiles and length (the pattern runs to its end) and must
// outlive the source; [F] loads. Restart(options, minute) begins at that minute of the patterns;
// presence counts from there. Draws are keyed by (seed, function): no function changes another's.
// Batches are a minute long, less where that would be many more than 1,000 arrivals. Neither Next
// nor Restart allocates once buffers have grown.
std::unique_ptr<ArrivalSource> MakeLoadSource(const Trace& functions,
                                              std::vector<FunctionLoad> loads,
                                              const ArrivalOptions& options);

// What a source gives before `end`, as a trace of the same functions: for those who need one.
absl::StatusOr<Trace> RecordArrivals(const Trace& functions, ArrivalSource& source, SimTime end);

}  // namespace reeve
