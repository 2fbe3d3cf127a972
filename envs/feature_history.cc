#include "envs/feature_history.h"

#include <algorithm>

#include "core/check.h"
#include "core/portable_math.h"
#include "envs/window_measures.h"

namespace reeve {
namespace {

constexpr int64_t kDayMicros = 86'400'000'000;

// ---- quantities that histories follow; below 0: this window says nothing

double RateOf(const WindowInput& in, size_t f) {
  return in.Rate(f);
}
double ConcurrencyLoadOf(const WindowInput& in, size_t f) {
  return LoadOf(in.w, f);
}
double ExecutionOf(const WindowInput& in, size_t f) {
  return in.w.completions[f] > 0 ? Sane(in.w.execution_p50_ms[f]) : -1;
}

using Quantity = double (*)(const WindowInput&, size_t);

// 1 - exp(-window / time): the weight of the newest window.
class TimeConstant {
 public:
  explicit TimeConstant(SimTime time) : seconds_(time.seconds()) {}
  void BeginWindow(double window_s) { gain_ = -PortableExpm1(-window_s / seconds_); }
  double gain() const { return gain_; }

 private:
  double seconds_, gain_ = 0;
};

template <Quantity quantity>
class MeanOf : public WeightedMean {
 public:
  explicit MeanOf(SimTime time) : time_(time) {}
  void BeginWindow(double window_s) override { time_.BeginWindow(window_s); }
  void Update(const WindowInput& in, size_t begin, size_t end) override {
    const double a = time_.gain();
    for (size_t f = begin; f < end; ++f) {
      const double x = quantity(in, f);
      if (x < 0) continue;
      weight[f] += a * (1 - weight[f]);
      const double g = Ratio(a, weight[f]);
      const double off = x - mean[f];
      mean[f] += g * off;
      variance[f] = (1 - g) * (variance[f] + g * off * off);
    }
  }

 private:
  TimeConstant time_;
};

template <Quantity quantity>
class PeakOf : public DecayingPeak {
 public:
  explicit PeakOf(SimTime time) : time_(time) {}
  void BeginWindow(double window_s) override { time_.BeginWindow(window_s); }
  void Update(const WindowInput& in, size_t begin, size_t end) override {
    const double kept = 1 - time_.gain();
    for (size_t f = begin; f < end; ++f) peak[f] = std::max(quantity(in, f), kept * peak[f]);
  }

 private:
  TimeConstant time_;
};

class TrendOfRate : public LinearTrend {
 public:
  explicit TrendOfRate(SimTime time) : time_(time) {}
  void BeginWindow(double window_s) override { time_.BeginWindow(window_s); }
  void Update(const WindowInput& in, size_t begin, size_t end) override {
    const double a = time_.gain(), b = a / 2;
    for (size_t f = begin; f < end; ++f) {
      const double x = in.Rate(f);
      const double before = started[f] ? level[f] : x;
      level[f] = a * x + (1 - a) * (before + slope[f]);
      slope[f] = b * (level[f] - before) + (1 - b) * slope[f];
      started[f] = 1;
    }
  }

 private:
  TimeConstant time_;
};

class LastExecutionOf : public LastExecution {
 public:
  void Update(const WindowInput& in, size_t begin, size_t end) override {
    for (size_t f = begin; f < end; ++f) {
      if (in.w.completions[f] == 0) continue;
      p50_ms[f] = in.w.execution_p50_ms[f];
      p95_ms[f] = in.w.execution_p95_ms[f];
    }
  }
};

template <class... Vectors>
void ResizeAll(size_t functions, Vectors&... vectors) {
  (vectors.resize(functions), ...);
}

}  // namespace

WindowInput::WindowInput(const Snapshot& snapshot)
    : w(snapshot.functions),
      cluster(snapshot.cluster),
      now_s(snapshot.time.seconds()),
      window_s(std::max(0.0, snapshot.window.seconds())),
      per_second(Ratio(1, window_s)),
      per_cpu(Ratio(1, static_cast<double>(snapshot.cluster.cpu_capacity.value()))),
      per_memory(Ratio(1, static_cast<double>(snapshot.cluster.memory_capacity.value()))),
      day_turn(static_cast<double>(std::max<int64_t>(0, snapshot.time.micros()) % kDayMicros) /
               static_cast<double>(kDayMicros)) {}

void WeightedMean::Resize(size_t functions) {
  ResizeAll(functions, mean, variance, weight);
}
void WeightedMean::Forget(size_t f) {
  mean[f] = variance[f] = weight[f] = 0;
}

void DecayingPeak::Resize(size_t functions) {
  ResizeAll(functions, peak);
}
void DecayingPeak::Forget(size_t f) {
  peak[f] = 0;
}

void LinearTrend::Resize(size_t functions) {
  ResizeAll(functions, level, slope, started);
}
void LinearTrend::Forget(size_t f) {
  level[f] = slope[f] = 0;
  started[f] = 0;
}

void LastExecution::Resize(size_t functions) {
  ResizeAll(functions, p50_ms, p95_ms);
}
void LastExecution::Forget(size_t f) {
  p50_ms[f] = p95_ms[f] = 0;
}

bool DependsOnTime(HistoryKind kind) {
  return kind != HistoryKind::kNone && kind != HistoryKind::kLastExecution &&
         kind != HistoryKind::kGaps && kind != HistoryKind::kGapHistogram;
}

std::unique_ptr<History> MakeHistory(HistoryKind kind, SimTime time) {
  switch (kind) {
    case HistoryKind::kNone:
      return nullptr;
    case HistoryKind::kRate:
      return std::make_unique<MeanOf<RateOf>>(time);
    case HistoryKind::kRatePeak:
      return std::make_unique<PeakOf<RateOf>>(time);
    case HistoryKind::kRateTrend:
      return std::make_unique<TrendOfRate>(time);
    case HistoryKind::kConcurrency:
      return std::make_unique<MeanOf<ConcurrencyLoadOf>>(time);
    case HistoryKind::kConcurrencyPeak:
      return std::make_unique<PeakOf<ConcurrencyLoadOf>>(time);
    case HistoryKind::kExecution:
      return std::make_unique<MeanOf<ExecutionOf>>(time);
    case HistoryKind::kLastExecution:
      return std::make_unique<LastExecutionOf>();
    case HistoryKind::kGaps:
      return std::make_unique<ArrivalGaps>();
    case HistoryKind::kGapHistogram:
      return std::make_unique<GapHistogram>();
  }
  REEVE_CHECK(false);
}

}  // namespace reeve
