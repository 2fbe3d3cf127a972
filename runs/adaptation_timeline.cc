#include "runs/adaptation_timeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.h"

namespace reeve {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double Over(double sum, double count) {
  return count > 0 ? sum / count : kNone;
}

double MeanGap(const std::vector<AdaptationVisit>& visits, bool first) {
  double sum = 0, count = 0;
  for (const AdaptationVisit& visit : visits) {
    const double gap = visit.reward_settling - visit.reward_rest;
    if (visit.first != first || !std::isfinite(gap)) continue;
    sum += gap;
    ++count;
  }
  return Over(sum, count);
}

}  // namespace

double AdaptationRecord::cost_per_hour() const {
  return Over(whole.cost * 3600, whole.seconds);
}
double AdaptationRecord::first_settling_gap() const {
  return MeanGap(visits, true);
}
double AdaptationRecord::return_settling_gap() const {
  return MeanGap(visits, false);
}

void AdaptationTimeline::Sums::AddRequest(const Request& request) {
  latencies.Record(request.latency_us);
  if (request.slo_us > 0) {
    over_slo.Record(static_cast<int64_t>(1000.0 * static_cast<double>(request.latency_us) /
                                         static_cast<double>(request.slo_us)));
  }
  latency_sum_us += static_cast<double>(request.latency_us);
  ++requests;
  violations += request.failed || request.latency_us > request.slo_us ? 1 : 0;
}

void AdaptationTimeline::Sums::AddPeriod(const AdaptationPeriod& period) {
  seconds += (period.end - period.start).seconds();
  cost += period.cost;
  reward += period.reward;
  engaged += period.engaged;
  exploring += period.exploring;
  ++periods;
}

AdaptationFigures AdaptationTimeline::Sums::Figures() const {
  const auto count = static_cast<double>(periods), n = static_cast<double>(requests);
  AdaptationFigures f;
  f.seconds = seconds;
  f.requests = requests;
  f.violations = violations;
  const auto quantiles = latencies.Quantiles(std::array{0.95, 0.99});
  f.latency_mean_ms = Over(latency_sum_us / 1000, n);
  f.latency_p95_ms = requests > 0 ? quantiles[0] / 1000 : kNone;
  f.latency_p99_ms = requests > 0 ? quantiles[1] / 1000 : kNone;
  f.over_slo_p99 = requests > 0 ? over_slo.Quantile(0.99) / 1000 : kNone;
  f.violation_share = Over(static_cast<double>(violations), n);
  f.cost = cost;
  f.reward = Over(reward, count);
  f.engaged_share = Over(engaged, count);
  f.exploring_share = Over(exploring, count);
  return f;
}

AdaptationTimeline::AdaptationTimeline(SimTime interval, SimTime settling)
    : interval_(interval), settling_(settling) {}

void AdaptationTimeline::BeginVisit(const AdaptationPeriod& period) {
  open_visit_ = {};
  open_visit_.from = period.start;
  open_visit_.truth = period.truth;
  open_visit_.first = std::find(seen_.begin(), seen_.end(), period.truth) == seen_.end();
  if (open_visit_.first) seen_.push_back(period.truth);
  truth_.push_back({period.start, period.truth});
}

void AdaptationTimeline::CloseVisit() {
  open_visit_.to = end_;
  open_visit_.detected = last_.detected;
  open_visit_.reward_settling = Over(settling_reward_, static_cast<double>(settling_periods_));
  open_visit_.reward_rest = Over(rest_reward_, static_cast<double>(rest_periods_));
  open_visit_.figures = visit_.Figures();
  record_.visits.push_back(open_visit_);
  visit_ = {};
  settling_reward_ = rest_reward_ = 0;
  settling_periods_ = rest_periods_ = 0;
}

void AdaptationTimeline::CloseRow() {
  if (!row_open_) return;
  record_.rows.push_back({.from = row_from_,
                          .truth = last_.truth,
                          .detected = last_.detected,
                          .expert = last_.expert,
                          .figures = row_.Figures()});
  row_ = {};
  row_open_ = false;
}

void AdaptationTimeline::EndPeriod(const AdaptationPeriod& period) {
  REEVE_CHECK(!started_ || period.start == end_);
  if (!started_ || period.truth != last_.truth) {
    if (started_) CloseVisit();
    BeginVisit(period);
  }
  if (!row_open_) {
    // Rows begin at multiples of the interval, also where a period is longer than one.
    row_from_ = interval_ * (period.start.micros() / interval_.micros());
    row_open_ = true;
  }
  if (period.detected >= 0 &&
      (detected_.empty() || detected_.back().environment != period.detected)) {
    // The first environment was in force from the start, as far as anybody knows.
    detected_.push_back({detected_.empty() ? SimTime() : period.start, period.detected});
  }
  started_ = true;
  last_ = period;
  end_ = period.end;
  Sums& kind = open_visit_.first ? first_visits_ : returns_;
  for (Sums* sums : {&row_, &visit_, &whole_, &kind}) {
    for (const Request& request : pending_) sums->AddRequest(request);
    sums->AddPeriod(period);
  }
  pending_.clear();
  if (period.start - open_visit_.from < settling_) {
    settling_reward_ += period.reward;
    ++settling_periods_;
  } else {
    rest_reward_ += period.reward;
    ++rest_periods_;
  }
  if (period.end - row_from_ >= interval_) CloseRow();
}

AdaptationRecord AdaptationTimeline::Finish(SimTime tolerance) {
  CloseRow();
  if (started_) CloseVisit();
  record_.interval_s = interval_.seconds();
  record_.whole = whole_.Figures();
  record_.first_visits = first_visits_.Figures();
  record_.returns = returns_.Figures();
  record_.detects = !detected_.empty();
  if (record_.detects) {
    record_.detection = ScoreDetections(truth_, detected_, end_, tolerance);
  }
  return std::move(record_);
}

}  // namespace reeve
