// The straggler environment under a learner, an environment detector and a safeguard, or under one
// fixed timeout.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agents/adapt/safeguard.h"
#include "agents/adapt/shift_detector.h"
#include "core/portable_math.h"
#include "core/status.h"
#include "envs/straggler_env.h"
#include "runs/adaptation.h"

namespace reeve {
namespace {

// What shifts of jobs are told by: log(1 + jobs per s) and log(1 + mean size in ms), each over the
// change that is worth 1 as in agents/adapt/context.h, from sums that fade with `time`.
class JobContext {
 public:
  explicit JobContext(SimTime time) : time_s_(std::max(1e-3, time.seconds())) {}

  void Update(std::span<const double> context, SimTime window) {
    const double keep = PortableExp(-window.seconds() / time_s_);
    const double seconds = window.seconds();
    jobs_ = keep * jobs_ + context[0] * seconds;
    work_ms_ = keep * work_ms_ + context[0] * seconds * context[1];
    span_s_ = keep * span_s_ + seconds;
    values_[0] = span_s_ > 0 ? PortableLog(1 + jobs_ / span_s_) / kScale : 0;
    if (jobs_ > 0) values_[1] = PortableLog(1 + work_ms_ / jobs_) / kScale;
  }
  std::span<const double> values() const { return values_; }
  static constexpr size_t kSize = 2;

 private:
  static constexpr double kScale = 0.1;
  const double time_s_;
  double jobs_ = 0, work_ms_ = 0, span_s_ = 0;
  std::array<double, kSize> values_{};
};

// The number of a timeout: "never", or one that can be chosen, in ms.
absl::StatusOr<int32_t> ChoiceOf(const std::string& timeout, const StragglerSpec& spec) {
  if (timeout == "never") return spec.never();
  std::string known;
  for (int32_t choice = 0; choice < spec.never(); ++choice) {
    const std::string name = fmt::format("{:g}", spec.timeouts_ms[static_cast<size_t>(choice)]);
    if (timeout == name) return choice;
    known += name + ", ";
  }
  return absl::InvalidArgumentError(
      fmt::format("timeout: '{}' cannot be chosen; there are {}never", timeout, known));
}

// A safeguard looks at what the environment has: queues, latencies, the critic's value.
absl::Status CheckSafeguard(const SafeguardSpec& spec) {
  const std::array<std::pair<const char*, bool>, 4> absent = {
      {{"slo_violations", spec.slo_violations.has_value()},
       {"rejections", spec.rejections.has_value()},
       {"budget", spec.budget.has_value()},
       {"around_fallback", spec.around_fallback.has_value()}}};
  for (const auto& [name, given] : absent) {
    if (!given) continue;
    return absl::InvalidArgumentError(fmt::format(
        "safeguard.{}: there is none for the straggler environment; leave it out (queue, "
        "latency and value are there)",
        name));
  }
  return absl::OkStatus();
}

class StragglerRun {
 public:
  StragglerRun(const AdaptationConfig& config, const StragglerSpec& spec, int32_t fallback,
               const AdaptationHooks& hooks)
      : config_(config),
        env_(spec),
        fallback_(fallback),
        context_(config.context.time),
        timeline_(config.interval, config.settling) {
    if (config.driver == AdaptationDriver::kLearner) {
      learner_.emplace(env_.spec(), config.online, hooks.learners(config.online), config.seed);
    }
    if (config.safeguard) safeguard_.emplace(*config.safeguard);
    for (const StragglerWorkload& workload : env_.workloads()) names_.push_back(workload.name);
  }

  absl::StatusOr<AdaptationRecord> Play(const AdaptationStart& start, const AdaptationHooks& hooks,
                                        bool before);

 private:
  absl::Status Begin(const AdaptationStart& start);
  void Detect(SimTime now);
  absl::StatusOr<int32_t> Choose(SimTime now);
  void Guard(SimTime now);
  void Record(SimTime from, double duplicates_before);
  absl::Status Learned(KnownExperts& learned);

  bool one_policy() const { return config_.online.method != OnlineMethod::kExperts; }
  // Of KnownExperts: ids of true labels are the environments' numbers.
  std::string KeyOf(int64_t id) const {
    return one_policy() ? "" : names_[static_cast<size_t>(id)];
  }

  const AdaptationConfig& config_;
  StragglerEnv env_;
  std::vector<std::string> names_;  // of its environments
  const int32_t fallback_;
  JobContext context_;
  AdaptationTimeline timeline_;
  std::optional<OnlineExperts> learner_;
  std::optional<ShiftDetector> detector_;  // none: true labels
  std::optional<Safeguard> safeguard_;
  ExpertKeeper* keeper_ = nullptr;
  SimTime resumed_at_;
  int64_t truth_ = 0;     // at the start of the present window
  bool engaged_ = false;  // the fallback drives the present window
  uint64_t engagements_ = 0;
};

absl::Status StragglerRun::Begin(const AdaptationStart& start) {
  RETURN_IF_ERROR(env_.Reset(0, 1, config_.seed));
  if (!learner_) return absl::OkStatus();
  if (config_.detector.kind != DetectorKind::kOracle) {
    detector_.emplace(config_.detector, JobContext::kSize);
  }
  if (start.known != nullptr) {
    for (int64_t id = 0; id < (one_policy() ? 1 : static_cast<int64_t>(names_.size())); ++id) {
      const auto found = start.known->find(KeyOf(id));
      if (found != start.known->end()) RETURN_IF_ERROR(learner_->Restore(id, found->second));
    }
  }
  if (start.keeper != nullptr) {
    if (!detector_) {
      return absl::InvalidArgumentError(
          "experts of true labels cannot be kept: choose another detector");
    }
    RETURN_IF_ERROR(start.keeper->Restore(*learner_, *detector_));
    keeper_ = start.keeper;
    resumed_at_ = detector_->time();
  }
  return absl::OkStatus();
}

void StragglerRun::Detect(SimTime now) {
  if (!detector_) {
    if (truth_ != learner_->environment() || now == SimTime()) {
      learner_->Switch(truth_, std::nullopt);
    }
    return;
  }
  const Detection d = detector_->Observe(resumed_at_ + now, context_.values());
  if (d.environment == learner_->environment() && !d.is_new) return;
  std::optional<int64_t> closest;
  const EnvironmentBook& book = detector_->environments();
  if (const auto place = book.Find(d.environment)) {
    if (const auto nearest = book.Nearest(*place)) closest = book.stats(*nearest).id;
  }
  learner_->Switch(d.environment, closest);
}

// What is done in the window that begins at `now`.
absl::StatusOr<int32_t> StragglerRun::Choose(SimTime now) {
  if (!learner_) return fallback_;
  Detect(now);
  const EnvBuffers& b = env_.buffers();
  std::array<int32_t, 1> chosen{};
  RETURN_IF_ERROR(learner_->Act({b.observations, b.legal, b.present}, chosen));
  if (keeper_ != nullptr) {
    RETURN_IF_ERROR(keeper_->Keep(resumed_at_ + now, *learner_, *detector_));
  }
  Guard(now);
  return engaged_ ? fallback_ : chosen[0];
}

// After the learner's Act, so that its critic has seen the state that is judged.
void StragglerRun::Guard(SimTime now) {
  if (!safeguard_) return;
  const bool was = engaged_;
  SafetySignals signals;
  signals.longest_queue = env_.longest_queue(0);
  signals.value = learner_->values()[0] - config_.pessimism * learner_->value_error();
  if (!env_.latencies_us(0).empty()) {
    signals.latency_over_slo = env_.p95_ms(0) / config_.slo.millis();
  }
  engaged_ = safeguard_->Update(signals, now).engaged;
  engagements_ += engaged_ && !was ? 1 : 0;
}

void StragglerRun::Record(SimTime from, double duplicates_before) {
  for (const int64_t us : env_.latencies_us(0)) {
    timeline_.AddRequest({us, config_.slo.micros(), false});
  }
  AdaptationPeriod period;
  period.start = from;
  period.end = env_.time(0);
  period.truth = truth_;
  period.reward = env_.buffers().rewards[0];
  period.cost = static_cast<double>(env_.totals(0).duplicates) - duplicates_before;
  if (learner_) {
    period.detected = detector_ ? detector_->environment() : truth_;
    period.expert = one_policy() ? 0 : learner_->environment();
    period.exploring = learner_->exploring() ? 1 : 0;
    period.engaged = engaged_ ? 1 : 0;
  }
  timeline_.EndPeriod(period);
}

absl::Status StragglerRun::Learned(KnownExperts& learned) {
  for (const int64_t id : learner_->environments()) {
    ASSIGN_OR_RETURN(OnlineExpertState state, learner_->StateOf(id));
    state.steps = config_.online.exploration.steps;
    learned[KeyOf(id)] = std::move(state);
  }
  return absl::OkStatus();
}

absl::StatusOr<AdaptationRecord> StragglerRun::Play(const AdaptationStart& start,
                                                    const AdaptationHooks& hooks, bool before) {
  RETURN_IF_ERROR(Begin(start));
  bool complete = true;
  std::array<int32_t, 1> action{};
  const std::array<uint8_t, 1> driven_by_fallback = {0}, driven_by_learner = {1};
  while (env_.time(0) < config_.length) {
    const SimTime from = env_.time(0);
    truth_ = env_.workload(0);
    ASSIGN_OR_RETURN(action[0], Choose(from));
    const auto duplicates = static_cast<double>(env_.totals(0).duplicates);
    RETURN_IF_ERROR(env_.Step(0, 1, action));
    context_.Update(env_.context(0), env_.time(0) - from);
    if (learner_) {
      learner_->Reward(env_.buffers().rewards, engaged_ ? driven_by_fallback : driven_by_learner);
    }
    Record(from, duplicates);
    if (hooks.on_period) hooks.on_period(env_.time(0), config_.length, before);
    if (hooks.stop && hooks.stop()) {
      complete = env_.time(0) >= config_.length;
      break;
    }
  }
  AdaptationRecord record = timeline_.Finish(config_.tolerance);
  record.complete = complete;
  record.cost_unit = "duplicates";
  record.labels = names_;
  record.detects = detector_.has_value();  // who is told the truth detects nothing
  if (learner_) {
    if (start.learned != nullptr) RETURN_IF_ERROR(Learned(*start.learned));
    if (keeper_ != nullptr) {
      RETURN_IF_ERROR(keeper_->Finish(detector_->time(), *learner_, *detector_));
    }
    const OnlineCounts& counts = learner_->counts();
    record.learner = {counts.updates,         counts.switches,     counts.experts_begun,
                      counts.batches_dropped, counts.batches_lost, engagements_};
  }
  return record;
}

}  // namespace

absl::StatusOr<AdaptationRecord> AdaptOnStraggler(const AdaptationConfig& config,
                                                  const StragglerSpec& straggler,
                                                  const AdaptationStart& start,
                                                  const AdaptationHooks& hooks) {
  StragglerSpec spec = straggler;
  spec.episode = SimTime();     // the run has no end but its own
  spec.safeguard.acts = false;  // whose safeguard acts is this file's to say
  if (config.safeguard) RETURN_IF_ERROR(CheckSafeguard(*config.safeguard));
  ASSIGN_OR_RETURN(const int32_t fallback, ChoiceOf(config.timeout, spec));
  return StragglerRun(config, spec, fallback, hooks).Play(start, hooks, start.learned != nullptr);
}

}  // namespace reeve
