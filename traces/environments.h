// A workload that goes back and forth between environments of known difference: what detectors of
// shifts are measured on, and what learners that adapt are shown.
//
//   schedule:
//     environments:
//       - {label: usual}
//       - {label: rate x2, rate: 2}
//       - {label: mix, exchange: 1}
//       - {label: slow, duration: 1.5}
//     min_stay: 10m
//     max_stay: 30m
//
// Unlike the changes of trace_shift.h, which last, environments return, and every return is the
// same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/config.h"
#include "core/units.h"
#include "traces/trace.h"

namespace reeve {

struct WorkloadEnvironment {
  std::string label;
  double rate = 1;
  double exchange = 0;
  double duration = 1;

  template <class V>
  static void Fields(V& v) {
    using W = WorkloadEnvironment;
    v.Field("label", &W::label, "Its name; each once");
    v.Field("rate", &W::rate, "Every function's load in it, over what it would be",
            Between(0, 1000));
    v.Field("exchange", &W::exchange,
            "Share of all functions, chosen at random, that exchange their loads in it: each is "
            "invoked as another of them would have been, and takes as long as it always does; 0: "
            "none, above: at least two. The rate of all together stays",
            Between(0, 1));
    v.Field("duration", &W::duration, "Every execution time in it, over what it would be",
            Between(0.001, 1000));
  }
};

struct EnvironmentScheduleSpec {
  std::vector<WorkloadEnvironment> environments;
  SimTime min_stay = SimTime::Minutes(10);
  SimTime max_stay = SimTime::Minutes(30);
  bool home = true;

  template <class V>
  static void Fields(V& v) {
    using E = EnvironmentScheduleSpec;
    v.Field("environments", &E::environments, "What there is; a run begins in the first");
    v.Field("min_stay", &E::min_stay, "Least time in one, in whole minutes", Between(60, 1e7));
    v.Field("max_stay", &E::max_stay, "Longest time in one; each is drawn evenly between the two",
            Between(60, 1e7));
    v.Field("home", &E::home,
            "Between two others comes the first; else each may follow on every other");
  }
  // There are at least two, labels differ, times are whole minutes and in order.
  absl::Status Validate() const;
};

struct EnvironmentVisit {
  SimTime from;            // a whole minute
  size_t environment = 0;  // index into the specification's list
  bool operator==(const EnvironmentVisit&) const = default;
};

// The visits of a run, the first from 0, none shorter than min_stay. Environments are dealt like
// cards: each comes once before any comes again (twice in a row never). Follows from the
// specification and the seed alone; a longer run begins like a shorter one, but for where that
// ends. REQUIRES: `spec` has passed Validate().
std::vector<EnvironmentVisit> DrawVisits(const EnvironmentScheduleSpec& spec, SimTime length,
                                         uint64_t seed);

// A timed trace in these environments, of the same length and with the same functions. Of an
// invocation there are as many as the rate says, rounded up or down at random with the expectation
// exact: the first stays where it is, others fall uniformly into its minute. One that went to
// another function draws its execution time from that one's distribution. Which functions exchange
// what depends on seed, names and the environment, not on the visit. InvalidArgument for a trace of
// counts per minute.
absl::StatusOr<Trace> ApplyEnvironments(const Trace& trace, const EnvironmentScheduleSpec& spec,
                                        const std::vector<EnvironmentVisit>& visits, uint64_t seed);

}  // namespace reeve
