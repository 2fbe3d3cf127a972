#include "sim/clairvoyant.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "sim/container_levels.h"
#include "sim/uncontended.h"

namespace reeve {
namespace {

constexpr double kMicros = 1e6;

double GbSeconds(double mib_us) {
  return mib_us / PriceGrid::kMibMicrosPerGbSecond;
}

// One function while the trace streams by.
class FunctionStream {
 public:
  FunctionStream(const UncontendedFunction& f, SimTime end, const BoundOptions& options)
      : f_(f),
        end_us_(end.micros()),
        mib_(static_cast<double>(f.memory.value())),
        start_us_(options.start == StartTime::kMean ? f.mean_start.micros() : 0),
        keep_mib_us_(mib_ * static_cast<double>(start_us_) +
                     options.start_price * PriceGrid::kMibMicrosPerGbSecond),
        levels_(f.concurrency, f.initial_replicas) {}

  void Arrive(int64_t at_us, int64_t work_us, FunctionGaps& gaps) {
    const int64_t execution_us = f_.Execution(work_us).micros();
    const int64_t left_us = end_us_ - at_us;
    ++gaps.requests;
    gaps.whole += start_us_ <= left_us && execution_us <= left_us - start_us_ &&
                  execution_us <= f_.timeout.micros() - start_us_;
    levels_.Arrive(at_us, at_us + std::min(execution_us, left_us),
                   [&](std::optional<int64_t> released) {
                     released ? OnGap(at_us - *released, gaps) : OnFirstUse(at_us, gaps);
                   });
  }

  ClairvoyantCost Finish(FunctionGaps& gaps) {
    levels_.AdvanceTo(end_us_);
    const double needed_us = static_cast<double>(levels_.needed_us());
    gaps.needed_mib_us = needed_us * mib_;
    gaps.start_mib_us = static_cast<double>(start_us_) * mib_;
    ClairvoyantCost cost;
    cost.requests = gaps.requests;
    cost.needed_container_seconds = needed_us / kMicros;
    cost.needed_gb_seconds = GbSeconds(gaps.needed_mib_us);
    cost.warm_starts = warm_starts_;
    const double warm_us = needed_us + static_cast<double>(warm_us_);
    cost.warm_container_seconds = warm_us / kMicros;
    cost.warm_gb_seconds = GbSeconds(warm_us * mib_);
    cost.fewest_cold_starts = gaps.first_uses;
    return cost;
  }

 private:
  void OnGap(int64_t gap_us, FunctionGaps& gaps) {
    const double mib_us = static_cast<double>(gap_us) * mib_;
    gaps.gaps.Add(mib_us);
    gaps.gaps_or_starts += std::min(mib_us, static_cast<double>(start_us_) * mib_);
    const bool keep = mib_us <= keep_mib_us_;
    warm_us_ += keep ? gap_us : start_us_;
    warm_starts_ += !keep;
  }

  void OnFirstUse(int64_t at_us, FunctionGaps& gaps) {
    ++gaps.first_uses;
    if (at_us < start_us_) {
      ++gaps.early;
      gaps.early_mib_us += static_cast<double>(at_us) * mib_;
    }
    warm_us_ += std::min(at_us, start_us_);
    ++warm_starts_;
  }

  UncontendedFunction f_;
  int64_t end_us_;
  double mib_;
  int64_t start_us_;
  double keep_mib_us_;  // a container is kept through a gap that costs at most this
  ContainerLevels levels_;
  int64_t warm_us_ = 0;  // starts and kept gaps
  uint64_t warm_starts_ = 0;
};

void Add(const ClairvoyantCost& cost, ClairvoyantCost& total) {
  total.requests += cost.requests;
  total.needed_container_seconds += cost.needed_container_seconds;
  total.needed_gb_seconds += cost.needed_gb_seconds;
  total.warm_starts += cost.warm_starts;
  total.warm_container_seconds += cost.warm_container_seconds;
  total.warm_gb_seconds += cost.warm_gb_seconds;
  total.fewest_cold_starts += cost.fewest_cold_starts;
}

void Add(const FunctionGaps::Curve& curve, FunctionGaps::Curve& total) {
  for (size_t k = 0; k < PriceGrid::kSize; ++k) {
    total.least_cost[k] += curve.least_cost[k];
    total.cold_starts[k] += curve.cold_starts[k];
  }
}

FunctionGaps::Curve EmptyCurve() {
  return {std::vector<double>(PriceGrid::kSize), std::vector<double>(PriceGrid::kSize)};
}

// Least cost and starts when a start costs the price and takes no time: a gap is kept through when
// that is cheaper.
FunctionGaps::Curve StartsAtPrice(const FunctionGaps& f) {
  FunctionGaps::Curve curve = EmptyCurve();
  uint64_t longer = 0;  // gaps that cost the price or more
  for (int k = 0; k < f.gaps.size(); ++k) longer += f.gaps.cell(k).count;
  double kept_mib_us = 0;
  for (int k = 0; k < PriceGrid::kSize; ++k) {
    const double starts = static_cast<double>(f.first_uses + longer);
    curve.cold_starts[static_cast<size_t>(k)] = starts;
    curve.least_cost[static_cast<size_t>(k)] =
        f.needed_mib_us + kept_mib_us + PriceGrid::At(k) * starts;
    longer -= f.gaps.cell(k).count;
    kept_mib_us += f.gaps.cell(k).mib_us;
  }
  return curve;
}

}  // namespace

// Of C containers at least 2 C - requests serve one request only, and each of those costs a start
// more than is counted (where it is not cut: `whole`). So a start at price p costs at least
// p' = p + 2 theta start_mib_us, less theta start_mib_us for every request: for any theta from 0 to
// 1, and the best of the grid is taken.
FunctionGaps::Curve FunctionGaps::WithoutPrewarm() const {
  const Curve starts = StartsAtPrice(*this);
  const double singles_from = static_cast<double>(2 * requests - whole);
  Curve curve = EmptyCurve();
  for (size_t k = 0; k < PriceGrid::kSize; ++k) {
    const double price = PriceGrid::At(static_cast<int>(k));
    size_t best = k;
    double best_cost = starts.least_cost[k];
    for (size_t j = k + 1; j < PriceGrid::kSize; ++j) {
      const double more = PriceGrid::At(static_cast<int>(j)) - price;
      if (more > 2 * start_mib_us) break;
      const double cost = starts.least_cost[j] - more / 2 * singles_from;
      if (cost < best_cost) break;  // concave in the price
      best = j;
      best_cost = cost;
    }
    curve.least_cost[k] = best_cost;
    curve.cold_starts[k] = starts.cold_starts[best];
  }
  return curve;
}

// A start is the cheaper of a cold one, at the price, and a pre-warmed one, at its memory.
FunctionGaps::Curve FunctionGaps::WithPrewarm() const {
  Curve curve = StartsAtPrice(*this);
  const double prewarmed = needed_mib_us + gaps_or_starts + early_mib_us +
                           start_mib_us * static_cast<double>(first_uses - early);
  for (size_t k = 0; k < PriceGrid::kSize; ++k) {
    const double price = PriceGrid::At(static_cast<int>(k));
    if (price < start_mib_us) {
      curve.least_cost[k] -= price * static_cast<double>(early);
      curve.cold_starts[k] -= static_cast<double>(early);
    } else {
      curve.least_cost[k] = prewarmed;
      curve.cold_starts[k] = 0;
    }
  }
  return curve;
}

TradeOff ClairvoyantBound::WithoutPrewarm(FunctionId function) const {
  FunctionGaps::Curve curve = gaps_[function.index()].WithoutPrewarm();
  const auto fewest = static_cast<double>(gaps_[function.index()].first_uses);
  return TradeOff(std::move(curve.least_cost), curve.cold_starts, fewest);
}

TradeOff ClairvoyantBound::WithPrewarm(FunctionId function) const {
  FunctionGaps::Curve curve = gaps_[function.index()].WithPrewarm();
  return TradeOff(std::move(curve.least_cost), curve.cold_starts, 0);
}

ClairvoyantBound ComputeBound(const Trace& trace, const ClusterSpec& cluster,
                              const ArrivalOptions& arrivals, const BoundOptions& options) {
  std::vector<FunctionStream> streams;
  streams.reserve(trace.functions().size());
  for (const FunctionProfile& profile : trace.functions()) {
    streams.emplace_back(Uncontended(cluster, profile), trace.duration(), options);
  }
  ClairvoyantBound bound;
  bound.gaps_.resize(streams.size());
  const std::unique_ptr<ArrivalSource> source = MakeArrivalSource(trace, arrivals);
  for (ArrivalBatch batch; source->Next(batch);) {
    for (const Arrival& arrival : batch.arrivals) {
      streams[arrival.function].Arrive(batch.start.micros() + arrival.offset_us, arrival.work_us,
                                       bound.gaps_[arrival.function]);
    }
  }
  FunctionGaps::Curve without = EmptyCurve(), with = EmptyCurve();
  for (size_t f = 0; f < streams.size(); ++f) {
    bound.functions_.push_back(streams[f].Finish(bound.gaps_[f]));
    Add(bound.functions_.back(), bound.total_);
    Add(bound.gaps_[f].WithoutPrewarm(), without);
    Add(bound.gaps_[f].WithPrewarm(), with);
  }
  bound.without_prewarm_ = TradeOff(std::move(without.least_cost), without.cold_starts,
                                    static_cast<double>(bound.total_.fewest_cold_starts));
  bound.with_prewarm_ = TradeOff(std::move(with.least_cost), with.cold_starts, 0);
  return bound;
}

}  // namespace reeve
