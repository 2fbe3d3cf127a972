// What can go wrong between a policy and its platform, as configuration: metrics that come late,
// noisy, of what has ended only or not at all, decisions that take time or get lost.
// sim/perturbed_platform.h carries it out. Each part has times of its own; a part that is not given
// perturbs nothing.
//
//   perturbations:
//     metric_lag: {lag: 10s}
//     metric_noise: {cv: 0.3, from: 1h, to: 2h}
//
// Faults of the cluster itself (nodes lost, containers that fail) are in sim/cluster_spec.h, under
// `events` and `failures`; changes of the workload in traces/trace_shift.h.
#pragma once

#include "absl/status/status.h"
#include "core/config.h"
#include "core/distribution.h"
#include "core/units.h"

namespace reeve {

// When a part of the perturbations is in force.
struct ActiveTime {
  SimTime from;
  SimTime to = SimTime::Max();

  bool Includes(SimTime time) const { return from <= time && time < to; }
  absl::Status Validate() const;  // from < to

  // For the Fields of `Part`, which derives from this.
  template <class Part, class V>
  static void TimeFields(V& v) {
    v.Field("from", static_cast<SimTime Part::*>(&ActiveTime::from),
            "In force from this time of the run on", AtLeast(0));
    v.Field("to", static_cast<SimTime Part::*>(&ActiveTime::to), "Until, this time excluded",
            AtLeast(0));
  }
};

struct MetricRecords : ActiveTime {
  bool at_end = false;

  template <class V>
  static void Fields(V& v) {
    v.Field(
        "at_end", &MetricRecords::at_end,
        "Requests are known of only when they have ended, as from OpenWhisk's activation records");
    TimeFields<MetricRecords>(v);
  }
};

struct MetricLag : ActiveTime {
  SimTime lag;

  template <class V>
  static void Fields(V& v) {
    v.Field("lag", &MetricLag::lag,
            "Metrics are seen so late, rounded up to control periods; 0: at once",
            Between(0, 86400));
    TimeFields<MetricLag>(v);
  }
};

struct MetricNoise : ActiveTime {
  double cv = 0;

  template <class V>
  static void Fields(V& v) {
    v.Field("cv", &MetricNoise::cv,
            "Metrics are multiplied by lognormal noise of mean 1 and this coefficient of variation",
            Between(0, 10));
    TimeFields<MetricNoise>(v);
  }
};

struct MetricLoss : ActiveTime {
  double probability = 0;

  template <class V>
  static void Fields(V& v) {
    v.Field("probability", &MetricLoss::probability,
            "Of each function's metrics of a window being lost; the previous are then seen again",
            Between(0, 1));
    TimeFields<MetricLoss>(v);
  }
};

struct ActuationDelay : ActiveTime {
  Distribution time_ms;  // constant 0

  template <class V>
  static void Fields(V& v) {
    v.Field("time_ms", &ActuationDelay::time_ms,
            "From a decision until it is carried out, rounded up to control periods");
    TimeFields<ActuationDelay>(v);
  }
};

struct ActuationFailure : ActiveTime {
  double probability = 0;

  template <class V>
  static void Fields(V& v) {
    v.Field("probability", &ActuationFailure::probability,
            "Of a decision about a function never being carried out; the policy is not told",
            Between(0, 1));
    TimeFields<ActuationFailure>(v);
  }
};

struct PerturbationSpec {
  MetricRecords metric_records;
  MetricLag metric_lag;
  MetricNoise metric_noise;
  MetricLoss metric_loss;
  ActuationDelay actuation_delay;
  ActuationFailure actuation_failure;

  // Whether anything is perturbed at any time.
  bool perturbs_metrics() const;
  bool perturbs_actuation() const;

  template <class V>
  static void Fields(V& v) {
    v.Field("metric_records", &PerturbationSpec::metric_records,
            "Metrics that are put together from records of requests");
    v.Field("metric_lag", &PerturbationSpec::metric_lag, "Metrics that come late");
    v.Field("metric_noise", &PerturbationSpec::metric_noise, "Metrics that are not exact");
    v.Field("metric_loss", &PerturbationSpec::metric_loss, "Metrics that go missing");
    v.Field("actuation_delay", &PerturbationSpec::actuation_delay, "Decisions that take time");
    v.Field("actuation_failure", &PerturbationSpec::actuation_failure, "Decisions that get lost");
  }
};

}  // namespace reeve
