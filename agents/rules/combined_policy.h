// Horizontal and vertical scaling together: a horizontal rule sets replicas, the vertical pod
// autoscaler sets the containers' CPU and memory.
//
// Two controllers on one load disturb each other when they answer the same signal: the vertical one
// lowers the CPU limit, utilisation rises, the horizontal one adds containers, use per container
// falls, the limit is lowered again (which is why upstream's documentation warns against HPA on CPU
// or memory beside VPA). Here they are kept apart:
// - by signal: the horizontal rule counts requests (KPA always; of the HPA, metrics on cpu and
// memory
//   are refused), not a share of the limits; the vertical one looks at the containers that execute
//   requests (vpa.cpu_use: busy_container), so that containers standing by do not make it think
//   that less CPU would do: use per container would shrink with every container added, limits and
//   speed after it, and containers would be added for the slower requests without end;
// - by time: a function's limits change at most once per vpa.min_time_between_changes (10 minutes
//   unless set), many times the horizontal rule's period, and only when outside of bounds that span
//   the middle half of what was used;
// - after a change of limits replicas do not go down for `settle`, so that the horizontal rule does
//   not answer the backlog or the relief that the change itself brought. They may go up.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "agents/rules/hpa_options.h"
#include "agents/rules/kpa_options.h"
#include "agents/rules/vpa_policy.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

enum class HorizontalRule : uint8_t { kKpa, kHpa };
constexpr auto EnumNames(HorizontalRule) {
  return std::array<std::pair<HorizontalRule, std::string_view>, 2>{
      {{HorizontalRule::kKpa, "kpa"}, {HorizontalRule::kHpa, "hpa"}}};
}

struct CombinedOptions {
  HorizontalRule horizontal = HorizontalRule::kKpa;
  KpaOptions kpa;
  HpaOptions hpa = ConcurrencyHpa();
  VpaOptions vpa = SlowVpa();
  SimTime settle = SimTime::Seconds(60);

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = CombinedOptions;
    v.Field("horizontal", &O::horizontal, "the rule for replicas");
    v.Field("kpa", &O::kpa, "its options when it is kpa");
    v.Field("hpa", &O::hpa, "its options when it is hpa; metrics are concurrency and rps");
    v.Field("vpa", &O::vpa, "the rule for CPU and memory");
    v.Field("settle", &O::settle, "time after a change of limits for which replicas do not go down",
            AtLeast(0));
  }
  // Conditions between fields.
  absl::Status Validate() const;

  static HpaOptions ConcurrencyHpa();  // the defaults, on concurrency
  // The defaults, on busy containers, at most one change in 10 minutes.
  static VpaOptions SlowVpa();
};

// No allocation once a function has been seen.
class CombinedPolicy : public Policy {
 public:
  // `options` have passed Validate().
  explicit CombinedPolicy(const CombinedOptions& options);

  std::string_view name() const override { return "combined"; }

  // Sets `replicas`, `cpu_limit` and `memory_limit`. Errors as of the two rules.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

  // As the horizontal rule.
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

 private:
  const SimTime settle_;
  std::unique_ptr<Policy> horizontal_;
  VpaPolicy vertical_;
  std::vector<Decision> limits_;  // [F] what the vertical rule wants; scratch
  std::vector<SimTime> resized_;  // [F] when limits last changed; long ago at first
};

}  // namespace reeve
