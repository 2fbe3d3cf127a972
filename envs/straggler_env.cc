#include "envs/straggler_env.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.h"
#include "core/random.h"

namespace reeve {
namespace {

constexpr size_t kWindows = 4;
constexpr std::array<double, 3> kFading = {0.9, 0.99, 0.999};

enum EpisodeDraw : uint64_t { kSeed, kEpisodeDraws };
enum JobDraw : uint64_t { kGap, kSize, kJobDraws };

enum StragglerFigure : size_t {
  kReturn,
  kSteps,
  kRequests,
  kCompletions,
  kDuplicates,
  kLatencyMean,
  kLatencyP95,
  kEngagedSteps,
  kFigures,
};

std::vector<std::string> FeatureNames(int32_t servers) {
  std::vector<std::string> names;
  for (int32_t s = 0; s < servers; ++s) names.push_back("queue_" + std::to_string(s));
  for (int32_t s = 0; s < servers; ++s) names.push_back("mean_queue_" + std::to_string(s));
  for (const char* name :
       {"rate", "size", "highest_rate", "highest_size", "load", "rate_0.9", "size_0.9", "rate_0.99",
        "size_0.99", "rate_0.999", "size_0.999", "safeguard"}) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace

// One environment.
struct StragglerEnv::State {
  explicit State(const StragglerSpec& spec) : servers(spec) {}

  StragglerServers servers;
  uint64_t seed = 0, episode = 0;  // episode: the number of the next
  RandomStream jobs, order;
  uint64_t next_job = 0;
  int64_t next_arrival_us = 0, next_gap_us = 0;
  int64_t window_start_us = 0, window_us = 0;  // of the last window
  int64_t stretch = 0;                         // number of the environment's stretch in force
  int32_t workload = 0;                        // in it
  bool engaged = false;
  double p95_ms = 0;
  std::vector<int64_t> sorted_us;
  // Of the last windows; ring.
  struct Past {
    double arrivals = 0, gap_ms = 0, size_ms = 0;
  };
  std::array<Past, kWindows> past;
  size_t oldest = 0;
  std::array<double, kStragglerContext> context{};
  std::array<double, 3> fading_weight{}, fading_rate{}, fading_size{};
  std::array<double, kFigures> figures{};
};

StragglerEnv::StragglerEnv(const StragglerSpec& spec, const StragglerEnvOptions& options)
    : spec_(spec), workloads_(spec.Workloads()), first_env_(options.first_env) {
  REEVE_CHECK(!workloads_.empty());
  double rate = 0, size = 0;
  for (const StragglerWorkload& workload : workloads_) {
    rate += 1000 / std::max(workload.gap_ms.Mean(), 1e-3);
    size += workload.size_ms.Mean();
  }
  rate_scale_ = 10 * rate / static_cast<double>(workloads_.size());
  size_scale_ = 10 * size / static_cast<double>(workloads_.size());

  env_spec_.envs = options.envs;
  env_spec_.agents = 1;
  env_spec_.feature_names = FeatureNames(spec_.servers);
  env_spec_.features = static_cast<int32_t>(env_spec_.feature_names.size());
  env_spec_.heads = {spec_.choices()};
  env_spec_.agent_names = {"timeout"};
  env_spec_.tenants = {0};
  env_spec_.figures = {"return",     "steps",           "requests",       "completions",
                       "duplicates", "latency_mean_ms", "latency_p95_ms", "engaged_steps"};
  buffers_.Resize(env_spec_);
  std::fill(buffers_.legal.begin(), buffers_.legal.end(), uint8_t{1});
  std::fill(buffers_.present.begin(), buffers_.present.end(), uint8_t{1});
  for (int32_t e = 0; e < env_spec_.envs; ++e) states_.push_back(std::make_unique<State>(spec_));
}

StragglerEnv::~StragglerEnv() = default;

SimTime StragglerEnv::time(int32_t env) const {
  return SimTime::Micros(states_[static_cast<size_t>(env)]->servers.now_us());
}
int32_t StragglerEnv::workload(int32_t env) const {
  return states_[static_cast<size_t>(env)]->workload;
}
int32_t StragglerEnv::longest_queue(int32_t env) const {
  return states_[static_cast<size_t>(env)]->servers.longest_queue();
}
bool StragglerEnv::engaged(int32_t env) const {
  return states_[static_cast<size_t>(env)]->engaged;
}
std::span<const double, kStragglerContext> StragglerEnv::context(int32_t env) const {
  return states_[static_cast<size_t>(env)]->context;
}
const StragglerTotals& StragglerEnv::totals(int32_t env) const {
  return states_[static_cast<size_t>(env)]->servers.totals();
}
std::span<const int64_t> StragglerEnv::latencies_us(int32_t env) const {
  return states_[static_cast<size_t>(env)]->sorted_us;
}
double StragglerEnv::p95_ms(int32_t env) const {
  return states_[static_cast<size_t>(env)]->p95_ms;
}

// ---- the workload

// Times are asked for in rising order.
int32_t StragglerEnv::WorkloadAt(State& s, int64_t time_us) const {
  const auto count = static_cast<uint64_t>(workloads_.size());
  for (const int64_t stretch = time_us / spec_.hold.micros(); s.stretch < stretch;) {
    const auto number = static_cast<uint64_t>(++s.stretch);
    if (spec_.order == WorkloadOrder::kCycle || count == 1) {
      s.workload = static_cast<int32_t>(number % count);
    } else {
      const uint64_t step = 1 + s.order.Below(number, count - 1);
      s.workload = static_cast<int32_t>((static_cast<uint64_t>(s.workload) + step) % count);
    }
  }
  return s.workload;
}

// The arrival after the one at next_arrival_us.
void StragglerEnv::DrawArrival(State& s) const {
  const auto at = static_cast<size_t>(WorkloadAt(s, s.next_arrival_us));
  const double drawn =
      workloads_[at].gap_ms.Sample(s.jobs.Uniform(s.next_job++ * kJobDraws + kGap));
  const double gap = std::clamp(drawn, spec_.shortest_gap_ms, spec_.longest_gap_ms);
  s.next_gap_us = std::llround(gap * 1000);
  s.next_arrival_us += s.next_gap_us;
}

// ---- episodes

absl::Status StragglerEnv::Reset(int32_t first, int32_t last, uint64_t seed) {
  REEVE_CHECK(0 <= first && first <= last && last <= env_spec_.envs);
  for (int32_t env = first; env < last; ++env) {
    State& s = *states_[static_cast<size_t>(env)];
    s.seed = seed;
    s.episode = 0;
    BeginEpisode(env);
    Show(env, buffers_.observations);
  }
  return absl::OkStatus();
}

void StragglerEnv::BeginEpisode(int32_t env) {
  State& s = *states_[static_cast<size_t>(env)];
  const RandomStream draws(s.seed, StreamPurpose::kEpisode,
                           static_cast<uint32_t>(first_env_ + env));
  const uint64_t seed = draws.Bits(s.episode++ * kEpisodeDraws + kSeed);
  s.servers.Reset(seed);
  s.jobs = RandomStream(seed, StreamPurpose::kArrivals, 0);
  s.order = RandomStream(seed, StreamPurpose::kGenerator, 0);
  s.next_job = 0;
  s.next_arrival_us = 0;
  s.window_start_us = s.window_us = 0;
  s.stretch = 0;
  s.workload = 0;
  s.engaged = false;
  s.p95_ms = 0;
  s.sorted_us.clear();
  s.past = {};
  s.oldest = 0;
  s.context = {};
  s.fading_weight = s.fading_rate = s.fading_size = {};
  s.figures = {};
  DrawArrival(s);
}

absl::Status StragglerEnv::Step(int32_t first, int32_t last, std::span<const int32_t> actions) {
  REEVE_CHECK(0 <= first && first <= last && last <= env_spec_.envs);
  REEVE_CHECK(actions.size() == static_cast<size_t>(env_spec_.envs));
  for (int32_t env = first; env < last; ++env) {
    const int32_t choice = actions[static_cast<size_t>(env)];
    REEVE_CHECK(0 <= choice && choice < spec_.choices());
    StepOne(env, choice);
  }
  return absl::OkStatus();
}

// One window.
void StragglerEnv::Play(State& s, int32_t choice) {
  const bool never = choice == spec_.never();
  const int64_t timeout_us =
      never ? -1 : std::llround(spec_.timeouts_ms[static_cast<size_t>(choice)] * 1000);
  s.window_start_us = s.servers.now_us();
  s.servers.StartWindow();
  const int64_t end_us = s.window_start_us + spec_.window.micros();
  while (true) {
    const int64_t next = std::min(s.next_arrival_us, s.servers.next_event_us());
    const bool done = !s.servers.window().latencies_us.empty();
    if (next > end_us && done) break;
    if (s.next_arrival_us <= next) {
      const auto at = static_cast<size_t>(WorkloadAt(s, next));
      const double size =
          workloads_[at].size_ms.Sample(s.jobs.Uniform((s.next_job - 1) * kJobDraws + kSize));
      s.servers.Arrive(next, s.next_gap_us, std::max<int64_t>(1, std::llround(size * 1000)),
                       timeout_us);
      DrawArrival(s);
    } else {
      s.servers.AdvanceTo(next);
    }
  }
  // Where the window had to be longer, it ends with the job that was waited for.
  s.servers.AdvanceTo(std::max(end_us, s.servers.now_us()));
  s.window_us = s.servers.now_us() - s.window_start_us;
  WorkloadAt(s, s.servers.now_us());
}

// What the window says.
void StragglerEnv::Measure(State& s) {
  const StragglerWindow& w = s.servers.window();
  s.sorted_us = w.latencies_us;
  const auto rank =
      static_cast<size_t>(std::ceil(0.95 * static_cast<double>(s.sorted_us.size())) - 1);
  std::nth_element(s.sorted_us.begin(), s.sorted_us.begin() + static_cast<std::ptrdiff_t>(rank),
                   s.sorted_us.end());
  s.p95_ms = static_cast<double>(s.sorted_us[rank]) / 1000;

  s.past[s.oldest] = {static_cast<double>(w.arrivals), w.gap_sum_ms, w.size_sum_ms};
  s.oldest = (s.oldest + 1) % kWindows;
  State::Past all;
  s.context = {};
  for (const State::Past& past : s.past) {
    if (past.arrivals == 0) continue;
    all.arrivals += past.arrivals;
    all.gap_ms += past.gap_ms;
    all.size_ms += past.size_ms;
    s.context[2] = std::max(s.context[2], 1000 * past.arrivals / past.gap_ms);
    s.context[3] = std::max(s.context[3], past.size_ms / past.arrivals);
  }
  if (all.arrivals > 0) {
    s.context[0] = 1000 * all.arrivals / all.gap_ms;
    s.context[1] = all.size_ms / all.arrivals;
    s.context[4] = all.size_ms / all.gap_ms / spec_.servers;
    for (size_t i = 0; i < kFading.size(); ++i) {
      s.fading_weight[i] = kFading[i] * s.fading_weight[i] + 1;
      s.fading_rate[i] = kFading[i] * s.fading_rate[i] + s.context[0];
      s.fading_size[i] = kFading[i] * s.fading_size[i] + s.context[1];
    }
  }
}

void StragglerEnv::StepOne(int32_t env, int32_t choice) {
  State& s = *states_[static_cast<size_t>(env)];
  const StragglerTotals before = s.servers.totals();
  if (spec_.safeguard.acts && s.engaged) choice = spec_.never();
  s.figures[kEngagedSteps] += s.engaged ? 1 : 0;
  Play(s, choice);
  Measure(s);
  const int32_t longest = s.servers.longest_queue();
  s.engaged = s.engaged ? longest > spec_.safeguard.release : longest > spec_.safeguard.engage;
  double reward = -s.p95_ms / spec_.reward_scale_ms;
  if (longest > spec_.safeguard.engage) reward *= spec_.safeguard.penalty;
  buffers_.rewards[static_cast<size_t>(env)] = static_cast<float>(reward);

  const StragglerTotals& totals = s.servers.totals();
  s.figures[kReturn] += reward;
  s.figures[kSteps] += 1;
  s.figures[kRequests] += static_cast<double>(totals.arrived - before.arrived);
  s.figures[kCompletions] += static_cast<double>(totals.done - before.done);
  s.figures[kDuplicates] += static_cast<double>(totals.duplicates - before.duplicates);
  for (const int64_t latency : s.sorted_us) {
    s.figures[kLatencyMean] += static_cast<double>(latency) / 1000;
  }
  s.figures[kLatencyP95] += s.p95_ms;
  const bool ends = spec_.episode > SimTime() && s.servers.now_us() >= spec_.episode.micros();
  buffers_.terminated[static_cast<size_t>(env)] = 0;
  buffers_.truncated[static_cast<size_t>(env)] = ends ? 1 : 0;
  if (ends) Finish(env);
  Show(env, buffers_.observations);
}

void StragglerEnv::Finish(int32_t env) {
  State& s = *states_[static_cast<size_t>(env)];
  Show(env, buffers_.final_observations);
  s.figures[kLatencyMean] /= std::max(1.0, s.figures[kCompletions]);
  s.figures[kLatencyP95] /= std::max(1.0, s.figures[kSteps]);
  for (size_t m = 0; m < kFigures; ++m) {
    buffers_.figures[static_cast<size_t>(env) * kFigures + m] = static_cast<float>(s.figures[m]);
  }
  BeginEpisode(env);
}

void StragglerEnv::Show(int32_t env, std::vector<float>& observations) const {
  const State& s = *states_[static_cast<size_t>(env)];
  float* out =
      observations.data() + static_cast<size_t>(env) * static_cast<size_t>(env_spec_.features);
  const auto put = [&](double value) { *out++ = static_cast<float>(value); };
  for (const int32_t queue : s.servers.queues()) put(queue);
  const double span = std::max<double>(1, static_cast<double>(s.window_us));
  for (const double integral : s.servers.window().queue_us) put(integral / span);
  put(s.context[0] / rate_scale_);
  put(s.context[1] / size_scale_);
  put(s.context[2] / rate_scale_);
  put(s.context[3] / size_scale_);
  put(s.context[4]);
  for (size_t i = 0; i < kFading.size(); ++i) {
    const double weight = std::max(s.fading_weight[i], 1.0);
    put(s.fading_rate[i] / weight / rate_scale_);
    put(s.fading_size[i] / weight / size_scale_);
  }
  put(s.engaged ? 1 : 0);
}

}  // namespace reeve
