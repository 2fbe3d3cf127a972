#include "tests/agents/openwhisk_vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using Json = nlohmann::json;
using State = OpenWhiskQueueState;
using Verdict = OpenWhiskVerdict;

constexpr std::array<std::pair<std::string_view, State>, 8> kStates = {{
    {"Uninitialized", State::kUninitialized},
    {"Running", State::kRunning},
    {"Idle", State::kIdle},
    {"Flushing", State::kFlushing},
    {"Removing", State::kRemoving},
    {"Removed", State::kRemoved},
    {"ActionThrottled", State::kActionThrottled},
    {"NamespaceThrottled", State::kNamespaceThrottled},
}};

State StateOf(const std::string& name) {
  for (const auto& [known, state] : kStates) {
    if (known == name) return state;
  }
  throw std::invalid_argument("there is no queue state '" + name + "'");
}

// Without spaces at either end.
std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    const size_t comma = text.find(',', begin);
    parts.push_back(Trimmed(text.substr(begin, comma - begin)));
    if (comma == std::string::npos) return parts;
    begin = comma + 1;
  }
}

double NumberOf(const std::string& text, const char** rest) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) throw std::invalid_argument("'" + text + "' is not a number");
  if (rest != nullptr) *rest = end;
  return value;
}

// Scala's "100.milliseconds" or "10 seconds".
double MillisOf(const std::string& text) {
  const char* rest = nullptr;
  const double value = NumberOf(text, &rest);
  std::string unit(rest);
  unit.erase(0, unit.find_first_not_of(". "));
  if (unit == "millisecond" || unit == "milliseconds" || unit == "millis" || unit == "ms") {
    return value;
  }
  if (unit == "second" || unit == "seconds" || unit == "s") return value * 1e3;
  if (unit == "minute" || unit == "minutes") return value * 6e4;
  throw std::invalid_argument("'" + text + "' is not a duration");
}

OpenWhiskRule RuleOf(const Json& test) {
  OpenWhiskRule rule{.stale_threshold_ms = 100, .allow_over_provision = false};
  const std::string config = test.value("config", "default");
  if (config == "default") return rule;
  const std::vector<std::string> parts = SplitAtCommas(config);
  if (parts.size() != 5) {
    throw std::invalid_argument("config '" + config + "' does not have five parts");
  }
  rule.stale_threshold_ms = MillisOf(parts[0]);
  if (parts[3] != "true" && parts[3] != "false") {
    throw std::invalid_argument("'" + parts[3] + "' is neither true nor false");
  }
  rule.allow_over_provision = parts[3] == "true";
  rule.over_provision_ratio = NumberOf(parts[4], nullptr);
  return rule;
}

int32_t CountOf(const Json& json) {
  const double value = json.get<double>();
  if (value != std::trunc(value) || std::abs(value) > std::numeric_limits<int32_t>::max()) {
    throw std::invalid_argument(json.dump() + " is not a count");
  }
  return static_cast<int32_t>(value);
}

// All of the snapshot but its state.
OpenWhiskQueueSnapshot QueueOf(const Json& snapshot, const std::string& name, std::ostream& notes) {
  OpenWhiskQueueSnapshot q;
  const std::pair<const char*, int32_t*> counts[] = {
      {"incomingMsgCount", &q.incoming},
      {"currentMsgCount", &q.current},
      {"existingContainerCount", &q.existing},
      {"inProgressContainerCount", &q.in_progress},
      {"staleActivationNum", &q.stale},
      {"existingContainerCountInNamespace", &q.existing_in_namespace},
      {"inProgressContainerCountInNamespace", &q.in_progress_in_namespace},
      {"namespaceLimit", &q.namespace_limit},
      {"actionLimit", &q.action_limit},
      {"maxActionConcurrency", &q.max_concurrency},
  };
  for (const auto& [key, target] : counts) *target = CountOf(snapshot.at(key));
  q.initialized = snapshot.at("initialized").get<bool>();
  const Json& duration = snapshot.at("averageDuration");
  if (!duration.is_null()) q.average_duration_ms = duration.get<double>();
  for (const auto& [key, value] : snapshot.items()) {
    const bool known =
        key == "initialized" || key == "averageDuration" || key == "stateName" ||
        std::any_of(std::begin(counts), std::end(counts),
                    [&text = key](const auto& count) { return text == count.first; });
    if (!known) notes << name << ": ignored snapshot." << key << "\n";
  }
  return q;
}

std::vector<std::string> StatesOf(const Json& test) {
  const auto found = test.find("states");
  if (found == test.end() || found->is_null()) {
    return {test.at("snapshot").at("stateName").get<std::string>()};
  }
  if (found->is_array()) return found->get<std::vector<std::string>>();
  return SplitAtCommas(found->get<std::string>());
}

std::string WithoutSpaces(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

}  // namespace

std::string ToText(const OpenWhiskDecision& decision) {
  const auto result = [&](std::string_view what) {
    return fmt::format("DecisionResults({}, {})", what, decision.containers);
  };
  switch (decision.verdict) {
    case Verdict::kSkip:
      return "none";
    case Verdict::kAddInitialContainer:
      return result("AddInitialContainer");
    case Verdict::kAddContainer:
      return result("AddContainer");
    case Verdict::kEnableNamespaceThrottling:
      return result(fmt::format("EnableNamespaceThrottling(dropMsg = {})", decision.drop_messages));
    case Verdict::kDisableNamespaceThrottling:
      return result("DisableNamespaceThrottling");
    case Verdict::kPausing:
      return result("Pausing");
  }
  return "";
}

void RunOpenWhiskCase(const Json& test, VectorReport& report, std::ostream& notes) {
  std::string name = "(unnamed)";
  std::string failure;
  try {
    name = test.at("name").get<std::string>();
    const OpenWhiskRule rule = RuleOf(test);
    OpenWhiskQueueSnapshot queue = QueueOf(test.at("snapshot"), name, notes);
    std::string expect = WithoutSpaces(test.at("expect").get<std::string>());
    if (expect == "DecisionResults(Skip,0)") expect = "none";
    for (const std::string& state : StatesOf(test)) {
      queue.state = StateOf(state);
      const std::string got = ToText(DecideOpenWhisk(queue, rule));
      if (WithoutSpaces(got) == expect) continue;
      failure += fmt::format("{}in state {} want {} got {}", failure.empty() ? "" : "; ", state,
                             test.at("expect").get<std::string>(), got);
    }
  } catch (const std::exception& e) {
    failure = std::string("malformed: ") + e.what();
  }
  report.Case(name, failure);
}

absl::Status RunOpenWhiskFile(const std::string& path, VectorReport& report, std::ostream& notes) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(path + ": this is not JSON: " + e.what());
  }
  if (document.is_object() && document.contains("cases")) {
    Json cases = std::move(document["cases"]);
    document = std::move(cases);
  }
  if (!document.is_array() || document.empty()) {
    return absl::InvalidArgumentError(path + ": found no case; expected a list of cases");
  }
  for (const Json& test : document) RunOpenWhiskCase(test, report, notes);
  return absl::OkStatus();
}

}  // namespace reeve
