// A simulated cluster whose load goes through environments, under an AdaptiveControl or under a
// rule.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "agents/adapt/adaptive_policy.h"
#include "core/status.h"
#include "envs/scenario.h"
#include "runs/adaptation.h"
#include "runs/scenario_trace.h"
#include "runs/simulation.h"
#include "sim/function_settings.h"
#include "traces/environments.h"

namespace reeve {
namespace {

constexpr double kMebibytesPerGib = 1024;

AgentNames AgentNamesOf(const Trace& trace) {
  AgentNames names;
  for (const FunctionProfile& function : trace.functions()) {
    names.functions.push_back(function.name);
    names.tenants.push_back(static_cast<int32_t>(function.tenant.index()));
  }
  return names;
}

// The requests, and which environment holds when.
struct Workload {
  Trace trace;
  std::vector<std::string> labels;
  std::vector<EnvironmentVisit> visits;
};

absl::StatusOr<Workload> MakeWorkload(const AdaptationConfig& config, const Scenario& scenario) {
  Workload workload;
  ASSIGN_OR_RETURN(workload.trace, ScenarioTrace(scenario, config.seed, config.length));
  if (!config.schedule) {
    workload.labels = {"as it is"};
    workload.visits = {{SimTime(), 0}};
    return workload;
  }
  for (const WorkloadEnvironment& e : config.schedule->environments) {
    workload.labels.push_back(e.label);
  }
  workload.visits = DrawVisits(*config.schedule, workload.trace.duration(), config.seed);
  ASSIGN_OR_RETURN(workload.trace, ApplyEnvironments(workload.trace, *config.schedule,
                                                     workload.visits, config.seed));
  return workload;
}

class ClusterRun {
 public:
  ClusterRun(const AdaptationConfig& config, const Scenario& scenario)
      : config_(config),
        scenario_(scenario),
        reward_(scenario.spec.reward),
        timeline_(config.interval, config.settling) {}

  absl::StatusOr<AdaptationRecord> Play(const AdaptationStart& start, const AdaptationHooks& hooks,
                                        bool before);

 private:
  absl::StatusOr<std::unique_ptr<Policy>> MakeDriver(const AdaptationStart& start,
                                                     const AdaptationHooks& hooks);
  absl::Status Restore(const KnownExperts& known, AdaptivePolicy& adaptive) const;
  absl::Status Learned(KnownExperts& learned) const;
  void Record(SimTime now, const Snapshot& snapshot);
  int64_t TruthAt(SimTime time);
  std::vector<std::string> LabelsInOrder() const;
  bool one_policy() const { return config_.online.method != OnlineMethod::kExperts; }
  double EngagedShare() const;

  const AdaptationConfig& config_;
  const Scenario& scenario_;
  const RewardFunction reward_;
  AdaptationTimeline timeline_;
  Workload workload_;
  AdaptivePolicy* adaptive_ = nullptr;  // none: a rule drives
  AdaptiveControl* control_ = nullptr;  // none: nobody guards
  size_t visit_ = 0;
  std::vector<float> rewards_;
  std::vector<ActionOutcome> outcomes_;
};

// The order in which true labels' environments open, which gives them their ids.
std::vector<std::string> ClusterRun::LabelsInOrder() const {
  std::vector<std::string> order;
  for (const EnvironmentVisit& visit : workload_.visits) {
    const std::string& label = workload_.labels[visit.environment];
    if (std::find(order.begin(), order.end(), label) == order.end()) order.push_back(label);
  }
  return order;
}

absl::Status ClusterRun::Restore(const KnownExperts& known, AdaptivePolicy& adaptive) const {
  const std::vector<std::string> order = LabelsInOrder();
  for (size_t id = 0; id < (one_policy() ? 1 : order.size()); ++id) {
    const auto found = known.find(one_policy() ? "" : order[id]);
    if (found == known.end()) continue;
    RETURN_IF_ERROR(adaptive.learner().Restore(static_cast<int64_t>(id), found->second));
  }
  return absl::OkStatus();
}

absl::Status ClusterRun::Learned(KnownExperts& learned) const {
  const std::vector<std::string> order = LabelsInOrder();
  for (const int64_t id : adaptive_->learner().environments()) {
    ASSIGN_OR_RETURN(OnlineExpertState state, adaptive_->learner().StateOf(id));
    state.steps = config_.online.exploration.steps;
    const auto place = static_cast<size_t>(id);
    if (!one_policy() && place >= order.size()) continue;
    learned[one_policy() ? "" : order[place]] = std::move(state);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Policy>> ClusterRun::MakeDriver(const AdaptationStart& start,
                                                               const AdaptationHooks& hooks) {
  ASSIGN_OR_RETURN(std::unique_ptr<Policy> rule, MakePolicy(config_.rule));
  if (config_.driver == AdaptationDriver::kRule) return rule;
  AdaptiveSpec spec;
  spec.observation = scenario_.spec.observation;
  spec.action = scenario_.spec.action;
  spec.reward = scenario_.spec.reward;
  spec.context = config_.context;
  spec.detector = config_.detector;
  spec.online = config_.online;
  spec.unsafe_penalty = config_.unsafe_penalty;
  spec.pessimism = config_.pessimism;
  if (spec.detector.kind == DetectorKind::kOracle && spec.detector.oracle.empty()) {
    for (const EnvironmentVisit& visit : workload_.visits) {
      spec.detector.oracle.push_back({visit.from, workload_.labels[visit.environment]});
    }
  }
  auto adaptive = std::make_unique<AdaptivePolicy>(spec, AgentNamesOf(workload_.trace),
                                                   hooks.learners(spec.online), config_.seed);
  if (start.known != nullptr) RETURN_IF_ERROR(Restore(*start.known, *adaptive));
  if (start.keeper != nullptr) RETURN_IF_ERROR(adaptive->KeepWith(start.keeper));
  adaptive_ = adaptive.get();
  if (!config_.safeguard) return adaptive;
  auto control =
      std::make_unique<AdaptiveControl>(std::move(adaptive), std::move(rule), *config_.safeguard);
  control_ = control.get();
  return control;
}

int64_t ClusterRun::TruthAt(SimTime time) {
  const std::vector<EnvironmentVisit>& visits = workload_.visits;
  while (visit_ + 1 < visits.size() && visits[visit_ + 1].from <= time) ++visit_;
  return static_cast<int64_t>(visits[visit_].environment);
}

double ClusterRun::EngagedShare() const {
  if (control_ == nullptr) return 0;
  const size_t functions = workload_.trace.functions().size();
  size_t engaged = 0;
  for (size_t f = 0; f < functions; ++f) {
    engaged += control_->guarded().engaged(FunctionId(static_cast<uint32_t>(f))) ? 1 : 0;
  }
  return static_cast<double>(engaged) / static_cast<double>(functions);
}

// All are paid alike here, whoever drove and whatever that costs a learner: by what came of it.
void ClusterRun::Record(SimTime now, const Snapshot& snapshot) {
  if (snapshot.window == SimTime()) return;
  AdaptationPeriod period;
  period.start = now - snapshot.window;
  period.end = now;
  period.truth = TruthAt(period.start);
  reward_.Compute(snapshot, outcomes_, outcomes_, rewards_);
  period.reward =
      std::accumulate(rewards_.begin(), rewards_.end(), 0.0) / static_cast<double>(rewards_.size());
  const std::vector<double>& held = snapshot.functions.memory_used_mebibytes;
  period.cost = std::accumulate(held.begin(), held.end(), 0.0) / kMebibytesPerGib *
                snapshot.window.seconds() / 3600;
  if (adaptive_ != nullptr) {
    period.detected = adaptive_->detection().environment;
    period.expert = one_policy() ? 0 : adaptive_->learner().environment();
    period.exploring = adaptive_->learner().exploring() ? 1 : 0;
    period.engaged = EngagedShare();
  }
  timeline_.EndPeriod(period);
}

absl::StatusOr<AdaptationRecord> ClusterRun::Play(const AdaptationStart& start,
                                                  const AdaptationHooks& hooks, bool before) {
  ASSIGN_OR_RETURN(workload_, MakeWorkload(config_, scenario_));
  ASSIGN_OR_RETURN(const std::unique_ptr<Policy> driver, MakeDriver(start, hooks));
  const size_t functions = workload_.trace.functions().size();
  rewards_.resize(functions);
  outcomes_.resize(functions);

  SimulationConfig simulation = ScenarioSimulation(scenario_, config_.seed);
  simulation.policy.name = std::string(driver->name());
  simulation.report_interval = simulation.cluster.control_period * 60;
  simulation.function_intervals = FunctionIntervals::kNone;
  simulation.bound = false;
  std::vector<SimTime> slos;
  for (const FunctionProfile& function : workload_.trace.functions()) {
    slos.push_back(SettingsFor(simulation.cluster, function).slo_latency);
  }
  SimulationHooks observers;
  observers.stop = hooks.stop;
  observers.on_invocation = [&](const InvocationRecord& r) {
    timeline_.AddRequest({(r.end - r.arrival).micros(), slos[r.function.index()].micros(),
                          r.outcome != Outcome::kCompleted});
  };
  const SimTime length = workload_.trace.duration();
  observers.on_period = [&](SimTime now, const SimulatedCluster&, const Snapshot& snapshot) {
    Record(now, snapshot);
    if (hooks.on_period) hooks.on_period(now, length, before);
  };
  ASSIGN_OR_RETURN(const RunData run,
                   RunSimulation(workload_.trace, simulation, *driver, observers));
  AdaptationRecord record = timeline_.Finish(config_.tolerance);
  record.complete = run.summary.complete;
  record.cost_unit = "GiB h";
  record.labels = workload_.labels;
  if (adaptive_ != nullptr) {
    if (start.learned != nullptr) RETURN_IF_ERROR(Learned(*start.learned));
    RETURN_IF_ERROR(adaptive_->FinishKeeping());
    const OnlineCounts& counts = adaptive_->learner().counts();
    record.learner = {
        counts.updates,       counts.switches,
        counts.experts_begun, counts.batches_dropped,
        counts.batches_lost,  control_ == nullptr ? 0 : control_->guarded().counts().engagements};
  }
  return record;
}

}  // namespace

absl::StatusOr<AdaptationRecord> AdaptOnCluster(const AdaptationConfig& config,
                                                const Scenario& scenario,
                                                const AdaptationStart& start,
                                                const AdaptationHooks& hooks) {
  return ClusterRun(config, scenario).Play(start, hooks, start.learned != nullptr);
}

}  // namespace reeve
