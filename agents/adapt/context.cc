#include "agents/adapt/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "core/portable_math.h"
#include "envs/window_measures.h"

namespace reeve {
namespace {

// Sums over one window, or decayed sums over several.
struct Sums {
  double seconds = 0, arrivals = 0, completions = 0, execution_ms = 0, cold_starts = 0;
  double in_flight_s = 0, queued_s = 0;         // requests x seconds
  double cpu_used = 0, cpu_capacity = 0;        // millicores x seconds
  double memory_held = 0, memory_capacity = 0;  // MiB x seconds
};

double LogOf(double x) {
  return PortableLog(1 + Sane(x));
}
double ShareOf(double x) {
  return std::min(1.0, Sane(x));
}
double LoadShareOf(double x) {
  return std::min(10.0, Sane(x));
}

enum class Form : uint8_t { kQuotient, kShares, kEntropy };

struct Row {
  const char *name, *unit;
  double scale;
  const char* doc;
  Form form = Form::kQuotient;
  // kQuotient: `shown`(`above` / `below`).
  double Sums::*above = nullptr;
  double Sums::*below = nullptr;
  double (*shown)(double) = nullptr;
};

const std::array<Row, 9>& Rows() {
  static const std::array<Row, 9> rows = {{
      {"arrival_rate", "log(1 + requests/s)", 0.1, "Requests that came", Form::kQuotient,
       &Sums::arrivals, &Sums::seconds, LogOf},
      {"execution_time", "log(1 + ms)", 0.1, "Mean over completions of their function's median",
       Form::kQuotient, &Sums::execution_ms, &Sums::completions, LogOf},
      {"shares", "sqrt(share), one for each group", 0.05,
       "How the arrivals are shared out among groups of functions", Form::kShares},
      {"entropy", "nats", 0.1, "Of the functions' shares of the arrivals", Form::kEntropy},
      {"concurrency", "log(1 + requests)", 0.1, "Requests being executed", Form::kQuotient,
       &Sums::in_flight_s, &Sums::seconds, LogOf},
      {"queued", "log(1 + requests)", 0.5, "Requests waiting for a container", Form::kQuotient,
       &Sums::queued_s, &Sums::seconds, LogOf},
      {"cpu_load", "share", 0.05, "CPU used over the cluster's", Form::kQuotient, &Sums::cpu_used,
       &Sums::cpu_capacity, LoadShareOf},
      {"memory_load", "share", 0.05, "Memory held over the cluster's", Form::kQuotient,
       &Sums::memory_held, &Sums::memory_capacity, LoadShareOf},
      {"cold_start_share", "share", 0.05, "Cold starts over requests that came", Form::kQuotient,
       &Sums::cold_starts, &Sums::arrivals, ShareOf},
  }};
  return rows;
}

const Row* FindRow(const std::string& name) {
  for (const Row& row : Rows()) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

// Below this a decayed sum is as good as nothing, and its digits are no longer there.
constexpr double kNothing = 1e-9;

// What of the window's sums stays after one more window of this length.
double Kept(double window_s, double time_s) {
  return time_s > 0 ? PortableExp(-window_s / time_s) : 0;
}

}  // namespace

// ---- specification

absl::Status ContextFeatureSpec::Validate() const {
  if (FindRow(name) != nullptr) return absl::OkStatus();
  std::vector<std::string> names;
  for (const Row& row : Rows()) names.emplace_back(row.name);
  return absl::InvalidArgumentError(
      fmt::format("unknown feature '{}'{}", name, config_internal::Suggest(name, names)));
}

absl::Status ContextSpec::Validate() const {
  if (features.empty()) return absl::InvalidArgumentError("a context needs at least one feature");
  for (size_t i = 0; i < features.size(); ++i) {
    if (absl::Status status = features[i].Validate(); !status.ok()) return status;
    for (size_t j = 0; j < i; ++j) {
      if (features[j].name == features[i].name) {
        return absl::InvalidArgumentError(
            fmt::format("feature '{}' stands here twice", features[i].name));
      }
    }
  }
  return absl::OkStatus();
}

std::vector<ContextFeatureSpec> ContextSpec::Default() {
  return {{.name = "arrival_rate"}, {.name = "execution_time"}, {.name = "shares"}};
}

std::vector<ContextFeatureDoc> DescribeContextFeatures() {
  std::vector<ContextFeatureDoc> docs;
  for (const Row& row : Rows()) docs.push_back({row.name, row.unit, row.doc, row.scale});
  return docs;
}

// ---- tracker

struct ContextTracker::State {
  struct Feature {
    const Row* row;
    double time_s, per_scale;
    size_t first, columns;  // in `values`
  };

  std::vector<Feature> features;
  std::vector<std::string> names;  // [D]
  size_t groups = 1;               // G
  bool shares_used = false, entropy_used = false;

  std::vector<double> above, below;  // [features] decayed sums
  std::vector<double> by_group;      // [G] arrivals, decayed
  std::vector<double> by_function;   // [F] arrivals, decayed; empty unless entropy is asked for
  std::vector<double> values;        // [D]

  std::vector<double> window_by_group;  // [G] of the window being taken in
  double entropy_kept = 0;              // for the window being taken in

  Sums SumUp(const Snapshot& snapshot, double window_s);
  void Take(size_t i, const Sums& window);
  void TakeShares(const Feature& feature, double window_s);
  void TakeEntropy(const Feature& feature);
};

Sums ContextTracker::State::SumUp(const Snapshot& snapshot, double window_s) {
  const FunctionWindows& w = snapshot.functions;
  Sums sums{.seconds = window_s};
  double in_flight = 0, queued = 0;
  std::fill(window_by_group.begin(), window_by_group.end(), 0.0);
  if (entropy_used && by_function.size() < w.size()) by_function.resize(w.size());
  size_t group = 0;
  for (size_t f = 0; f < w.size(); ++f) {
    const double arrivals = w.arrivals[f];
    sums.arrivals += arrivals;
    sums.completions += w.completions[f];
    sums.execution_ms += w.completions[f] * Sane(w.execution_p50_ms[f]);
    sums.cold_starts += w.cold_starts[f];
    in_flight += Sane(w.mean_in_flight[f]);
    queued += Sane(w.mean_queued[f]);
    window_by_group[group] += arrivals;
    if (++group == groups) group = 0;
    if (entropy_used) by_function[f] = by_function[f] * entropy_kept + arrivals;
  }
  sums.in_flight_s = in_flight * window_s;
  sums.queued_s = queued * window_s;
  const ClusterState& c = snapshot.cluster;
  sums.cpu_used = Sane(c.cpu_used_millicores) * window_s;
  sums.cpu_capacity = Sane(static_cast<double>(c.cpu_capacity.value())) * window_s;
  sums.memory_held = Sane(static_cast<double>(c.memory_held.value())) * window_s;
  sums.memory_capacity = Sane(static_cast<double>(c.memory_capacity.value())) * window_s;
  return sums;
}

void ContextTracker::State::TakeShares(const Feature& feature, double window_s) {
  const double kept = Kept(window_s, feature.time_s);
  double total = 0;
  for (size_t g = 0; g < groups; ++g) {
    by_group[g] = by_group[g] * kept + window_by_group[g];
    total += by_group[g];
  }
  if (total < kNothing) return;
  for (size_t g = 0; g < groups; ++g) {
    values[feature.first + g] = std::sqrt(by_group[g] / total) * feature.per_scale;
  }
}

// H = log S - sum s log s / S over functions with decayed arrivals s, S their sum.
void ContextTracker::State::TakeEntropy(const Feature& feature) {
  double total = 0, weighted = 0;
  for (double& s : by_function) {
    if (s < kNothing) {
      s = 0;  // a function that is gone must not leave numbers too small for a fast machine
      continue;
    }
    total += s;
    weighted += s * CoarseLog2(s);
  }
  if (total < kNothing) return;
  constexpr double kLn2 = 0.69314718055994531;
  const double nats = kLn2 * (CoarseLog2(total) - weighted / total);
  values[feature.first] = std::max(0.0, nats) * feature.per_scale;
}

void ContextTracker::State::Take(size_t i, const Sums& window) {
  const Feature& feature = features[i];
  const Row& row = *feature.row;
  if (row.form == Form::kShares) return TakeShares(feature, window.seconds);
  if (row.form == Form::kEntropy) return TakeEntropy(feature);
  const double kept = Kept(window.seconds, feature.time_s);
  above[i] = above[i] * kept + window.*row.above;
  below[i] = below[i] * kept + window.*row.below;
  if (below[i] < kNothing) return;
  values[feature.first] = row.shown(above[i] / below[i]) * feature.per_scale;
}

ContextTracker::ContextTracker(const ContextSpec& spec, size_t functions)
    : state_(std::make_unique<State>()) {
  REEVE_CHECK(functions > 0 && spec.Validate().ok());
  State& s = *state_;
  s.groups = std::min(functions, static_cast<size_t>(spec.groups));
  for (const ContextFeatureSpec& feature : spec.features) {
    const Row* row = FindRow(feature.name);
    const SimTime time = feature.time.value_or(spec.time);
    const size_t columns = row->form == Form::kShares ? s.groups : 1;
    s.features.push_back({.row = row,
                          .time_s = time.seconds(),
                          .per_scale = 1 / (feature.scale > 0 ? feature.scale : row->scale),
                          .first = s.names.size(),
                          .columns = columns});
    s.shares_used |= row->form == Form::kShares;
    s.entropy_used |= row->form == Form::kEntropy;
    for (size_t g = 0; g < columns; ++g) {
      s.names.push_back(row->form == Form::kShares ? fmt::format("{}[{}]", row->name, g)
                                                   : row->name);
    }
  }
  s.above.resize(s.features.size());
  s.below.resize(s.features.size());
  s.by_group.resize(s.groups);
  s.window_by_group.resize(s.groups);
  if (s.entropy_used) s.by_function.resize(functions);
  s.values.resize(s.names.size());
}

ContextTracker::~ContextTracker() = default;
ContextTracker::ContextTracker(ContextTracker&&) noexcept = default;
ContextTracker& ContextTracker::operator=(ContextTracker&&) noexcept = default;

size_t ContextTracker::size() const {
  return state_->values.size();
}
const std::vector<std::string>& ContextTracker::names() const {
  return state_->names;
}
std::span<const double> ContextTracker::context() const {
  return state_->values;
}

void ContextTracker::Update(const Snapshot& snapshot) {
  State& s = *state_;
  const double window_s = snapshot.window.seconds();
  if (!(window_s > 0) || snapshot.functions.size() == 0) return;
  for (const State::Feature& feature : s.features) {
    if (feature.row->form == Form::kEntropy) s.entropy_kept = Kept(window_s, feature.time_s);
  }
  const Sums window = s.SumUp(snapshot, window_s);
  for (size_t i = 0; i < s.features.size(); ++i) s.Take(i, window);
}

void ContextTracker::Reset() {
  State& s = *state_;
  for (std::vector<double>* v : {&s.above, &s.below, &s.by_group, &s.by_function, &s.values}) {
    std::fill(v->begin(), v->end(), 0.0);
  }
}

void ContextTracker::Save(StateVectors& state) const {
  state.reals["context.above"] = state_->above;
  state.reals["context.below"] = state_->below;
  state.reals["context.by_group"] = state_->by_group;
  state.reals["context.by_function"] = state_->by_function;
  state.reals["context.values"] = state_->values;
}

absl::Status ContextTracker::Restore(const StateVectors& state) {
  const State& s = *state_;
  StateReader reader(state);
  std::vector<double> above, below, by_group, by_function, values;
  reader.Read("context.above", s.above.size(), above);
  reader.Read("context.below", s.below.size(), below);
  reader.Read("context.by_group", s.groups, by_group);
  // Functions may have come or gone meanwhile.
  reader.ReadUpTo("context.by_function", std::numeric_limits<uint32_t>::max(), by_function);
  reader.Read("context.values", s.values.size(), values);
  for (const std::vector<double>* v : {&above, &below, &by_group, &by_function}) {
    if (std::any_of(v->begin(), v->end(), [](double x) { return x < 0; })) {
      reader.Fail("a sum of the context is below 0");
    }
  }
  if (!reader.ok()) return reader.status();
  if (s.entropy_used) by_function.resize(std::max(by_function.size(), s.by_function.size()));
  state_->above = std::move(above);
  state_->below = std::move(below);
  state_->by_group = std::move(by_group);
  if (s.entropy_used) state_->by_function = std::move(by_function);
  std::copy(values.begin(), values.end(), state_->values.begin());  // context() stays where it is
  return absl::OkStatus();
}

}  // namespace reeve
