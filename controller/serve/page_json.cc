#include "controller/serve/page_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "controller/serve/state_json.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

double Seconds(int64_t wall_us) {
  return static_cast<double>(wall_us) / 1e6;
}

// Five digits: what a page can show.
Json Short(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == std::round(value) && std::abs(value) < 1e9) return static_cast<int64_t>(value);
  return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr);
}
Json Short(const std::optional<double>& value) {
  return value ? Short(*value) : Json(nullptr);
}
// A percentile of a window; 0 means that nothing completed.
Json Percentile(double ms) {
  return ms > 0 ? Short(ms) : Json(nullptr);
}

double Gibibytes(Mebibytes memory) {
  return static_cast<double>(memory.value()) / 1024;
}

// Columns, each with the value of every row.
class Columns {
 public:
  template <class Rows, class Value>
  void Add(const char* name, const Rows& rows, Value value) {
    Json column = Json::array();
    for (const auto& row : rows) column.push_back(value(row));
    columns_[name] = std::move(column);
  }
  Json Take() { return std::move(columns_); }

 private:
  Json columns_ = Json::object();
};

// ---- functions

template <class Rows, class PointOf>
void AddPointColumns(Columns& columns, const Rows& rows, PointOf point) {
  using P = FunctionPoint;
  const auto add = [&](const char* name, auto P::*member) {
    columns.Add(name, rows, [&](const auto& row) { return Json(point(row).*member); });
  };
  add("arrivals", &P::arrivals);
  add("completions", &P::completions);
  add("lost", &P::lost);
  add("cold_starts", &P::cold_starts);
  add("slo_violations", &P::slo_violations);
  add("queued", &P::queued);
  add("in_flight", &P::in_flight);
  add("containers_ready", &P::ready);
  add("containers_starting", &P::starting);
  add("replicas_asked", &P::asked);
  columns.Add("replicas_wished", rows, [&](const auto& row) {
    return point(row).wished < 0 ? Json(nullptr) : Json(point(row).wished);
  });
  columns.Add("mean_queued", rows, [&](const auto& row) { return Short(point(row).mean_queued); });
  columns.Add("mean_in_flight", rows,
              [&](const auto& row) { return Short(point(row).mean_in_flight); });
  columns.Add("latency_p50_ms", rows,
              [&](const auto& row) { return Percentile(point(row).p50_ms); });
  columns.Add("latency_p99_ms", rows,
              [&](const auto& row) { return Percentile(point(row).p99_ms); });
  columns.Add("cpu_used_cores", rows,
              [&](const auto& row) { return Short(point(row).cpu_millicores / 1000); });
  columns.Add("decided_by", rows, [&](const auto& row) {
    return point(row).decider ? Json(NameOf(*point(row).decider)) : Json(nullptr);
  });
  columns.Add("why", rows, [&](const auto& row) { return Json(point(row).why); });
  columns.Add("sound", rows, [&](const auto& row) { return Json(point(row).sound); });
}

Json NamesJson(const RecentWindow& window) {
  Columns columns;
  const auto function = [&](const FunctionPoint& point) -> const LiveFunction& {
    return window.names->functions[point.slot];
  };
  const auto& rows = window.functions;
  columns.Add("id", rows, [&](const FunctionPoint& p) { return Json(function(p).id); });
  columns.Add("name", rows, [&](const FunctionPoint& p) { return Json(function(p).name); });
  columns.Add("tenant", rows, [&](const FunctionPoint& p) { return Json(function(p).tenant); });
  columns.Add("slo_ms", rows, [&](const FunctionPoint& p) {
    const SimTime slo = function(p).slo_latency;
    return slo == SimTime::Max() ? Json(nullptr) : Short(slo.millis());
  });
  return columns.Take();
}

// ---- the cluster

template <class Rows>
void AddClusterColumns(Columns& columns, const Rows& rows) {
  using P = ClusterPoint;
  const auto count = [&](const char* name, auto P::*member) {
    columns.Add(name, rows, [&](const auto& row) { return Json(row->cluster.*member); });
  };
  const auto number = [&](const char* name, auto value) {
    columns.Add(name, rows, [&](const auto& row) { return Short(value(row->cluster)); });
  };
  count("arrivals", &P::arrivals);
  count("completions", &P::completions);
  count("lost", &P::lost);
  count("cold_starts", &P::cold_starts);
  count("slo_violations", &P::slo_violations);
  count("containers_ready", &P::ready);
  count("containers_starting", &P::starting);
  count("replicas_asked", &P::asked);
  count("functions", &P::functions);
  count("over_objective", &P::over_objective);
  count("safeguarded", &P::safeguarded);
  count("held", &P::held);
  count("observed", &P::observed);
  number("mean_queued", [](const P& p) { return p.mean_queued; });
  number("mean_in_flight", [](const P& p) { return p.mean_in_flight; });
  number("latency_p50_ms", [](const P& p) { return p.p50_ms; });
  number("latency_p95_ms", [](const P& p) { return p.p95_ms; });
  number("latency_p99_ms", [](const P& p) { return p.p99_ms; });
  columns.Add("slowest_p99_ms", rows,
              [](const auto& row) { return Percentile(row->cluster.slowest_p99_ms); });
  number("window_seconds", [](const P& p) { return p.window.seconds(); });
  number("lateness_ms", [](const P& p) { return p.lateness.millis(); });
  number("tick_ms", [](const P& p) { return p.duration.millis(); });
  number("cpu_used_cores", [](const P& p) { return p.cluster.cpu_used_millicores / 1000; });
  number("cpu_capacity_cores",
         [](const P& p) { return static_cast<double>(p.cluster.cpu_capacity.value()) / 1000; });
  number("memory_held_gib", [](const P& p) { return Gibibytes(p.cluster.memory_held); });
  number("memory_capacity_gib", [](const P& p) { return Gibibytes(p.cluster.memory_capacity); });
  count("tick", &P::tick);
  columns.Add("nodes_ready", rows,
              [](const auto& row) { return Json(row->cluster.cluster.nodes_ready); });
  // Only where there is a policy that learns.
  if (!std::ranges::any_of(rows,
                           [](const auto& row) { return row->cluster.adaptation.has_value(); })) {
    return;
  }
  const auto learning = [&](const char* name, auto value) {
    columns.Add(name, rows, [&](const auto& row) {
      const std::optional<AdaptationNow>& now = row->cluster.adaptation;
      return now ? value(*now) : Json(nullptr);
    });
  };
  learning("environment", [](const AdaptationNow& now) { return Json(now.environment); });
  learning("confidence", [](const AdaptationNow& now) { return Short(now.confidence); });
  learning("environments", [](const AdaptationNow& now) { return Json(now.environments); });
  learning("expert", [](const AdaptationNow& now) { return Json(now.expert); });
  learning("exploring", [](const AdaptationNow& now) { return Json(now.exploring); });
  learning("mean_reward", [](const AdaptationNow& now) { return Short(now.mean_reward); });
}

template <class Rows>
void AddTimes(Columns& columns, const Rows& rows) {
  columns.Add("seq", rows, [](const auto& row) { return Json(row->cluster.seq); });
  columns.Add("wall", rows, [](const auto& row) { return Json(Seconds(row->cluster.wall_us)); });
}

uint64_t NextAfter(const std::vector<std::shared_ptr<const RecentWindow>>& windows,
                   uint64_t since) {
  return windows.empty() ? since : windows.back()->cluster.seq + 1;
}

// Names are in the windows, not in the points of an earlier run: found by id in each.
class PointFinder {
 public:
  explicit PointFinder(std::string id) : id_(std::move(id)) {}

  const FunctionPoint* In(const RecentWindow& window) {
    if (window.names != names_) {
      names_ = window.names;
      slot_.reset();
      const auto& functions = names_->functions;
      const auto found = std::ranges::find(functions, id_, &LiveFunction::id);
      if (found != functions.end()) slot_ = static_cast<uint32_t>(found - functions.begin());
    }
    if (!slot_) return nullptr;
    const auto at = std::ranges::lower_bound(window.functions, *slot_, {}, &FunctionPoint::slot);
    return at != window.functions.end() && at->slot == *slot_ ? &*at : nullptr;
  }

 private:
  const std::string id_;
  std::shared_ptr<const FunctionNames> names_;
  std::optional<uint32_t> slot_;
};

// ---- why

Json SeenJson(const FunctionWindows& w, size_t row, SimTime window) {
  Json json = {{"window_seconds", Short(window.seconds())},
               {"arrivals", w.arrivals[row]},
               {"completions", w.completions[row]},
               {"failures", w.failures[row]},
               {"timeouts", w.timeouts[row]},
               {"rejections", w.rejections[row]},
               {"cold_starts", w.cold_starts[row]},
               {"slo_violations", w.slo_violations[row]},
               {"queued", w.queued[row]},
               {"in_flight", w.in_flight[row]},
               {"mean_queued", Short(w.mean_queued[row])},
               {"mean_in_flight", Short(w.mean_in_flight[row])},
               {"containers_ready", w.containers_ready[row]},
               {"containers_starting", w.containers_starting[row]},
               {"replicas_asked", w.replicas_asked[row]},
               {"concurrency_limit", w.concurrency_limit[row]},
               {"cpu_used_millicores", Short(w.cpu_used_millicores[row])},
               {"cpu_limit_millicores", w.cpu_limit[row].value()},
               {"memory_used_mib", Short(w.memory_used_mebibytes[row])},
               {"memory_limit_mib", w.memory_limit[row].value()},
               {"latency_p50_ms", Percentile(w.latency_p50_ms[row])},
               {"latency_p95_ms", Percentile(w.latency_p95_ms[row])},
               {"latency_p99_ms", Percentile(w.latency_p99_ms[row])},
               {"execution_p50_ms", Percentile(w.execution_p50_ms[row])},
               {"execution_p99_ms", Percentile(w.execution_p99_ms[row])}};
  const SimTime slo = w.slo_latency[row];
  json["slo_latency_ms"] = slo == SimTime::Max() ? Json(nullptr) : Short(slo.millis());
  return json;
}

// What its owner allows.
Json LimitsJson(const LiveFunction& function) {
  Json json = {{"min_replicas", function.min_replicas}};
  json["max_replicas"] = function.max_replicas == std::numeric_limits<int32_t>::max()
                             ? Json(nullptr)
                             : Json(function.max_replicas);
  const auto put = [&](const char* name, const auto& value) {
    json[name] = value ? Json(value->value()) : Json(nullptr);
  };
  put("min_cpu_millicores", function.min_cpu);
  put("max_cpu_millicores", function.max_cpu);
  put("min_memory_mib", function.min_memory);
  put("max_memory_mib", function.max_memory);
  return json;
}

}  // namespace

Json LiveJson(const PageFacts& facts, const PageAccess& access, const LoopState* state,
              const RecentWindow* window, SimTime age, std::optional<uint64_t> seen_seq,
              const std::string& known_names) {
  Json json = {{"instance", facts.instance},
               {"access",
                {{"may_switch", access.may_switch},
                 {"needs_token", access.needs_token},
                 {"needs_certificate", access.needs_certificate}}}};
  if (state == nullptr || window == nullptr) return json;
  const ClusterPoint& cluster = window->cluster;
  json["seq"] = cluster.seq;
  json["age_seconds"] = Short(age.seconds());
  if (seen_seq == cluster.seq) return json;
  json["version"] = facts.version;
  json["platform"] = facts.platform;
  json["policy"] = facts.policy;
  json["period_seconds"] = facts.period.seconds();
  json["ticks"] = state->ticks;
  json["skipped"] = state->skipped;
  json["wall"] = Seconds(cluster.wall_us);
  json["leading"] = state->acting;
  json["policy_decides"] = state->policy_ready;
  if (cluster.adaptation) json["adaptation"] = AdaptationJson(*cluster.adaptation);
  Columns totals;
  const std::array<const RecentWindow*, 1> rows = {window};
  AddClusterColumns(totals, rows);
  json["cluster"] = Json::object();
  const nlohmann::json taken = totals.Take();
  for (const auto& [name, values] : taken.items()) json["cluster"][name] = values[0];
  const std::string key =
      fmt::format("{}-{}-{}", facts.instance, window->names->generation, window->functions.size());
  json["names_key"] = key;
  if (known_names != key) json["names"] = NamesJson(*window);
  Columns columns;
  const auto& points = window->functions;
  AddPointColumns(columns, points,
                  [](const FunctionPoint& point) -> const FunctionPoint& { return point; });
  columns.Add("mode", points, [](const FunctionPoint& point) { return Json(NameOf(point.mode)); });
  columns.Add("paused", points, [](const FunctionPoint& point) { return Json(point.paused); });
  json["functions"] = columns.Take();
  return json;
}

Json ClusterHistoryJson(const PageFacts& facts, const RecentPast& past, uint64_t since) {
  const auto windows = past.Windows(since);
  Columns columns;
  AddTimes(columns, windows);
  AddClusterColumns(columns, windows);
  return {{"instance", facts.instance},
          {"next", NextAfter(windows, since)},
          {"period_seconds", facts.period.seconds()},
          {"columns", columns.Take()}};
}

Json FunctionHistoryJson(const PageFacts& facts, const RecentPast& past, const std::string& id,
                         uint64_t since) {
  struct Row {
    const RecentWindow* window;
    const FunctionPoint* point;
    const RecentWindow* operator->() const { return window; }
  };
  const auto windows = past.Windows(since);
  PointFinder finder(id);
  std::vector<Row> rows;
  for (const auto& window : windows) {
    if (const FunctionPoint* point = finder.In(*window)) rows.push_back({window.get(), point});
  }
  Columns columns;
  AddTimes(columns, rows);
  AddPointColumns(columns, rows, [](const Row& row) -> const FunctionPoint& { return *row.point; });
  columns.Add("window_seconds", rows,
              [](const Row& row) { return Short(row->cluster.window.seconds()); });
  return {{"instance", facts.instance},
          {"next", NextAfter(windows, since)},
          {"period_seconds", facts.period.seconds()},
          {"columns", columns.Take()}};
}

Json EventsJson(const PageFacts& facts, const RecentPast& past, uint64_t since) {
  const std::vector<RecentEvent> events = past.Events(since);
  Json rows = Json::array();
  for (const RecentEvent& event : events) {
    rows.push_back({{"seq", event.seq},
                    {"wall", Seconds(event.wall_us)},
                    {"kind", NameOf(event.kind)},
                    {"warning", event.warning},
                    {"tenant", event.tenant},
                    {"function_id", event.function_id},
                    {"function", event.function},
                    {"message", event.message}});
  }
  return {{"instance", facts.instance},
          {"next", events.empty() ? since : events.back().seq + 1},
          {"events", std::move(rows)}};
}

Json WhyJson(const PageFacts& facts, const LoopState& state, const RecentPast& past,
             const std::string& id) {
  const auto is = [&](const FunctionState& function) { return function.function.id == id; };
  const auto found = std::ranges::find_if(state.functions, is);
  if (found == state.functions.end()) return nullptr;
  Json json = {{"instance", facts.instance},
               {"wall", Seconds(state.wall_us)},
               {"policy", facts.policy},
               {"policy_config", facts.policy_config},
               {"policy_decides", state.policy_ready},
               {"leading", state.acting},
               {"function", FunctionStateJson(*found)},
               {"limits", LimitsJson(found->function)},
               {"saw", nullptr}};
  if (state.adaptation) json["adaptation"] = AdaptationJson(*state.adaptation);
  if (const auto seen = past.Seen()) {
    const auto at = std::ranges::lower_bound(seen->slots, found->record.slot);
    if (at != seen->slots.end() && *at == found->record.slot) {
      const auto row = static_cast<size_t>(at - seen->slots.begin());
      json["saw"] = SeenJson(seen->view.functions, row, seen->view.window);
      json["saw"]["wall"] = Seconds(seen->wall_us);
    }
  }
  return json;
}

}  // namespace reeve
