// What a search may change of a policy, and the candidates that it tries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/policy_factory.h"
#include "core/config.h"

namespace reeve {

// The values of one parameter. YAML: a list of values, or a range for random search:
//   values: [15s, 30s, 60s]
//   range: {from: 0.1, to: 0.95}     range: {from: 5, to: 600, log: true, unit: s}
struct RangeSpec {
  double from = 0, to = 1;
  bool log = false, whole = false;
  std::string unit = {};

  template <class V>
  static void Fields(V& v) {
    v.Field("from", &RangeSpec::from, "lowest value");
    v.Field("to", &RangeSpec::to, "highest value");
    v.Field("log", &RangeSpec::log, "even in the logarithm: both ends above 0");
    v.Field("whole", &RangeSpec::whole, "whole numbers only");
    v.Field("unit", &RangeSpec::unit, "what follows the number: s, m, Mi, …");
  }
  absl::Status Validate() const;
  std::string At(double u) const;  // u in [0, 1]
};

struct ParameterSpec {
  std::vector<std::string> values;
  std::optional<RangeSpec> range;

  template <class V>
  static void Fields(V& v) {
    v.Field("values", &ParameterSpec::values, "the values to try");
    v.Field("range", &ParameterSpec::range, "or what to draw from (random search only)");
  }
  absl::Status Validate() const;  // exactly one of them
};

// Dotted paths inside the policy ("kpa.stable_window") to their values.
using SearchSpace = std::map<std::string, ParameterSpec>;

// Path to value, in YAML's spelling.
using Assignments = std::map<std::string, std::string>;
std::string AssignmentsText(const Assignments& assignments);  // "a.b=1 c=2"

// The policy with these parameters. Errors name the path and what is allowed.
absl::StatusOr<PolicySpec> WithParameters(const PolicySpec& policy, const Assignments& assignments);

// Every combination of the listed values; an empty space has one, without assignments. The policy's
// own values come first, as a candidate without assignments. InvalidArgument for a range, or for
// more than `most` combinations.
absl::StatusOr<std::vector<Assignments>> GridCandidates(const SearchSpace& space, size_t most);

// `count` draws after the policy's own values; from listed values each is as likely. Draw i does
// not depend on `count`. Repeated draws are left out.
std::vector<Assignments> RandomCandidates(const SearchSpace& space, size_t count, uint64_t seed);

}  // namespace reeve
