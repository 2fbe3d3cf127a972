// Cases of the metric windows. A section's name tells what it is about:
//   …sample_size…     {population: wanted sample} or a list of pairs
//   …nb_to_m…         {buckets: wanted smoothing coefficient} or a list of pairs
//   any other         a list of operations on one window, or an object around one ("ops"), or an
//                     object of further sections
// A window is weighted-exponential when "weighted" is in the name, a sliding maximum when "max" is,
// else linear; its size comes from "window_<W>s" and "granularity_<G>s" in the name or from the
// keys window_s and granularity_s beside "ops" (5 s and 1 s when not said). Operations, as a list
// or as {"op", "t", "value" or "want"}:
//   record t v, avg t want, sum t want, resize [t] w, empty t want, buckets want, max [t] want
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "agents/rules/kpa_windows.h"
#include "tests/agents/vectors.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

constexpr double kTolerance = 1e-5;

// Sets `out` to the number that follows `prefix` in `name`, if it is one and "s" follows it.
void ReadSeconds(const std::string& name, const std::string& prefix, double& out) {
  const size_t at = name.find(prefix);
  if (at == std::string::npos) return;
  const char* const begin = name.c_str() + at + prefix.size();
  char* end = nullptr;
  const double seconds = std::strtod(begin, &end);
  if (end != begin && *end == 's') out = seconds;
}

struct WindowKind {
  bool weighted = false;
  bool maximum = false;
  double window_s = 5;
  double granularity_s = 1;

  // As said by a section's name, else as before.
  WindowKind Named(const std::string& name) const {
    WindowKind kind = *this;
    const auto has = [&name](const char* word) { return name.find(word) != std::string::npos; };
    if (has("weighted")) kind.weighted = true;
    if (has("linear")) kind.weighted = false;
    if (has("max")) kind.maximum = true;
    ReadSeconds(name, "window_", kind.window_s);
    ReadSeconds(name, "granularity_", kind.granularity_s);
    return kind;
  }
};

struct Operation {
  std::string name;
  std::vector<double> arguments;
};

Operation ReadOperation(const Json& json) {
  Operation op;
  const auto add = [&op](const Json& value) {
    op.arguments.push_back(value.is_boolean() ? value.get<bool>() : value.get<double>());
  };
  if (json.is_array()) {
    op.name = json.at(0).get<std::string>();
    for (size_t i = 1; i < json.size(); ++i) add(json[i]);
    return op;
  }
  op.name = json.at("op").get<std::string>();
  for (const char* key : {"t", "value", "v", "window_s", "want"}) {
    if (json.contains(key)) add(json[key]);
  }
  return op;
}

std::string Compare(double want, double got) {
  return std::abs(want - got) <= kTolerance ? "" : fmt::format("want {} got {}", want, got);
}

// Upstream's test of the weighted average compares after rounding down to 3 decimals: a wanted
// value with no more of them matches that way too.
std::string CompareWeighted(double want, double got) {
  const bool short_value = want != 0 && std::abs(want * 1e3 - std::round(want * 1e3)) < 1e-9;
  if (short_value && std::floor(got * 1e3) == std::round(want * 1e3)) return "";
  return Compare(want, got);
}

class WindowCase {
 public:
  explicit WindowCase(const WindowKind& kind)
      : weighted_(kind.weighted),
        window_(
            kind.weighted ? WindowAggregation::kWeightedExponential : WindowAggregation::kLinear,
            SimTime::FromSeconds(kind.window_s), SimTime::FromSeconds(kind.granularity_s)) {
    if (kind.maximum) {
      maximum_ = SlidingMaximum(SimTime::FromSeconds(kind.window_s),
                                SimTime::FromSeconds(kind.granularity_s));
    }
  }

  // What is wrong, or nothing.
  std::string Run(const Operation& op) {
    if (op.arguments.empty()) return "operation '" + op.name + "' has no numbers";
    const double last = op.arguments.back();
    if (op.arguments.size() > 1) now_ = SimTime::FromSeconds(op.arguments.front());
    if (op.name == "record") {
      if (maximum_.enabled()) {
        maximum_.Record(now_, static_cast<int32_t>(last));
        recorded_ = true;
      } else {
        window_.Record(now_, last);
      }
      return "";
    }
    if (op.name == "resize" && !maximum_.enabled() && last > 0) {
      window_.Resize(now_, SimTime::FromSeconds(last));
      return "";
    }
    ++checks_;
    if (maximum_.enabled()) {
      if (!recorded_) return "nothing was recorded";
      if (op.name == "max" || op.name == "current") return Compare(last, maximum_.Current());
    } else {
      if (op.name == "avg" || op.name == "average") {
        const double got = window_.Average(now_);
        return weighted_ ? CompareWeighted(last, got) : Compare(last, got);
      }
      if (op.name == "sum") return Compare(last, window_.Sum(now_));
      if (op.name == "empty" || op.name == "is_empty") {
        return Compare(last, window_.IsEmpty(now_) ? 1 : 0);
      }
      if (op.name == "buckets" || op.name == "len") {
        return Compare(last, static_cast<double>(window_.buckets()));
      }
    }
    return "unknown operation '" + op.name + "'";
  }

  int checks() const { return checks_; }

 private:
  const bool weighted_;
  BucketWindow window_;
  SlidingMaximum maximum_;  // off unless the case is about one
  SimTime now_;
  bool recorded_ = false;
  int checks_ = 0;
};

std::string RunOperations(const Json& operations, const WindowKind& kind) {
  if (!(kind.window_s > 0 && kind.granularity_s > 0 && kind.window_s < 1e6 &&
        kind.window_s / kind.granularity_s < 1e6)) {
    return "the window and its granularity must be above 0";
  }
  WindowCase runner(kind);
  int number = 0;
  for (const Json& json : operations) {
    ++number;
    const Operation op = ReadOperation(json);
    if (std::string failure = runner.Run(op); !failure.empty()) {
      return fmt::format("step {}: {}: {}", number, op.name, failure);
    }
  }
  return runner.checks() > 0 ? "" : "there is nothing to check";
}

// {"5": 4} or [[5, 4]]: one case per entry.
template <class Function>
void RunTable(const Json& table, const std::string& name, VectorReport& report, Function function) {
  const auto run = [&](const std::string& key, double argument, double want) {
    report.Case(name + "/" + key, Compare(want, function(argument)));
  };
  if (table.is_object()) {
    for (const auto& item : table.items()) {
      const Json& want = item.value();
      run(item.key(), std::stod(item.key()), want.get<double>());
    }
    return;
  }
  for (const Json& row : table) {
    const double argument = row.at(0).get<double>();
    run(fmt::format("{}", argument), argument, row.at(1).get<double>());
  }
}

bool IsOperation(const Json& json) {
  return (json.is_array() && !json.empty() && json[0].is_string()) ||
         (json.is_object() && json.contains("op"));
}

void RunSection(const Json& section, const std::string& name, WindowKind kind, VectorReport& report,
                std::ostream& notes) {
  if (name.find("sample_size") != std::string::npos) {
    RunTable(section, name, report,
             [](double pods) { return PodsToSample(static_cast<int32_t>(pods)); });
    return;
  }
  if (name.find("nb_to_m") != std::string::npos) {
    RunTable(section, name, report, [](double buckets) {
      return BucketWindow::SmoothingCoefficient(
          std::max<int64_t>(static_cast<int64_t>(buckets), 1));
    });
    return;
  }
  kind = kind.Named(name);
  if (section.is_array() && !section.empty() && IsOperation(section[0])) {
    report.Case(name, RunOperations(section, kind));
  } else if (section.is_object()) {
    kind.window_s = section.value("window_s", kind.window_s);
    kind.granularity_s = section.value("granularity_s", kind.granularity_s);
    for (const auto& [key, value] : section.items()) {
      if (!value.is_structured()) continue;
      const bool plain = key == "ops" || key == "operations" || key == "steps";
      RunSection(value, plain ? name : name + "/" + key, kind, report, notes);
    }
  } else if (section.is_array() && !section.empty() && section[0].is_object()) {
    for (const Json& item : section) {
      RunSection(item, name + "/" + item.value("name", "(no name)"), kind, report, notes);
    }
  } else {
    notes << "note: ignored the section '" << name << "'\n";
  }
}

}  // namespace

void RunWindowSections(const Json& document, VectorReport& report, std::ostream& notes) {
  for (const auto& [key, value] : document.items()) {
    if (key == "cases" || !value.is_structured()) continue;
    try {
      RunSection(value, key, {}, report, notes);
    } catch (const std::exception& e) {  // of the JSON library, or a key that is not a number
      report.Case(key, std::string("malformed: ") + e.what());
    }
  }
}

}  // namespace reeve
