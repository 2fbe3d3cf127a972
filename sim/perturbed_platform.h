// A platform seen and driven through perturbations: what a policy meets when metrics are late,
// noisy or missing and decisions slow or lost. Wraps any Platform.
//
// Metrics go through records, noise, loss, then lag: records and noise are made where they are
// measured, loss where they are collected, lag where they are delivered. So a value that is seen
// again, or late, is the same noisy value as before, and records, noise and loss are in force by
// the time a window was measured, lag by the time the policy looks. Metrics are the counts of
// requests, queued and in_flight, the averages, the percentiles, and the cluster's CPU use. What
// the platform's own control plane knows (containers ready, starting and started, replicas asked
// for, limits, objectives, nodes) is not measured but read, and stays exact and current, as it is
// for an autoscaler that watches the Kubernetes API. `time` stays the present, or time would run
// backwards for a policy when lag sets in; `window` is the length of the window that the metrics
// are of. `histograms` is null in all snapshots as soon as any perturbation of metrics is
// configured, since it would tell the truth.
//
// Records: arrivals are the requests that ended in the window, however; nothing is known to wait or
// to run (queued, in_flight). Averages are kept exact: they follow from what is recorded, only
// later. Noise: one lognormal factor of mean 1 for each function, group of metrics and window. The
// groups are requests, concurrency, latency, execution, CPU and memory; within one all metrics have
// the same factor, so that percentiles keep their order and completions go with arrivals. Counts
// are rounded up or down at random, with the expectation exact (zero stays zero). The cluster's CPU
// use stays exact. Loss: a function whose metrics of a window are missing shows those collected
// last (at first: zeros), since this is what monitoring systems answer, and a Snapshot cannot say
// "unknown". Lag: the newest metrics that are at least `lag` old; at the start of the run, where
// none are, the first.
//
// Decisions: what a policy decides about one function at one time is one decision, whichever fields
// it sets. It fails as a whole, or else takes its time and is carried out by the first Apply at or
// after that. Older decisions about the function that a newer one overtakes are carried out with
// it, and lose where both set a field: an older decision never overrides a newer. Activations from
// zero (Policy::Wake) go the same way, as they reach containers through the same API; one that is
// delayed at all waits for a control period.
//
// Draws are keyed by seed, function index and time, so they depend neither on threads nor on what
// is decided. Without perturbations everything passes through unchanged and at no cost per
// function; with them a period costs O(functions), and memory grows with lag over control period.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "core/ids.h"
#include "core/platform.h"
#include "sim/perturbation.h"

namespace reeve {

// Not thread-safe.
class PerturbedPlatform : public Platform {
 public:
  // `inner` outlives the platform.
  PerturbedPlatform(Platform& inner, const PerturbationSpec& spec, uint64_t seed);

  // As newly constructed with this seed; the inner platform is the caller's to reset. Without
  // allocation, and none follows but for what was never needed before.
  void Reset(uint64_t seed);

  // Errors are those of the inner platform; Observe also refuses functions that disappear. Apply
  // comes after Observe.
  absl::Status Observe(Snapshot& snapshot) override;
  absl::Status Apply(std::span<const Decision> decisions) override;

  // What Observe saw last, unperturbed; valid until the next call, and, as it may be the snapshot
  // that was given to it, as long as that is.
  const Snapshot& truth() const { return *truth_; }

  // Turns the decision of a Policy::Wake into what of it, and of earlier ones about the function,
  // is to be carried out now.
  void PerturbWake(FunctionId function, SimTime now, Decision& decision);

 private:
  struct Pending {
    SimTime due;
    Decision decision;
  };

  static void CountWhatEnded(FunctionWindows& windows);
  void AddNoise(Snapshot& snapshot) const;
  void LoseMetrics(Snapshot& snapshot, const Snapshot* previous) const;
  // Leaves the metrics to be shown at the front of history_.
  void ForgetOlderThanLag(SimTime now);
  void Submit(size_t function, SimTime now, uint64_t draw, const Decision& decision);
  // What of the function's decisions is due, merged; unset when nothing is.
  Decision TakeDue(size_t function, SimTime now);

  Platform& inner_;
  const PerturbationSpec spec_;
  uint64_t seed_;
  const bool metrics_, actuation_;
  const Distribution noise_;

  Snapshot measured_;  // of the inner platform, which fills always the same one
  const Snapshot* truth_ = &measured_;
  // As collected, by rising time; elements from history_size_ on wait to be used again.
  std::vector<Snapshot> history_;
  size_t history_size_ = 0;
  SimTime now_;                                // of the last Observe
  size_t functions_ = 0;                       // then
  std::vector<std::vector<Pending>> pending_;  // [F] in the order decided
  std::vector<Decision> due_;                  // [F]
};

}  // namespace reeve
