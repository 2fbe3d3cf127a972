#include "envs/observation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "envs/feature_table.h"

namespace reeve {
namespace {

// Functions whose features are computed together: their part of a snapshot and of the output stays
// in the first-level cache.
constexpr size_t kBlock = 256;

SimTime TimeOf(const FeatureSpec& spec, const FeatureRow& row) {
  return spec.time > SimTime() ? spec.time : row.time;
}

std::string NameOf(const FeatureSpec& spec, const FeatureRow& row) {
  if (row.time == SimTime()) return spec.name;
  return fmt::format("{}({}s)", spec.name, TimeOf(spec, row).seconds());
}

}  // namespace

std::vector<const FeatureRow*> AllFeatures() {
  std::vector<const FeatureRow*> rows;
  for (const FeatureRow& row : WindowFeatures()) rows.push_back(&row);
  for (const FeatureRow& row : HistoryFeatures()) rows.push_back(&row);
  return rows;
}

const FeatureRow* FindFeature(std::string_view name) {
  for (const FeatureRow* row : AllFeatures()) {
    if (row->name == name) return row;
  }
  return nullptr;
}

std::vector<FeatureDoc> DescribeFeatures() {
  std::vector<FeatureDoc> docs;
  for (const FeatureRow* row : AllFeatures()) {
    docs.push_back({.name = std::string(row->name),
                    .unit = std::string(row->unit),
                    .range = fmt::format("{} to {}", row->min, row->max),
                    .scale = row->scale,
                    .time = row->time,
                    .doc = std::string(row->doc)});
  }
  return docs;
}

// ---- specification

absl::Status FeatureSpec::Validate() const {
  const FeatureRow* row = FindFeature(name);
  if (row == nullptr) {
    std::vector<std::string> names;
    for (const FeatureRow* known : AllFeatures()) names.emplace_back(known->name);
    return absl::InvalidArgumentError(
        fmt::format("unknown feature '{}'{}", name, config_internal::Suggest(name, names)));
  }
  if (scale > 0 && row->scale == 0) {
    return absl::InvalidArgumentError(
        fmt::format("feature '{}' has no unit and takes no scale; leave it out", name));
  }
  if (time > SimTime() && row->time == SimTime()) {
    return absl::InvalidArgumentError(
        fmt::format("feature '{}' has no time constant; leave 'time' out", name));
  }
  return absl::OkStatus();
}

absl::Status ObservationSpec::Validate() const {
  if (features.empty()) {
    return absl::InvalidArgumentError("an observation needs at least one feature");
  }
  std::vector<std::string> seen;
  for (const FeatureSpec& feature : features) {
    if (const absl::Status status = feature.Validate(); !status.ok()) return status;
    std::string name = NameOf(feature, *FindFeature(feature.name));
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return absl::InvalidArgumentError(fmt::format("feature '{}' stands here twice", name));
    }
    seen.push_back(std::move(name));
  }
  return absl::OkStatus();
}

std::vector<FeatureSpec> ObservationSpec::Default() {
  std::vector<FeatureSpec> features;
  for (const char* name : {"cpu_utilisation", "slo_preservation", "cpu_share", "others_cpu_share",
                           "containers", "arrival_rate"}) {
    features.push_back({.name = name});
  }
  return features;
}

// ---- extraction

struct FeatureExtractor::State {
  struct Column {
    const FeatureRow* row;
    double per_scale, time_s;
    History* history;  // in `histories`; null: needs none
  };
  struct SharedHistory {
    HistoryKind kind;
    SimTime time;
    std::unique_ptr<History> history;
  };
  std::vector<std::string> names;        // [O]
  std::vector<Column> columns;           // [O]
  std::vector<SharedHistory> histories;  // one for each kind and time in use
  size_t functions = 0;                  // that histories have room for

  History* Share(HistoryKind kind, SimTime time) {
    if (kind == HistoryKind::kNone) return nullptr;
    if (!DependsOnTime(kind)) time = {};
    for (const SharedHistory& shared : histories) {
      if (shared.kind == kind && shared.time == time) return shared.history.get();
    }
    return histories.emplace_back(SharedHistory{kind, time, MakeHistory(kind, time)}).history.get();
  }

  void Resize(size_t count) {
    for (const SharedHistory& shared : histories) shared.history->Resize(count);
    functions = count;
  }
};

FeatureExtractor::FeatureExtractor(const ObservationSpec& spec)
    : state_(std::make_unique<State>()) {
  for (const FeatureSpec& feature : spec.features) {
    const FeatureRow* row = FindFeature(feature.name);
    REEVE_CHECK(row != nullptr);
    const double scale = feature.scale > 0 ? feature.scale : row->scale;
    state_->names.push_back(NameOf(feature, *row));
    state_->columns.push_back({.row = row,
                               .per_scale = scale > 0 ? 1 / scale : 1,
                               .time_s = TimeOf(feature, *row).seconds(),
                               .history = state_->Share(row->history, TimeOf(feature, *row))});
  }
}

FeatureExtractor::~FeatureExtractor() = default;
FeatureExtractor::FeatureExtractor(FeatureExtractor&&) noexcept = default;
FeatureExtractor& FeatureExtractor::operator=(FeatureExtractor&&) noexcept = default;

size_t FeatureExtractor::size() const {
  return state_->columns.size();
}

const std::vector<std::string>& FeatureExtractor::names() const {
  return state_->names;
}

void FeatureExtractor::Reset() {
  const size_t functions = state_->functions;
  state_->Resize(0);
  state_->Resize(functions);
}

void FeatureExtractor::Forget(FunctionId function) {
  if (function.index() >= state_->functions) return;
  for (const auto& shared : state_->histories) shared.history->Forget(function.index());
}

void FeatureExtractor::Extract(const Snapshot& snapshot, std::span<float> out, size_t stride) {
  State& s = *state_;
  const size_t functions = snapshot.functions.size();
  REEVE_CHECK(stride >= s.columns.size() && out.size() == functions * stride);
  if (functions > s.functions) s.Resize(functions);

  const WindowInput window(snapshot);
  const bool passed = window.window_s > 0;
  if (passed) {
    for (const auto& shared : s.histories) shared.history->BeginWindow(window.window_s);
  }
  for (size_t begin = 0; begin < functions; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, functions);
    if (passed) {
      for (const auto& shared : s.histories) shared.history->Update(window, begin, end);
    }
    for (size_t o = 0; o < s.columns.size(); ++o) {
      const State::Column& column = s.columns[o];
      const FeatureInput in{.window = window,
                            .w = window.w,
                            .history = column.history,
                            .per_scale = column.per_scale,
                            .time_s = column.time_s,
                            .min = column.row->min,
                            .max = column.row->max};
      column.row->fill(in, begin, end, &out[begin * stride + o], stride);
    }
  }
}

}  // namespace reeve
