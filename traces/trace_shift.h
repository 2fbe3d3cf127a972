// Changes of a workload at given times, for experiments on what a policy does when the load is not
// what it was: flash crowds, lasting changes of rate, and functions that exchange their loads.
//
//   workload_changes:
//     flash_crowds:
//       - {at: 30m, ramp: 2m, length: 10m, factor: 8, share: 0.1}
//     shifts:
//       - {at: 1h, rate: 1.5, exchange: 1}
//
// Execution times are properties of a function and do not change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/units.h"
#include "traces/trace.h"

namespace reeve {

// The load of some functions grows linearly from 1 to `factor` times what it would be, stays there
// for `length`, and falls back linearly: a trapezium that begins at `at` and ends at
// at + 2 ramp + length.
struct FlashCrowd {
  SimTime at;
  SimTime ramp = SimTime::Minutes(1);
  SimTime length = SimTime::Minutes(10);
  double factor = 10;
  double share = 1;
  std::vector<std::string> functions;  // by name, instead of `share`

  // The factor's mean over [begin, end), begin < end; exact.
  double MeanFactor(SimTime begin, SimTime end) const;
  // The factor at one time.
  double FactorAt(SimTime time) const;

  template <class V>
  static void Fields(V& v) {
    v.Field("at", &FlashCrowd::at, "When the load begins to grow", Between(0, 1e9));
    v.Field("ramp", &FlashCrowd::ramp, "Time in which it grows, and in which it falls again",
            Between(0, 1e9));
    v.Field("length", &FlashCrowd::length, "Time between the two ramps", Between(0, 1e9));
    v.Field("factor", &FlashCrowd::factor, "The load then, over what it would be",
            Between(0, 1000));
    v.Field("share", &FlashCrowd::share,
            "Share of all functions that it concerns, chosen at random; at least one",
            Between(0, 1));
    v.Field("functions", &FlashCrowd::functions,
            "The functions that it concerns, by name; none: as `share` says");
  }
};

// From `at` to the end of the trace.
struct WorkloadShift {
  SimTime at;
  double rate = 1;
  double exchange = 0;

  template <class V>
  static void Fields(V& v) {
    v.Field("at", &WorkloadShift::at,
            "When; a whole minute where the trace has counts per minute and loads are exchanged",
            Between(0, 1e9));
    v.Field("rate", &WorkloadShift::rate, "Every function's load from then on, over what it was",
            Between(0, 1000));
    v.Field("exchange", &WorkloadShift::exchange,
            "Share of all functions, chosen at random, that exchange their loads: each is invoked "
            "from then on as another of them would have been, no two as the same; 0: none, above: "
            "at least two",
            Between(0, 1));
  }
};

struct WorkloadChanges {
  std::vector<FlashCrowd> flash_crowds;
  std::vector<WorkloadShift> shifts;

  bool empty() const { return flash_crowds.empty() && shifts.empty(); }

  template <class V>
  static void Fields(V& v) {
    v.Field("flash_crowds", &WorkloadChanges::flash_crowds, "Loads that rise and fall again");
    v.Field("shifts", &WorkloadChanges::shifts, "Loads that change for good");
  }
};

// The trace under the changes, in the same form, of the same length, with the same functions.
//
// Exchanges come first, by rising time (those of one time as listed), then factors: a function's
// factor is the product of those of all shifts and flash crowds that concern it, so a crowd comes
// to the function that is named, whatever load it has by then.
// Counts are multiplied by the factors' means over the minute and rounded up or down at random,
// with the expectation exact. Of a timed invocation there are as many as its factor says, rounded
// up or down at random: the first stays where it is, others fall uniformly into its minute. A timed
// invocation that went to another function draws its execution time from that one's distribution.
// These draws are keyed by seed, function's name, and minute or invocation: other functions change
// nothing.
// Which functions a share means is keyed by names and seed, too; larger shares include smaller.
//
// InvalidArgument for names that do not exist (with the nearest one), an exchange within a minute
// of counts, more than 2^32 - 1 invocations of a function in a minute, or when no invocation is
// left.
absl::StatusOr<Trace> ChangeWorkload(const Trace& trace, const WorkloadChanges& changes,
                                     uint64_t seed);

}  // namespace reeve
