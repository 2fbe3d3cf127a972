#include "envs/cluster_env.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.h"
#include "core/random.h"
#include "core/status.h"
#include "sim/perturbed_platform.h"

namespace reeve {
namespace {

// The draws of one episode; the values are part of the meaning of a seed.
enum EpisodeDraw : uint64_t { kSeed, kFirstMinute, kEpisodeDraws };

const std::vector<std::string>& FigureNames() {
  static const std::vector<std::string> names = {
      "return",          "steps",           "requests",       "completions",
      "slo_violations",  "gb_seconds",      "cold_starts",    "containers_started",
      "replica_changes", "latency_mean_ms", "latency_p99_ms", "slowdown_p99"};
  return names;
}

}  // namespace

// One environment.
struct ClusterEnv::State {
  State(const Scenario& scenario, size_t agents)
      : cluster(scenario.trace, scenario.cluster, 0, scenario.MakeArrivals(0)),
        platform(cluster, scenario.spec.perturbations, 0),
        extractor(scenario.spec.observation),
        decisions(agents),
        outcomes(agents),
        previous(agents),
        asked(agents),
        present(agents) {
    cluster.set_record_completions(false);
    if (scenario.cluster.scaling != ScalingMode::kReplicaTarget) return;
    cluster.set_wake([this](FunctionId function, SimTime now, Decision& decision) {
      decision.replicas = 1;
      platform.PerturbWake(function, now, decision);
    });
  }

  SimulatedCluster cluster;
  PerturbedPlatform platform;
  FeatureExtractor extractor;
  Snapshot snapshot;  // what the agents see
  std::vector<Decision> decisions;
  std::vector<ActionOutcome> outcomes, previous;  // of this step and the one before
  std::vector<uint32_t> asked;                    // replicas, at the last step's end
  std::vector<uint8_t> present;                   // during the step
  uint64_t seed = 0, episode = 0;                 // episode: the number of the next
  int32_t step = 0;
};

ClusterEnv::ClusterEnv(std::shared_ptr<const Scenario> scenario, const ClusterEnvOptions& options)
    : scenario_(std::move(scenario)),
      codec_(scenario_->spec.action),
      reward_(scenario_->spec.reward),
      first_env_(options.first_env) {
  const Trace& trace = scenario_->trace;
  spec_.envs = options.envs > 0 ? options.envs : scenario_->spec.environments;
  spec_.agents = static_cast<int32_t>(trace.functions().size());
  spec_.heads = codec_.heads();
  for (const FunctionProfile& function : trace.functions()) {
    spec_.agent_names.push_back(function.name);
    spec_.tenants.push_back(static_cast<int32_t>(function.tenant.index()));
  }
  spec_.figures = FigureNames();
  for (int32_t env = 0; env < spec_.envs; ++env) {
    states_.push_back(std::make_unique<State>(*scenario_, trace.functions().size()));
  }
  spec_.feature_names = states_[0]->extractor.names();
  spec_.features = static_cast<int32_t>(spec_.feature_names.size());
  buffers_.Resize(spec_);
}

ClusterEnv::~ClusterEnv() = default;

const Snapshot& ClusterEnv::snapshot(int32_t env) const {
  return states_[static_cast<size_t>(env)]->snapshot;
}

const SimulatedCluster& ClusterEnv::cluster(int32_t env) const {
  return states_[static_cast<size_t>(env)]->cluster;
}

template <class T>
std::span<T> ClusterEnv::Part(std::vector<T>& buffer, int32_t env, size_t per_agent) const {
  const size_t size = static_cast<size_t>(spec_.agents) * per_agent;
  return std::span(buffer).subspan(static_cast<size_t>(env) * size, size);
}

float& ClusterEnv::FigureOf(int32_t env, size_t agent, Figure figure) {
  return Part(buffers_.figures, env, kFigures)[agent * kFigures + static_cast<size_t>(figure)];
}

absl::Status ClusterEnv::Reset(int32_t first, int32_t last, uint64_t seed) {
  REEVE_CHECK(0 <= first && first <= last && last <= spec_.envs);
  for (int32_t env = first; env < last; ++env) {
    State& s = *states_[static_cast<size_t>(env)];
    s.seed = seed;
    s.episode = 0;
    RETURN_IF_ERROR(BeginEpisode(env));
  }
  return absl::OkStatus();
}

absl::Status ClusterEnv::Step(int32_t first, int32_t last, std::span<const int32_t> actions) {
  const size_t per_env = static_cast<size_t>(spec_.agents) * spec_.heads.size();
  REEVE_CHECK(0 <= first && first <= last && last <= spec_.envs);
  REEVE_CHECK(actions.size() == static_cast<size_t>(spec_.envs) * per_env);
  for (int32_t env = first; env < last; ++env) {
    RETURN_IF_ERROR(StepOne(env, actions.subspan(static_cast<size_t>(env) * per_env, per_env)));
  }
  return absl::OkStatus();
}

absl::Status ClusterEnv::BeginEpisode(int32_t env) {
  State& s = *states_[static_cast<size_t>(env)];
  const RandomStream draws(s.seed, StreamPurpose::kEpisode,
                           static_cast<uint32_t>(first_env_ + env));
  const uint64_t draw = s.episode++ * kEpisodeDraws;
  const uint64_t seed = draws.Bits(draw + kSeed);
  const auto first_minutes = static_cast<uint64_t>(scenario_->first_minutes());
  const int minute = static_cast<int>(draws.Below(draw + kFirstMinute, first_minutes));
  s.cluster.Reset(seed, {seed, scenario_->spec.within_minute}, minute);
  s.platform.Reset(seed);
  s.extractor.Reset();
  s.step = 0;
  std::fill(s.previous.begin(), s.previous.end(), ActionOutcome{});
  for (size_t i = 0; i < s.present.size(); ++i) {
    s.present[i] = scenario_->present_from(i) == SimTime();
  }
  RETURN_IF_ERROR(s.platform.Observe(s.snapshot));
  s.asked = s.platform.truth().functions.replicas_asked;
  Show(env, buffers_.observations);
  return absl::OkStatus();
}

absl::Status ClusterEnv::StepOne(int32_t env, std::span<const int32_t> actions) {
  State& s = *states_[static_cast<size_t>(env)];
  if (s.step == 0) {
    const auto figures = Part(buffers_.figures, env, kFigures);
    std::fill(figures.begin(), figures.end(), 0.0f);
  }
  codec_.Decode(s.snapshot, actions, s.decisions, s.outcomes);
  for (size_t i = 0; i < s.present.size(); ++i) {
    if (s.present[i]) continue;
    s.decisions[i] = {};
    s.decisions[i].replicas = 0;
    s.outcomes[i] = {};
  }
  RETURN_IF_ERROR(s.platform.Apply(s.decisions));
  const SimTime now = scenario_->spec.control_period * ++s.step;
  s.cluster.AdvanceTo(now);
  RETURN_IF_ERROR(Deploy(s, now));
  RETURN_IF_ERROR(s.platform.Observe(s.snapshot));
  reward_.Compute(s.platform.truth(), s.outcomes, s.previous, Part(buffers_.rewards, env, 1));
  reward_.Share(s.present, Part(buffers_.rewards, env, 1));
  CountStep(env);
  std::swap(s.outcomes, s.previous);
  for (size_t i = 0; i < s.present.size(); ++i) {
    s.present[i] = scenario_->present_from(i) <= now && now < scenario_->present_to(i);
  }
  const bool ends = s.step == scenario_->steps();
  buffers_.truncated[static_cast<size_t>(env)] = ends;
  buffers_.terminated[static_cast<size_t>(env)] = 0;
  if (!ends) {
    Show(env, buffers_.observations);
    return absl::OkStatus();
  }
  Show(env, buffers_.final_observations);
  Finish(env);
  return BeginEpisode(env);
}

// What comes and goes at this time. The cluster is told itself: no perturbation of decisions stands
// between a tenant and its deployment.
absl::Status ClusterEnv::Deploy(State& s, SimTime now) {
  bool any = false;
  for (size_t i = 0; i < s.present.size(); ++i) {
    Decision& decision = s.decisions[i];
    decision = {};
    if (scenario_->present_from(i) == now) {
      decision.replicas = scenario_->initial_replicas[i];
    } else if (scenario_->present_to(i) == now) {
      decision.replicas = 0;
      decision.keep_alive = SimTime();
    }
    any |= decision.replicas.has_value();
  }
  return any ? s.cluster.Apply(s.decisions) : absl::OkStatus();
}

void ClusterEnv::CountStep(int32_t env) {
  State& s = *states_[static_cast<size_t>(env)];
  const auto rewards = Part(buffers_.rewards, env, 1);
  const Snapshot& truth = s.platform.truth();
  const FunctionWindows& w = truth.functions;
  const double seconds = truth.window.seconds();
  for (size_t i = 0; i < s.present.size(); ++i) {
    const int64_t change = int64_t{w.replicas_asked[i]} - int64_t{s.asked[i]};
    s.asked[i] = w.replicas_asked[i];
    if (!s.present[i]) {
      rewards[i] = 0;
      continue;
    }
    const auto add = [&](Figure figure, double value) {
      FigureOf(env, i, figure) += static_cast<float>(value);
    };
    add(Figure::kReturn, rewards[i]);
    add(Figure::kSteps, 1);
    add(Figure::kRequests, w.arrivals[i]);
    add(Figure::kCompletions, w.completions[i]);
    add(Figure::kSloViolations, w.slo_violations[i]);
    add(Figure::kGbSeconds, w.memory_used_mebibytes[i] / 1024 * seconds);
    add(Figure::kColdStarts, w.cold_starts[i]);
    add(Figure::kContainersStarted, w.containers_started[i]);
    add(Figure::kReplicaChanges, static_cast<double>(std::abs(change)));
  }
}

void ClusterEnv::Finish(int32_t env) {
  const State& s = *states_[static_cast<size_t>(env)];
  for (uint32_t i = 0; i < s.present.size(); ++i) {
    const FunctionTotals& totals = s.cluster.totals(FunctionId(i));
    if (totals.completions == 0) continue;
    FigureOf(env, i, Figure::kLatencyMean) = static_cast<float>(
        static_cast<double>(totals.latency_sum_us) / static_cast<double>(totals.completions) / 1e3);
    FigureOf(env, i, Figure::kLatencyP99) =
        static_cast<float>(totals.histogram.Quantile(0.99, kLatencyLane) / 1e3);
    FigureOf(env, i, Figure::kSlowdownP99) =
        static_cast<float>(totals.histogram.Quantile(0.99, kSlowdownLane) / 1e3);
  }
}

// What the agents see now, and may do.
void ClusterEnv::Show(int32_t env, std::vector<float>& observations) {
  State& s = *states_[static_cast<size_t>(env)];
  const size_t features = static_cast<size_t>(spec_.features);
  const auto seen = Part(observations, env, features);
  s.extractor.Extract(s.snapshot, seen);
  codec_.Legal(s.snapshot, Part(buffers_.legal, env, static_cast<size_t>(spec_.choices())));
  const auto present = Part(buffers_.present, env, 1);
  std::copy(s.present.begin(), s.present.end(), present.begin());
  for (size_t i = 0; i < s.present.size(); ++i) {
    if (s.present[i]) continue;
    std::fill_n(seen.begin() + static_cast<std::ptrdiff_t>(i * features), features, 0.0f);
  }
}

}  // namespace reeve
