// How the control loop runs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "agents/adapt/safeguard_spec.h"
#include "controller/tenant_modes.h"
#include "controller/trust.h"
#include "controller/write_filter.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

enum class OnStop : uint8_t {
  kHandBack,  // the platform's own autoscaler takes over
  kKeep,      // what was set stays set
};
constexpr auto EnumNames(OnStop) {
  return std::array<std::pair<OnStop, std::string_view>, 2>{
      {{OnStop::kHandBack, "hand_back"}, {OnStop::kKeep, "keep"}}};
}

struct ReplaySpec {
  int32_t windows = 60;
  SimTime max_age = SimTime::Hours(1);

  // `replay: 30`
  static constexpr std::string_view kScalarField = "windows";
  template <class V>
  static void Fields(V& v) {
    v.Field("windows", &ReplaySpec::windows,
            "Windows that a policy made anew is shown first; 0: it begins knowing nothing",
            Between(0, 100000));
    v.Field("max_age", &ReplaySpec::max_age, "Windows older than this are not shown", AtLeast(0));
  }
};

struct LoopSpec {
  SimTime period = SimTime::Seconds(2);
  ControlMode mode = ControlMode::kShadow;
  std::map<std::string, TenantMode> tenants;
  TrustSpec numbers;
  MetricsTrigger possible;
  WriteSpec writes;
  ReplaySpec replay;
  OnStop on_stop = OnStop::kHandBack;

  template <class V>
  static void Fields(V& v) {
    using S = LoopSpec;
    v.Field("period", &S::period,
            "Time between two decisions; for a learned policy the one it was trained with",
            Between(0.01, 86400));
    v.Field("mode", &S::mode, "Mode of tenants that have none of their own below");
    v.Field("tenants", &S::tenants, "Modes of single tenants");
    v.Field("numbers", &S::numbers, "What happens when a function's numbers go bad");
    v.Field("possible", &S::possible, "Which numbers cannot be");
    v.Field("writes", &S::writes, "How often a function is changed");
    v.Field("replay", &S::replay, "What a policy made anew is shown of the past");
    v.Field("on_stop", &S::on_stop, "What becomes of the functions when the loop ends in order");
  }
};

}  // namespace reeve
