#include "traces/function_load.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/portable_math.h"
#include "core/random.h"
#include "core/status.h"
#include "traces/arrival_draws.h"

namespace reeve {
namespace {

constexpr int64_t kPieces = 16;  // of a period (or ramp) on which the rate is bounded by one number

// A piece of the pattern on which its factor is monotone.
struct Piece {
  double bound;    // the largest factor in it; 0: nothing happens
  double least;    // the smallest; if it is `bound`, the factor everywhere
  int64_t end_us;  // of the pattern's time, beyond the time asked for
};

double FactorAt(const LoadSpec& load, double p_us) {
  const double period = static_cast<double>(load.period.micros());
  const double length = static_cast<double>(load.length.micros());
  switch (load.pattern) {
    case LoadPattern::kSinusoid:
      return 1 + load.amplitude * PortableSinTurns(std::clamp(p_us / period, 0.0, 1.0));
    case LoadPattern::kBursts:
      return p_us < length ? load.factor : 1;
    case LoadPattern::kRamp:
      return p_us < length ? 1 + (load.factor - 1) * p_us / length : 1;
    case LoadPattern::kOnOff:
      return p_us < length ? 1 : 0;
    default:
      return 1;
  }
}

Piece PieceAt(const LoadSpec& load, int64_t time_us) {
  if (load.pattern == LoadPattern::kConstant) return {1, 1, INT64_MAX};
  const int64_t period = load.period.micros(), length = load.length.micros();
  const int64_t begin = time_us - time_us % period, p = time_us % period;
  // Of [from, to), cut into equal pieces, the one that holds p.
  const auto cut = [&](int64_t from, int64_t to) {
    const int64_t step = std::max<int64_t>(1, (to - from + kPieces - 1) / kPieces);
    const int64_t first = from + (p - from) / step * step;
    const int64_t last = std::min(first + step, to);
    const double a = FactorAt(load, static_cast<double>(first));
    const double b = load.pattern == LoadPattern::kRamp && last == length
                         ? load.factor
                         : FactorAt(load, static_cast<double>(last));
    return Piece{std::max(a, b), std::min(a, b), begin + last};
  };
  if (load.pattern == LoadPattern::kSinusoid) {
    // Cut into quarters first, so that no piece has the top inside.
    const int64_t quarter = std::max<int64_t>(1, period / 4);
    const int64_t at = std::min<int64_t>(p / quarter, 3);
    return cut(at * quarter, at == 3 ? period : (at + 1) * quarter);
  }
  if (load.pattern == LoadPattern::kRamp && p < length) return cut(0, length);
  const double factor = FactorAt(load, static_cast<double>(p));
  return {factor, factor, begin + (p < length ? length : period)};
}

class LoadSource : public ArrivalSource {
 public:
  LoadSource(const Trace& functions, std::vector<FunctionLoad> loads, const ArrivalOptions& options)
      : loads_(std::move(loads)),
        length_us_(functions.duration().micros()),
        draws_(functions, options.seed),
        streams_(loads_.size()) {
    REEVE_CHECK(loads_.size() == functions.functions().size());
    double peak = 1e-9;
    for (const FunctionLoad& f : loads_) peak += f.load.PeakRate();
    // Batches stay small: what they hold should be in the cache still when it is used.
    const size_t batch = std::clamp<size_t>(2 * loads_.size(), 1024, kBatchTarget / 2);
    const double window_us = static_cast<double>(batch) / peak * 1e6;
    window_us_ = static_cast<int64_t>(std::clamp(window_us, 1000.0, double{kMinuteUs}));
    Restart(options, 0);
  }

  void Restart(const ArrivalOptions& options, int from_minute) override {
    REEVE_CHECK(from_minute >= 0);
    seed_ = options.seed;
    draws_.Restart(seed_);
    const int64_t origin_us = int64_t{kMinuteUs} * from_minute;
    end_us_ = length_us_ - origin_us;
    window_end_us_ = 0;
    for (uint32_t i = 0; i < streams_.size(); ++i) {
      const FunctionLoad& f = loads_[i];
      const RandomStream stream(seed_, StreamPurpose::kArrivals, i);
      int64_t phase_us = f.load.phase.micros();
      if (f.load.random_phase) {
        phase_us += static_cast<int64_t>(
            stream.Below(kPhaseDraw, static_cast<uint64_t>(f.load.period.micros())));
      }
      Stream& s = streams_[i];
      s = {.at_us = static_cast<double>(f.from.micros()), .shift_us = origin_us + phase_us};
      // Evenly spaced ones begin anywhere in a step.
      const double first = NextCandidate(i);
      if (f.load.even) s.mass = first;
    }
  }

  bool Next(ArrivalBatch& batch) override {
    if (window_end_us_ >= end_us_) return false;
    const int64_t begin = window_end_us_;
    window_end_us_ = std::min(begin + window_us_, end_us_);
    items_.clear();
    for (uint32_t i = 0; i < streams_.size(); ++i) Draw(i, begin);
    SortArrivals(items_, scratch_, static_cast<uint32_t>(window_us_));
    batch = {SimTime::Micros(begin), items_};
    return true;
  }

 private:
  static constexpr uint64_t kPhaseDraw = uint64_t{1} << 62;

  // Candidates come at the rate of the bound: after so much of its integral each (`mass`). Where
  // the rate is below, some are rejected (thinning: P. A. W. Lewis and G. S. Shedler, 1979).
  struct Stream {
    double at_us = 0;         // since the start; there is nothing to come before
    int64_t shift_us = 0;     // what the pattern's time is ahead
    double mass = 0;          // from `at_us` to the next candidate
    int64_t work_us = 0;      // of the next candidate
    uint64_t candidates = 0;  // so far
    Piece piece = {0, 0, 0};  // that holds `at_us`, once its end is beyond
  };

  // Returns the uniform number that it drew.
  double NextCandidate(uint32_t i) {
    Stream& s = streams_[i];
    const FunctionDraws::Draw draw = draws_.Next(i);
    ++s.candidates;
    s.mass = loads_[i].load.even ? 1 : -PortableLog(draw.u);
    s.work_us = draw.work_us;
    return draw.u;
  }

  // Whether the candidate at this time is one of the rate's. The factor is only worked out where
  // its least in the piece does not decide.
  bool Accepted(uint32_t i, const Piece& piece, double time) const {
    if (piece.least == piece.bound) return true;
    const Stream& s = streams_[i];
    const LoadSpec& load = loads_[i].load;
    const RandomStream stream(seed_, StreamPurpose::kArrivals, i);
    const double threshold = stream.Uniform(s.candidates) * piece.bound;
    if (threshold < piece.least) return true;
    const double p = time + static_cast<double>(s.shift_us);
    const double period = static_cast<double>(load.period.micros());
    return threshold < FactorAt(load, p - std::floor(p / period) * period);
  }

  // The function's arrivals of the window that began at `begin`.
  void Draw(uint32_t i, int64_t begin) {
    const FunctionLoad& f = loads_[i];
    const double rate_per_us = f.load.rate_rps * 1e-6;
    Stream& s = streams_[i];
    const int64_t to_us = f.to.micros();
    while (s.at_us < static_cast<double>(std::min(window_end_us_, to_us))) {
      const int64_t pattern_us = static_cast<int64_t>(s.at_us) + s.shift_us;
      if (pattern_us >= s.piece.end_us) s.piece = PieceAt(f.load, pattern_us);
      const Piece& piece = s.piece;
      const double end = static_cast<double>(
          piece.end_us == INT64_MAX ? to_us : std::min(piece.end_us - s.shift_us, to_us));
      const double bound = piece.bound * rate_per_us;
      const double time = bound > 0 ? s.at_us + s.mass / bound : end;
      if (time >= end) {
        if (end > static_cast<double>(window_end_us_)) return;  // comes back to it
        s.mass -= (end - s.at_us) * bound;
        s.at_us = end;
        continue;
      }
      if (time >= static_cast<double>(window_end_us_)) return;
      if (Accepted(i, piece, time)) {
        items_.push_back({static_cast<uint32_t>(time - static_cast<double>(begin)), i, s.work_us});
      }
      s.at_us = time;
      NextCandidate(i);
    }
  }

  const std::vector<FunctionLoad> loads_;  // [F]
  const int64_t length_us_;
  int64_t window_us_ = kMinuteUs;
  uint64_t seed_ = 0;
  FunctionDraws draws_;
  std::vector<Stream> streams_;  // [F]
  int64_t end_us_ = 0, window_end_us_ = 0;
  std::vector<Arrival> items_, scratch_;
};

}  // namespace

absl::Status LoadSpec::Validate() const {
  const bool cyclic = pattern == LoadPattern::kBursts || pattern == LoadPattern::kRamp ||
                      pattern == LoadPattern::kOnOff;
  if (cyclic && (length >= period || length == SimTime())) {
    return absl::InvalidArgumentError("length: must be above 0 and below the period");
  }
  if (even && (pattern == LoadPattern::kSinusoid || pattern == LoadPattern::kRamp)) {
    return absl::InvalidArgumentError("even: not with the patterns sinusoid and ramp");
  }
  return absl::OkStatus();
}

double LoadSpec::RateAt(SimTime time) const {
  const int64_t p = time.micros() % period.micros();
  return rate_rps * FactorAt(*this, static_cast<double>(p));
}

double LoadSpec::PeakRate() const {
  switch (pattern) {
    case LoadPattern::kSinusoid:
      return rate_rps * (1 + amplitude);
    case LoadPattern::kBursts:
    case LoadPattern::kRamp:
      return rate_rps * std::max(1.0, factor);
    default:
      return rate_rps;
  }
}

std::unique_ptr<ArrivalSource> MakeLoadSource(const Trace& functions,
                                              std::vector<FunctionLoad> loads,
                                              const ArrivalOptions& options) {
  return std::make_unique<LoadSource>(functions, std::move(loads), options);
}

absl::StatusOr<Trace> RecordArrivals(const Trace& functions, ArrivalSource& source, SimTime end) {
  TraceBuilder builder;
  for (const FunctionProfile& f : functions.functions()) {
    FunctionProfile profile = f;
    profile.tenant = builder.Tenant(functions.tenants()[f.tenant.index()]);
    profile.app = builder.App(functions.apps()[f.app.index()]);
    builder.AddFunction(std::move(profile));
  }
  for (ArrivalBatch batch; source.Next(batch) && batch.start < end;) {
    for (const Arrival& a : batch.arrivals) {
      const int64_t at = batch.start.micros() + a.offset_us;
      if (at < end.micros()) builder.AddInvocation({at, a.work_us, a.function, 0});
    }
  }
  builder.set_minimum_duration(end);
  return builder.Build();
}

}  // namespace reeve
