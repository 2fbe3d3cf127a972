#include "controller/policy_view.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "controller/window_rows.h"

namespace reeve {
namespace {

void ScaleEvents(FunctionWindows& windows, double factor) {
  VisitEventColumns(
      [factor](std::vector<uint32_t>& column) {
        for (uint32_t& count : column) {
          count = static_cast<uint32_t>(
              std::min(std::round(count * factor),
                       static_cast<double>(std::numeric_limits<uint32_t>::max())));
        }
      },
      windows);
}

}  // namespace

PolicyView::PolicyView(const Catalogue& catalogue, SimTime period)
    : period_(period), indices_(catalogue.functions.size()) {
  for (size_t slot = 0; slot < catalogue.functions.size(); ++slot) {
    const LiveFunction& function = catalogue.functions[slot];
    if (!function.present) continue;
    indices_[slot] = slots_.size();
    slots_.push_back(slot);
    names_.push_back(function.name);
    tenants_.push_back(function.tenant);
  }
  whole_ = slots_.size() == catalogue.functions.size();
  last_sound_.Resize(size());
}

std::optional<size_t> PolicyView::index(size_t slot) const {
  return slot < indices_.size() ? indices_[slot] : std::nullopt;
}

void PolicyView::Project(const Snapshot& live, Snapshot& view) const {
  view.time = live.time;
  view.window = live.window;
  view.cluster = live.cluster;
  view.functions.Resize(size());
  const size_t known = live.functions.size();
  VisitColumns(
      [&](const auto& from, auto& to) {
        for (size_t i = 0; i < slots_.size(); ++i) {
          to[i] = slots_[i] < known ? from[slots_[i]]
                                    : typename std::decay_t<decltype(to)>::value_type{};
        }
      },
      live.functions, view.functions);
  view.functions.histograms =
      whole_ && known == indices_.size() ? live.functions.histograms : nullptr;
  if (live.window <= SimTime() || live.window == period_) return;
  const double factor = period_.seconds() / live.window.seconds();
  if (std::abs(factor - 1) > 0.02) {
    ScaleEvents(view.functions, factor);
    view.functions.histograms = nullptr;
  }
  view.window = period_;
}

void PolicyView::Repair(std::span<const uint8_t> sound, Snapshot& view) {
  FunctionWindows& w = view.functions;
  for (size_t i = 0; i < size(); ++i) {
    if (sound[i]) {
      CopyRow(w, i, last_sound_, i);
      continue;
    }
    const auto restore = [i](auto& column, const auto& last) { column[i] = last[i]; };
    VisitEventColumns(restore, w, last_sound_);
    VisitMeasuredColumns(restore, w, last_sound_);
    if (w.cpu_limit[i] < Millicores()) w.cpu_limit[i] = last_sound_.cpu_limit[i];
    if (w.memory_limit[i] < Mebibytes()) w.memory_limit[i] = last_sound_.memory_limit[i];
    if (w.concurrency_limit[i] < 0) w.concurrency_limit[i] = last_sound_.concurrency_limit[i];
    if (w.slo_latency[i] < SimTime()) w.slo_latency[i] = last_sound_.slo_latency[i];
    w.histograms = nullptr;
  }
}

}  // namespace reeve
