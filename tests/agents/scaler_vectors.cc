// Cases of the autoscaler. Keys (aliases in brackets):
//   case: name, spec, steps; the checks of a step, made before the first
//   spec: target, total [target / target_utilisation], target_burst_capacity, activator_capacity,
//     panic_threshold, max_up, max_down, stable_window_s, scale_down_delay_s, activation_scale,
//     reachable, metric, tick_s; of the start: ready, start_in_panic, init_panic_age_s,
//     init_max_panic_pods
//   step: update (any key of spec), t, stable, panic, ready (each stays until set again), error
//   checks: want, want_ebc_pm1 [want_ebc], want_valid, panic_time (null, and 0 later than 0: not in
//     panic),
//     want_panic, want_max_panic_pods, want_activators
// Upstream compares excess burst capacities with a tolerance of 1, so do we.
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <set>

#include "agents/rules/kpa_scaler.h"
#include "tests/agents/vectors.h"

namespace reeve {
namespace {

using Json = nlohmann::json;

// The first of `keys` that `object` has.
const Json* FindAny(const Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const auto it = object.find(key); it != object.end()) return &*it;
  }
  return nullptr;
}

const std::set<std::string>& SpecKeys() {
  static const std::set<std::string> keys = {"target",
                                             "total",
                                             "target_utilisation",
                                             "target_utilization",
                                             "target_burst_capacity",
                                             "activator_capacity",
                                             "panic_threshold",
                                             "max_up",
                                             "max_scale_up_rate",
                                             "max_down",
                                             "max_scale_down_rate",
                                             "stable_window_s",
                                             "panic_window_s",
                                             "scale_down_delay_s",
                                             "activation_scale",
                                             "reachable",
                                             "metric",
                                             "tick_s",
                                             "ready",
                                             "start_in_panic",
                                             "init_panic_age_s",
                                             "init_max_panic_pods"};
  return keys;
}

const std::set<std::string>& StepKeys() {
  static const std::set<std::string> keys = {"name",
                                             "spec",
                                             "steps",
                                             "update",
                                             "t",
                                             "stable",
                                             "stable_rps",
                                             "stable_concurrency",
                                             "panic",
                                             "panic_rps",
                                             "panic_concurrency",
                                             "ready",
                                             "error",
                                             "no_data",
                                             "ready_error",
                                             "pod_count_error",
                                             "want",
                                             "want_ebc_pm1",
                                             "want_ebc",
                                             "want_valid",
                                             "panic_time",
                                             "want_panic_time",
                                             "want_panic",
                                             "in_panic",
                                             "panicking",
                                             "want_max_panic_pods",
                                             "max_panic_pods",
                                             "want_activators",
                                             "num_activators",
                                             "note",
                                             "comment"};
  return keys;
}

void NoteUnknown(const Json& object, const std::set<std::string>& known, const std::string& name,
                 std::ostream& notes) {
  for (const auto& [key, value] : object.items()) {
    if (!known.contains(key)) notes << "note: " << name << ": ignored the key '" << key << "'\n";
  }
}

// One autoscaler driven through its steps.
class ScalerCase {
 public:
  void ReadSpec(const Json& spec) {
    const auto number = [&spec](std::initializer_list<const char*> keys, auto& out) {
      if (const Json* value = FindAny(spec, keys)) {
        out = value->get<std::remove_reference_t<decltype(out)>>();
      }
    };
    const auto time = [&](const char* key, SimTime& out) {
      double seconds = out.seconds();
      number({key}, seconds);
      out = SimTime::FromSeconds(seconds);
    };
    number({"target"}, spec_.target);
    number({"target_utilisation", "target_utilization"}, utilization_);
    if (spec.contains("total")) {
      spec_.total = spec["total"].get<double>();
    } else if (spec.contains("target")) {
      spec_.total = spec_.target / utilization_;
    }
    number({"target_burst_capacity"}, spec_.target_burst_capacity);
    number({"activator_capacity"}, spec_.activator_capacity);
    number({"panic_threshold"}, spec_.panic_threshold);
    number({"max_up", "max_scale_up_rate"}, spec_.max_scale_up_rate);
    number({"max_down", "max_scale_down_rate"}, spec_.max_scale_down_rate);
    time("stable_window_s", spec_.stable_window);
    time("panic_window_s", spec_.panic_window);
    time("scale_down_delay_s", spec_.scale_down_delay);
    number({"activation_scale"}, spec_.activation_scale);
    number({"reachable"}, spec_.reachable);
    number({"ready"}, ready_);
  }

  void Start(const Json& spec, const Json& steps) {
    if (spec.value("start_in_panic", false) && ready_ < 2) ready_ = 2;
    scaler_.emplace(spec_, SimTime(), ready_);
    if (spec.contains("init_panic_age_s") || spec.contains("init_max_panic_pods")) {
      double first = 0;
      for (const Json& step : steps) {
        if (step.contains("t")) {
          first = step["t"].get<double>();
          break;
        }
      }
      scaler_->ResumePanic(SimTime::FromSeconds(first - spec.value("init_panic_age_s", 0.0)),
                           spec.value("init_max_panic_pods", scaler_->max_panic_replicas()));
    }
  }

  // What is wrong, or nothing.
  std::string Step(const Json& step) {
    if (const Json* update = FindAny(step, {"update"})) ReadSpec(*update);
    if (!(spec_.target > 0)) return "the target must be above 0";
    if (FindAny(step, {"t", "stable", "panic", "error", "want", "want_ebc_pm1", "want_valid"})) {
      if (std::string failure = Scale(step); !failure.empty()) return failure;
    }
    return CheckState(step);
  }

  std::string CheckState(const Json& step) {
    if (const Json* want = FindAny(step, {"panic_time", "want_panic_time"})) {
      ++checks_;
      if (std::string failure = CheckPanicTime(*want); !failure.empty()) return failure;
    }
    if (const Json* want = FindAny(step, {"want_panic", "in_panic", "panicking"})) {
      ++checks_;
      const bool got = scaler_->panic_time().has_value();
      if (got != want->get<bool>()) return fmt::format("want panic {} got {}", !got, got);
    }
    if (const Json* want = FindAny(step, {"want_max_panic_pods", "max_panic_pods"})) {
      ++checks_;
      const int32_t got = scaler_->max_panic_replicas();
      if (got != want->get<int32_t>()) {
        return fmt::format("want max panic pods {} got {}", want->get<int32_t>(), got);
      }
    }
    if (const Json* want = FindAny(step, {"want_activators", "num_activators"})) {
      ++checks_;
      const int32_t got = KpaActivators(spec_, ready_);
      if (got != want->get<int32_t>()) {
        return fmt::format("want activators {} got {}", want->get<int32_t>(), got);
      }
    }
    return "";
  }

  int checks() const { return checks_; }

 private:
  std::string Scale(const Json& step) {
    bool failed = false;  // the metrics or the pod count could not be had
    for (const char* key : {"error", "no_data", "ready_error", "pod_count_error"}) {
      const Json* value = FindAny(step, {key});
      if (value == nullptr || value->is_null()) continue;
      failed = failed || !value->is_boolean() || value->get<bool>();
    }
    if (const Json* value = FindAny(step, {"ready"})) {
      if (value->is_number()) {
        ready_ = value->get<int32_t>();
      } else {
        failed = true;
      }
    }
    if (const Json* t = FindAny(step, {"t"})) now_ = SimTime::FromSeconds(t->get<double>());
    if (const Json* v = FindAny(step, {"stable", "stable_rps", "stable_concurrency"})) {
      stable_ = v->get<double>();
    }
    if (const Json* v = FindAny(step, {"panic", "panic_rps", "panic_concurrency"})) {
      panic_ = v->get<double>();
    }
    KpaScale got;
    if (!failed) got = scaler_->Scale(spec_, now_, ready_, stable_, panic_);
    return CheckScale(step, got, !failed);
  }

  std::string CheckScale(const Json& step, const KpaScale& got, bool want_valid) {
    const Json* const valid = FindAny(step, {"want_valid"});
    if (valid != nullptr) want_valid = valid->get<bool>();
    if (got.valid != want_valid) {
      return fmt::format("want {} got {}", want_valid ? "a valid scale" : "no valid scale",
                         got.valid ? "a valid scale" : "none");
    }
    if (valid != nullptr) ++checks_;
    if (const Json* want = FindAny(step, {"want"})) {
      ++checks_;
      if (want->get<int32_t>() != got.desired) {
        return fmt::format("want {} got {}", want->get<int32_t>(), got.desired);
      }
    }
    if (const Json* want = FindAny(step, {"want_ebc_pm1", "want_ebc"})) {
      ++checks_;
      if (std::abs(want->get<double>() - got.excess_burst_capacity) > 1) {
        return fmt::format("want excess burst capacity {} got {}", want->get<double>(),
                           got.excess_burst_capacity);
      }
    }
    return "";
  }

  std::string CheckPanicTime(const Json& want) {
    const auto got = scaler_->panic_time();
    const std::string shown = got ? fmt::format("{}", got->seconds()) : "no panic";
    if (!want.is_number()) return got ? "want no panic got panic time " + shown : "";
    if (got && std::abs(got->seconds() - want.get<double>()) <= 1e-6) return "";
    // Upstream's way to say "not in panic" is the zero time.
    if (!got && want.get<double>() == 0 && now_ > SimTime()) return "";
    return fmt::format("want panic time {} got {}", want.get<double>(), shown);
  }

  KpaSpec spec_;
  double utilization_ = 0.7;
  std::optional<KpaScaler> scaler_;
  SimTime now_;
  int32_t ready_ = 0;
  double stable_ = 0;
  double panic_ = 0;
  int checks_ = 0;
};

std::string RunCase(const Json& test, const std::string& name, std::ostream& notes) {
  NoteUnknown(test, StepKeys(), name, notes);
  const Json spec = test.value("spec", Json::object());
  const Json steps = test.value("steps", Json::array());
  NoteUnknown(spec, SpecKeys(), name, notes);
  ScalerCase runner;
  runner.ReadSpec(spec);
  runner.Start(spec, steps);
  if (std::string failure = runner.CheckState(test); !failure.empty()) return failure;
  int number = 0;
  for (const Json& step : steps) {
    ++number;
    NoteUnknown(step, StepKeys(), fmt::format("{}: step {}", name, number), notes);
    if (const Json* update = FindAny(step, {"update"})) {
      NoteUnknown(*update, SpecKeys(), fmt::format("{}: step {}: update", name, number), notes);
    }
    if (std::string failure = runner.Step(step); !failure.empty()) {
      return fmt::format("step {}: {}", number, failure);
    }
  }
  return runner.checks() > 0 ? "" : "there is nothing to check";
}

}  // namespace

void RunScalerCase(const Json& test, VectorReport& report, std::ostream& notes) {
  std::string name = "(a case without a name)";
  std::string failure;
  try {
    name = test.value("name", name);
    failure = RunCase(test, name, notes);
  } catch (const nlohmann::json::exception& e) {
    failure = std::string("malformed: ") + e.what();
  }
  report.Case(name, failure);
}

}  // namespace reeve
