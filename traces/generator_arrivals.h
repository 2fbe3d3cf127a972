// When one function of a synthetic population is invoked. Internal to the generator.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/units.h"
#include "traces/generator.h"

namespace reeve::generator_internal {

// The draws of one tenant, application or function, addressed by what they decide.
enum class Draw : uint32_t {
  kWeight = 0,
  kTrigger,
  kProcess,
  kPhase,
  kAligned,
  kPeak,
  kDuty,
  kBurstLength,
  kExecution,
  kMemory,
  kSize,
  kRounding,
  kMinutes,     // one a minute
  kPlacements,  // one an invocation
  kBursts,      // one a burst or pause
};

class Draws {
 public:
  enum class Owner : uint32_t { kFunction = 0u, kApp = 1u << 31, kTenant = 3u << 30 };
  Draws(uint64_t seed, Owner owner, uint32_t index)
      : stream_(seed, StreamPurpose::kGenerator, static_cast<uint32_t>(owner) | index) {}
  double Uniform(Draw what, uint32_t step = 0) const { return stream_.Uniform(At(what, step)); }
  double Normal(Draw what, uint32_t step = 0) const { return stream_.Normal(At(what, step)); }
  double Exponential(Draw what, uint32_t step = 0) const {
    return stream_.Exponential(At(what, step));
  }

 private:
  static uint64_t At(Draw what, uint32_t step) { return static_cast<uint64_t>(what) << 32 | step; }
  RandomStream stream_;
};

enum class Process : uint8_t { kTimer, kRegular, kPoisson, kBursty };

struct ArrivalPlan {
  Process process = Process::kPoisson;
  SimTime period, phase;  // kTimer: fires at phase + k * period of the clock of the week
  int peak_minute = 0;    // the others: of the day, 0 … 1439
};

// The relative rate of a function in each minute of the trace: its day, and its bursts if it has
// some. Mean 1 over a whole weekday; bursts leave the sum over the trace as it is without them.
void FillWeights(const GeneratorConfig& config, const ArrivalPlan& plan, const Draws& draws,
                 std::vector<double>& weights);

// Sum of the weights without bursts, in days: 1 for one weekday.
double ExpectedDays(const GeneratorConfig& config, const ArrivalPlan& plan);

// Invocations of a timer in the trace.
uint64_t TimerInvocations(const GeneratorConfig& config, const ArrivalPlan& plan);

// Invocations in each minute, [minutes]. `expected`: how many in all; a whole number whenever it is
// at most one a minute, and then met exactly. Ignored for timers.
void FillCounts(const GeneratorConfig& config, const ArrivalPlan& plan, const Draws& draws,
                double expected, std::vector<double>& weights, std::vector<uint32_t>& counts);

// A Poisson variate by inversion of u: exact up to mean 32, Cornish-Fisher expansion of third order
// beyond, where its quantiles are off by less than 0.05.
uint32_t PoissonQuantile(double mean, double u);

}  // namespace reeve::generator_internal
