#include "runs/context_recording.h"

#include <algorithm>
#include <span>

#include "agents/adapt/shift_detector.h"
#include "core/status.h"
#include "runs/scenario_trace.h"
#include "runs/simulation.h"

namespace reeve {

absl::StatusOr<ContextRecording> RecordContexts(const Scenario& scenario, const RecordingSpec& spec,
                                                const std::function<bool()>& stop) {
  ContextRecording recording;
  ASSIGN_OR_RETURN(Trace trace, ScenarioTrace(scenario, spec.seed, spec.length));
  recording.end = trace.duration();
  if (spec.schedule == nullptr) {
    recording.labels = {"usual"};
    recording.truth = {{SimTime(), 0}};
  } else {
    for (const WorkloadEnvironment& e : spec.schedule->environments) {
      recording.labels.push_back(e.label);
    }
    const std::vector<EnvironmentVisit> visits =
        DrawVisits(*spec.schedule, recording.end, spec.seed);
    for (const EnvironmentVisit& visit : visits) {
      recording.truth.push_back({visit.from, static_cast<int64_t>(visit.environment)});
    }
    ASSIGN_OR_RETURN(trace, ApplyEnvironments(trace, *spec.schedule, visits, spec.seed));
  }
  ContextTracker tracker(spec.context, trace.functions().size());
  recording.names = tracker.names();
  SimulationConfig config = ScenarioSimulation(scenario, spec.seed);
  config.policy = spec.policy;
  config.report_interval = config.cluster.control_period * 60;
  config.function_intervals = FunctionIntervals::kNone;
  config.bound = false;
  SimulationHooks hooks;
  hooks.stop = stop;
  hooks.on_period = [&](SimTime now, const SimulatedCluster&, const Snapshot& snapshot) {
    tracker.Update(snapshot);
    recording.times.push_back(now);
    const std::span<const double> context = tracker.context();
    recording.contexts.insert(recording.contexts.end(), context.begin(), context.end());
  };
  ASSIGN_OR_RETURN(const RunData run, RunSimulation(trace, config, 1, hooks));
  if (!run.summary.complete) return absl::CancelledError("interrupted");
  return recording;
}

DetectorReplay ReplayDetector(const ContextRecording& recording, const DetectorSpec& spec,
                              SimTime tolerance) {
  DetectorSpec own = spec;
  if (own.kind == DetectorKind::kOracle && own.oracle.empty()) {
    for (const EnvironmentSpan& span : recording.truth) {
      own.oracle.push_back({span.from, recording.labels[static_cast<size_t>(span.environment)]});
    }
  }
  const size_t dimensions = recording.names.size();
  ShiftDetector detector(own, dimensions);
  DetectorReplay replay;
  for (size_t t = 0; t < recording.times.size(); ++t) {
    const Detection d = detector.Observe(
        recording.times[t], std::span(recording.contexts).subspan(t * dimensions, dimensions));
    // The first environment was in force from the start, as far as anybody knows.
    if (d.changed)
      replay.detected.push_back(
          {replay.detected.empty() ? SimTime() : recording.times[t], d.environment});
  }
  replay.score = ScoreDetections(recording.truth, replay.detected, recording.end, tolerance);
  return replay;
}

}  // namespace reeve
