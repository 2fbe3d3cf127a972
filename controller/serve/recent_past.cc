#include "controller/serve/recent_past.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace reeve {
namespace {

size_t BytesOf(const RecentWindow& window) {
  return sizeof window + window.functions.size() * sizeof(FunctionPoint);
}

// What is measured and known of a row; not what was decided.
FunctionPoint MeasuredPoint(const FunctionWindows& w, size_t row, uint32_t slot) {
  FunctionPoint point;
  point.slot = slot;
  point.arrivals = w.arrivals[row];
  point.completions = w.completions[row];
  point.lost = w.failures[row] + w.timeouts[row] + w.rejections[row];
  point.cold_starts = w.cold_starts[row];
  point.slo_violations = w.slo_violations[row];
  point.queued = w.queued[row];
  point.in_flight = w.in_flight[row];
  point.ready = w.containers_ready[row];
  point.starting = w.containers_starting[row];
  point.asked = w.replicas_asked[row];
  point.mean_queued = static_cast<float>(w.mean_queued[row]);
  point.mean_in_flight = static_cast<float>(w.mean_in_flight[row]);
  point.p50_ms = w.latency_p50_ms[row];
  point.p99_ms = w.latency_p99_ms[row];
  point.cpu_millicores = static_cast<float>(w.cpu_used_millicores[row]);
  return point;
}

void AddTo(ClusterPoint& cluster, const FunctionPoint& point, SimTime slo) {
  ++cluster.functions;
  cluster.ready += point.ready;
  cluster.starting += point.starting;
  cluster.asked += point.asked;
  cluster.safeguarded += point.decider == Decider::kSafeguard;
  cluster.held += point.decider == Decider::kHold || point.decider == Decider::kFallback;
  // Numbers that cannot be believed are nobody's load.
  if (!point.sound) return;
  cluster.arrivals += point.arrivals;
  cluster.completions += point.completions;
  cluster.lost += point.lost;
  cluster.cold_starts += point.cold_starts;
  cluster.slo_violations += point.slo_violations;
  cluster.mean_queued += point.mean_queued;
  cluster.mean_in_flight += point.mean_in_flight;
  if (!std::isfinite(point.p99_ms)) return;
  cluster.slowest_p99_ms = std::max(cluster.slowest_p99_ms, static_cast<double>(point.p99_ms));
  cluster.over_objective += slo != SimTime::Max() && point.p99_ms > slo.millis();
}

// Snapshots are plain data but for the histograms, which are the platform's.
Snapshot CopyOf(const Snapshot& snapshot) {
  Snapshot copy = snapshot;
  copy.functions.histograms = nullptr;
  return copy;
}

}  // namespace

size_t RecentPast::RoomFor(size_t functions) const {
  const size_t each = sizeof(RecentWindow) + functions * sizeof(FunctionPoint);
  return std::clamp<size_t>(bytes_ / each, 1, kMostWindows);
}

void RecentPast::AddPast(const PastWindow& past) {
  const FunctionWindows& w = past.snapshot.functions;
  // Slots of their own: the catalogue that is to come is not known yet. Functions are found by id.
  std::vector<LiveFunction> functions;
  auto window = std::make_shared<RecentWindow>();
  ClusterPoint& cluster = window->cluster;
  cluster.wall_us = past.wall_us;
  cluster.window = past.snapshot.window;
  cluster.observed = true;
  cluster.cluster = past.snapshot.cluster;
  for (size_t row = 0; row < w.size() && row < past.ids.size(); ++row) {
    FunctionPoint& point = window->functions.emplace_back(
        MeasuredPoint(w, row, static_cast<uint32_t>(functions.size())));
    point.sound = true;
    LiveFunction& function = functions.emplace_back();
    function.id = past.ids[row];
    function.slo_latency = w.slo_latency[row];
    AddTo(cluster, point, function.slo_latency);
  }
  const auto same = [](const LiveFunction& a, const LiveFunction& b) { return a.id == b.id; };
  if (past_names_ == nullptr || !std::ranges::equal(past_names_->functions, functions, same)) {
    auto names = std::make_shared<FunctionNames>();
    names->functions = std::move(functions);
    past_names_ = std::move(names);
  }
  window->names = past_names_;
  Keep(std::move(window));
}

void RecentPast::AddPast(const PastEvent& event) {
  KeepEvent(event);
}

std::shared_ptr<const FunctionNames> RecentPast::NamesOf(const Catalogue& catalogue) {
  if (names_ == nullptr || names_->generation != catalogue.generation ||
      names_->functions.size() != catalogue.functions.size()) {
    auto names = std::make_shared<FunctionNames>();
    names->generation = catalogue.generation;
    names->functions = catalogue.functions;
    names_ = std::move(names);
  }
  return names_;
}

void RecentPast::AddPercentiles(const FunctionWindows& windows, ClusterPoint& cluster) {
  const WindowHistograms* histograms = windows.histograms;
  if (histograms == nullptr) return;
  all_.Clear();
  for (uint32_t f = 0; f < histograms->size(); ++f) {
    if (histograms->count(f) > 0) histograms->MergeInto(f, all_);
  }
  if (all_.count() == 0) return;
  const std::array<double, 3> us = all_.Quantiles(std::array{0.5, 0.95, 0.99}, kLatencyLane);
  cluster.p50_ms = us[0] / 1000;
  cluster.p95_ms = us[1] / 1000;
  cluster.p99_ms = us[2] / 1000;
}

void RecentPast::OnTick(const TickRecord& tick) {
  if (tick.catalogue == nullptr || tick.snapshot == nullptr) return;
  auto window = std::make_shared<RecentWindow>();
  window->names = NamesOf(*tick.catalogue);
  ClusterPoint& cluster = window->cluster;
  cluster.tick = tick.tick;
  cluster.wall_us = tick.wall_us;
  cluster.observed = tick.observed;
  cluster.decided = tick.view != nullptr;
  cluster.lateness = tick.lateness;
  cluster.duration = tick.observe + tick.decide + tick.apply;
  cluster.window = tick.snapshot->window;
  cluster.cluster = tick.snapshot->cluster;
  if (tick.adaptation != nullptr) cluster.adaptation = *tick.adaptation;
  const FunctionWindows& w = tick.snapshot->functions;
  window->functions.reserve(tick.functions.size());
  for (const FunctionRecord& record : tick.functions) {
    if (record.slot >= w.size()) continue;
    FunctionPoint& point =
        window->functions.emplace_back(MeasuredPoint(w, record.slot, record.slot));
    point.wished = record.wished.replicas.value_or(-1);
    point.why = record.why;
    point.decider = record.decider;
    point.mode = record.mode.mode;
    point.paused = record.mode.paused;
    // What is not of a new window was counted before.
    point.sound = record.sound && tick.observed;
    AddTo(cluster, point, tick.catalogue->functions[record.slot].slo_latency);
  }
  if (tick.observed) AddPercentiles(w, cluster);

  std::shared_ptr<SeenWindow> seen;
  if (tick.view != nullptr && tick.view->functions.size() == tick.functions.size()) {
    seen = std::make_shared<SeenWindow>();
    seen->wall_us = tick.wall_us;
    seen->view = CopyOf(*tick.view);
    for (const FunctionRecord& record : tick.functions) seen->slots.push_back(record.slot);
  }
  Keep(window);
  const std::lock_guard lock(mutex_);
  newest_ = std::move(window);
  if (seen != nullptr) seen_ = std::move(seen);
}

void RecentPast::Keep(std::shared_ptr<const RecentWindow> window) {
  std::vector<std::shared_ptr<const RecentWindow>> forgotten;  // freed without the lock
  const std::lock_guard lock(mutex_);
  // Nobody else has it yet.
  std::const_pointer_cast<RecentWindow>(window)->cluster.seq = next_window_++;
  used_ += BytesOf(*window);
  windows_.push_back(std::move(window));
  while (windows_.size() > 1 && (used_ > bytes_ || windows_.size() > kMostWindows)) {
    used_ -= BytesOf(*windows_.front());
    forgotten.push_back(std::move(windows_.front()));
    windows_.pop_front();
  }
}

void RecentPast::OnEvent(const EventRecord& event) {
  PastEvent kept;
  kept.wall_us = event.wall_us;
  kept.kind = event.kind;
  kept.warning = event.warning;
  kept.tenant = event.tenant;
  kept.message = event.message;
  if (event.function != nullptr) {
    kept.function_id = event.function->id;
    kept.function = event.function->name;
    if (kept.tenant.empty()) kept.tenant = event.function->tenant;
  }
  KeepEvent(kept);
}

void RecentPast::KeepEvent(const PastEvent& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back({event, next_event_++});
  if (events_.size() > kMostEvents) events_.pop_front();
}

std::vector<std::shared_ptr<const RecentWindow>> RecentPast::Windows(uint64_t since) const {
  const std::lock_guard lock(mutex_);
  const auto from = std::ranges::lower_bound(
      windows_, since, {}, [](const auto& window) { return window->cluster.seq; });
  return {from, windows_.end()};
}

std::vector<RecentEvent> RecentPast::Events(uint64_t since) const {
  const std::lock_guard lock(mutex_);
  const auto from = std::ranges::lower_bound(events_, since, {}, &RecentEvent::seq);
  return {from, events_.end()};
}

std::shared_ptr<const RecentWindow> RecentPast::Newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

std::shared_ptr<const SeenWindow> RecentPast::Seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace reeve
