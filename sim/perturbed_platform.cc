#include "sim/perturbed_platform.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/random.h"
#include "core/status.h"

namespace reeve {
namespace {

enum class MetricGroup : uint8_t { kRequests, kConcurrency, kLatency, kExecution, kCpu, kMemory };
constexpr uint64_t kGroups = 6;

// The draws of one function at one time. The values are part of the meaning of a seed.
constexpr uint64_t kNoiseDraw = 0;  // and one more for each group: factor and rounding, as a pair
constexpr uint64_t kLossDraw = 6;
constexpr uint64_t kDecisionDraw = 8;  // failure and delay, as a pair
constexpr uint64_t kWakeDraw = 9;
constexpr uint64_t kDrawsPerTime = 16;

uint64_t DrawIndex(SimTime time, uint64_t draw) {
  return static_cast<uint64_t>(time.micros()) * kDrawsPerTime + draw;
}

RandomStream StreamOf(uint64_t seed, size_t function) {
  return RandomStream(seed, StreamPurpose::kPerturbation, static_cast<uint32_t>(function));
}

// Calls visit(group, vectors…) for all metrics of functions: the same list for one or two
// FunctionWindows, whose vectors of the same metric come together.
template <class Visit, class... Windows>
void VisitMetrics(Visit visit, Windows&... w) {
  using enum MetricGroup;
  visit(kRequests, w.arrivals...);
  visit(kRequests, w.completions...);
  visit(kRequests, w.failures...);
  visit(kRequests, w.timeouts...);
  visit(kRequests, w.rejections...);
  visit(kRequests, w.cold_starts...);
  visit(kRequests, w.slo_violations...);
  visit(kConcurrency, w.queued...);
  visit(kConcurrency, w.in_flight...);
  visit(kConcurrency, w.mean_queued...);
  visit(kConcurrency, w.mean_in_flight...);
  visit(kLatency, w.latency_p50_ms...);
  visit(kLatency, w.latency_p95_ms...);
  visit(kLatency, w.latency_p99_ms...);
  visit(kExecution, w.execution_p50_ms...);
  visit(kExecution, w.execution_p95_ms...);
  visit(kExecution, w.execution_p99_ms...);
  visit(kCpu, w.cpu_used_millicores...);
  visit(kMemory, w.memory_used_mebibytes...);
}

// A factor, and the uniform number that rounds what it multiplies.
struct Noise {
  double factor, u;
};

void Multiply(uint32_t& count, Noise noise) {
  const double value = std::floor(count * noise.factor + noise.u);
  count = static_cast<uint32_t>(std::min(value, double{std::numeric_limits<uint32_t>::max()}));
}
void Multiply(double& value, Noise noise) {
  value *= noise.factor;
}
void Multiply(float& value, Noise noise) {
  value = static_cast<float>(value * noise.factor);
}

template <class T>
void Override(std::optional<T>& older, const std::optional<T>& newer) {
  if (newer) older = newer;
}

void Override(Decision& older, const Decision& newer) {
  Override(older.replicas, newer.replicas);
  Override(older.cpu_limit, newer.cpu_limit);
  Override(older.memory_limit, newer.memory_limit);
  Override(older.concurrency, newer.concurrency);
  Override(older.keep_alive, newer.keep_alive);
}

SimTime LaterBy(SimTime time, SimTime delay) {
  return delay < SimTime::Max() - time ? time + delay : SimTime::Max();
}

}  // namespace

PerturbedPlatform::PerturbedPlatform(Platform& inner, const PerturbationSpec& spec, uint64_t seed)
    : inner_(inner),
      spec_(spec),
      seed_(seed),
      metrics_(spec.perturbs_metrics()),
      actuation_(spec.perturbs_actuation()),
      noise_(Distribution::LognormalFromMoments(1, spec.metric_noise.cv)) {}

void PerturbedPlatform::Reset(uint64_t seed) {
  seed_ = seed;
  truth_ = &measured_;
  history_size_ = 0;
  now_ = SimTime();
  functions_ = 0;
  for (std::vector<Pending>& pending : pending_) pending.clear();
}

// ---- metrics

absl::Status PerturbedPlatform::Observe(Snapshot& snapshot) {
  if (!metrics_) {
    RETURN_IF_ERROR(inner_.Observe(snapshot));
    truth_ = &snapshot;
    now_ = snapshot.time;
    functions_ = snapshot.functions.size();
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(inner_.Observe(measured_));
  now_ = measured_.time;
  functions_ = measured_.functions.size();
  if (history_size_ == history_.size()) history_.emplace_back();
  const Snapshot* previous = history_size_ == 0 ? nullptr : &history_[history_size_ - 1];
  if (previous != nullptr && previous->functions.size() > measured_.functions.size()) {
    return absl::InvalidArgumentError(
        fmt::format("perturbations: of {} functions {} are left; functions do not disappear",
                    previous->functions.size(), measured_.functions.size()));
  }
  Snapshot& collected = history_[history_size_++];
  collected = measured_;
  if (spec_.metric_records.at_end && spec_.metric_records.Includes(now_)) {
    CountWhatEnded(collected.functions);
  }
  if (spec_.metric_noise.cv > 0 && spec_.metric_noise.Includes(now_)) AddNoise(collected);
  if (spec_.metric_loss.probability > 0 && spec_.metric_loss.Includes(now_)) {
    LoseMetrics(collected, previous);
  }
  ForgetOlderThanLag(now_);
  const Snapshot& newest = history_[history_size_ - 1];

  snapshot = measured_;
  snapshot.functions.histograms = nullptr;
  const bool late = spec_.metric_lag.lag > SimTime() && spec_.metric_lag.Includes(now_);
  const Snapshot& shown = late ? history_.front() : newest;
  snapshot.window = shown.window;
  snapshot.cluster.cpu_used_millicores = shown.cluster.cpu_used_millicores;
  VisitMetrics(
      [](MetricGroup, auto& to, const auto& from) {
        std::copy(from.begin(), from.end(), to.begin());
        std::fill(to.begin() + static_cast<std::ptrdiff_t>(from.size()), to.end(), 0);
      },
      snapshot.functions, shown.functions);
  return absl::OkStatus();
}

void PerturbedPlatform::CountWhatEnded(FunctionWindows& w) {
  for (size_t f = 0; f < w.size(); ++f) {
    w.arrivals[f] = w.completions[f] + w.failures[f] + w.timeouts[f] + w.rejections[f];
    w.queued[f] = 0;
    w.in_flight[f] = 0;
  }
}

void PerturbedPlatform::AddNoise(Snapshot& snapshot) const {
  for (size_t f = 0; f < snapshot.functions.size(); ++f) {
    const RandomStream stream = StreamOf(seed_, f);
    std::array<Noise, kGroups> noise;
    for (uint64_t group = 0; group < kGroups; ++group) {
      const auto [u, rounding] = stream.UniformPair(DrawIndex(snapshot.time, kNoiseDraw + group));
      noise[group] = {noise_.Sample(u), rounding};
    }
    VisitMetrics([&](MetricGroup group,
                     auto& values) { Multiply(values[f], noise[static_cast<size_t>(group)]); },
                 snapshot.functions);
  }
}

void PerturbedPlatform::LoseMetrics(Snapshot& snapshot, const Snapshot* previous) const {
  for (size_t f = 0; f < snapshot.functions.size(); ++f) {
    const double u = StreamOf(seed_, f).Uniform(DrawIndex(snapshot.time, kLossDraw));
    if (u >= spec_.metric_loss.probability) continue;
    if (previous == nullptr || f >= previous->functions.size()) {
      VisitMetrics([f](MetricGroup, auto& values) { values[f] = 0; }, snapshot.functions);
    } else {
      VisitMetrics([f](MetricGroup, auto& to, const auto& from) { to[f] = from[f]; },
                   snapshot.functions, previous->functions);
    }
  }
}

void PerturbedPlatform::ForgetOlderThanLag(SimTime now) {
  size_t old = 0;
  while (old + 1 < history_size_ && history_[old + 1].time <= now - spec_.metric_lag.lag) ++old;
  const auto kept = history_.begin() + static_cast<std::ptrdiff_t>(old);
  std::rotate(history_.begin(), kept,
              history_.begin() + static_cast<std::ptrdiff_t>(history_size_));
  history_size_ -= old;
}

// ---- decisions

absl::Status PerturbedPlatform::Apply(std::span<const Decision> decisions) {
  // A wrong number of decisions is the inner platform's to refuse.
  if (!actuation_ || decisions.size() != functions_) return inner_.Apply(decisions);
  pending_.resize(std::max(pending_.size(), decisions.size()));
  due_.resize(decisions.size());
  for (size_t f = 0; f < decisions.size(); ++f) {
    Submit(f, now_, kDecisionDraw, decisions[f]);
    due_[f] = TakeDue(f, now_);
  }
  return inner_.Apply(due_);
}

void PerturbedPlatform::PerturbWake(FunctionId function, SimTime now, Decision& decision) {
  if (!actuation_) return;
  const size_t f = function.index();
  pending_.resize(std::max(pending_.size(), f + 1));
  Submit(f, now, kWakeDraw, decision);
  decision = TakeDue(f, now);
}

void PerturbedPlatform::Submit(size_t function, SimTime now, uint64_t draw,
                               const Decision& decision) {
  if (decision == Decision{}) return;
  const auto [failure, delay] = StreamOf(seed_, function).UniformPair(DrawIndex(now, draw));
  if (spec_.actuation_failure.Includes(now) && failure < spec_.actuation_failure.probability) {
    return;
  }
  SimTime due = now;
  if (spec_.actuation_delay.Includes(now)) {
    const double ms = spec_.actuation_delay.time_ms.Sample(delay);
    due = LaterBy(now, SimTime::FromSeconds(ms / 1000));
  }
  pending_[function].push_back({due, decision});
}

Decision PerturbedPlatform::TakeDue(size_t function, SimTime now) {
  std::vector<Pending>& pending = pending_[function];
  const auto newest_due = std::find_if(pending.rbegin(), pending.rend(),
                                       [now](const Pending& p) { return p.due <= now; });
  Decision merged;
  for (auto p = pending.begin(); p != newest_due.base(); ++p) Override(merged, p->decision);
  pending.erase(pending.begin(), newest_due.base());
  return merged;
}

}  // namespace reeve
