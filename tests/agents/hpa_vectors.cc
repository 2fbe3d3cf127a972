#include "tests/agents/hpa_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "agents/rules/hpa_scaler.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

constexpr SimTime kNow = SimTime::Hours(1);

struct Event {
  SimTime time;
  int32_t change;
};

// `rules` filled in from JSON; what is wrong, or nothing.
std::string ReadRules(const Json& json, HpaScalingRules& rules) {
  if (json.is_null()) return "";
  const std::string select = json.value("select", "Max");
  bool known = false;
  for (const auto& [value, name] : EnumNames(HpaSelect{})) {
    if (select != name) continue;
    rules.select_policy = value;
    known = true;
  }
  if (!known) return "unknown select '" + select + "', allowed are Max, Min, Disabled";
  std::vector<HpaScalingPolicy> policies;
  const auto add = [&](const char* value_key, const char* period_key, HpaPolicyType type) {
    const int32_t value = json.value(value_key, 0);
    const SimTime period = SimTime::Seconds(json.value(period_key, 0));
    if (value > 0) policies.push_back({type, value, period});
  };
  add("pods", "pods_period", HpaPolicyType::kPods);
  add("percent", "percent_period", HpaPolicyType::kPercent);
  if (!policies.empty()) rules.policies = policies;
  rules.stabilization_window = SimTime::Seconds(json.value("stabilisation", 0));
  return "";
}

// Events of one direction, oldest first.
void AddEvents(const Json& changes, int64_t seconds, int32_t sign, std::vector<Event>& events) {
  const double part = static_cast<double>(seconds) / static_cast<double>(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    const double ago = static_cast<double>(seconds) - part * (static_cast<double>(i) + 0.5);
    events.push_back({kNow - SimTime::FromSeconds(ago), sign * changes[i].get<int32_t>()});
  }
}

// "up_events_120s": 120; 0 when `key` does not begin with `prefix` or has no time.
int64_t EventSeconds(const std::string& key, const std::string& prefix) {
  if (key.rfind(prefix, 0) != 0) return 0;
  const std::string rest = key.substr(prefix.size());
  size_t digits = 0;
  while (digits < rest.size() && digits < 6 && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
  return digits > 0 && rest.substr(digits) == "s" ? std::stoll(rest.substr(0, digits)) : 0;
}

// What is wrong with one row, or nothing.
std::string RunRow(const Json& row, const std::string& name, std::ostream& notes) {
  HpaOptions options;
  std::vector<Event> events;
  for (const auto& [key, value] : row.items()) {
    if (const int64_t up = EventSeconds(key, "up_events_"); up > 0) {
      AddEvents(value, up, 1, events);
    } else if (const int64_t down = EventSeconds(key, "down_events_"); down > 0) {
      AddEvents(value, down, -1, events);
    } else if (key == "up_rules" || key == "down_rules") {
      HpaScalingRules& rules = key == "up_rules" ? options.scale_up : options.scale_down;
      if (std::string failure = ReadRules(value, rules); !failure.empty()) return failure;
    } else if (key == "min") {
      options.min_replicas = value.get<int32_t>();
    } else if (key == "max") {
      options.max_replicas = value.get<int32_t>();
    } else if (key != "name" && key != "current" && key != "desired" && key != "expect" &&
               key != "reason" && key != "note") {
      notes << "note: " << name << ": ignored the key '" << key << "'\n";
    }
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const Event& a, const Event& b) { return a.time < b.time; });
  HpaScaler scaler(options);
  for (const Event& event : events) scaler.RecordScale(event.time, event.change);
  const HpaScale scale = scaler.Limit(options, kNow, row.at("current").get<int32_t>(),
                                      row.at("desired").get<int32_t>());

  if (!row.contains("expect") && !row.contains("reason")) return "there is nothing to check";
  if (row.contains("expect") && row["expect"].get<int32_t>() != scale.replicas) {
    return fmt::format("want {} got {}", row["expect"].get<int32_t>(), scale.replicas);
  }
  const std::string reason(HpaReasonName(scale.reason));
  if (row.contains("reason") && row["reason"].get<std::string>() != reason) {
    return fmt::format("want reason {} got {}", row["reason"].get<std::string>(), reason);
  }
  return "";
}

}  // namespace

absl::Status RunHpaVectorFile(const std::string& path, VectorReport& report, std::ostream& notes) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(path + ": this is not JSON: " + e.what());
  }
  const bool has_rows = document.is_object() && document.contains("rows");
  const Json rows = document.is_array() ? document : has_rows ? document["rows"] : Json();
  if (!rows.is_array() || rows.empty()) {
    return absl::InvalidArgumentError(path + ": found no case; expected a list \"rows\"");
  }
  for (const Json& row : rows) {
    std::string name = "(no name)";
    std::string failure;
    try {
      name = row.value("name", name);
      failure = RunRow(row, name, notes);
    } catch (const Json::exception& e) {
      failure = std::string("malformed: ") + e.what();
    }
    report.Case(name, failure);
  }
  return absl::OkStatus();
}

}  // namespace reeve
