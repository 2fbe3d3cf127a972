// Additive increase, multiplicative decrease turned round, as resources are given and not rates
// sent: the reference rule of FIRM (Qiu et al., "FIRM: An Intelligent Fine-grained Resource
// Management Framework for SLO-Oriented Microservices", OSDI 2020). Where the SLO is missed, each
// resource is doubled; otherwise 10 units of it are taken away. The units are read here as percent
// of a core and MiB; containers, which are not among the paper's resources, go by one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "agents/rules/rule_clock.h"
#include "core/config.h"
#include "core/policy.h"
#include "core/units.h"

namespace reeve {

struct AimdOptions {
  SimTime period = SimTime::Seconds(15);
  double slo_violation_limit = 0.01;
  double increase_factor = 2;
  bool scale_cpu = true;
  Millicores cpu_step{100};
  Millicores min_cpu{100};
  Millicores max_cpu = Millicores::Cores(4);
  bool scale_memory = true;
  Mebibytes memory_step{10};
  Mebibytes min_memory{128};
  Mebibytes max_memory{4096};
  bool scale_replicas = true;
  int32_t replicas_step = 1;
  int32_t min_replicas = 1;
  int32_t max_replicas = 100;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = AimdOptions;
    v.Field("period", &O::period, "time between two decisions", AtLeast(0.001));
    v.Field("slo_violation_limit", &O::slo_violation_limit,
            "share of a period's requests above which the SLO counts as missed; 0.01 asks for the "
            "99th percentile",
            Between(0, 1));
    v.Field("increase_factor", &O::increase_factor, "what resources are multiplied by", AtLeast(1));
    v.Field("scale_cpu", &O::scale_cpu, "whether CPU limits are changed");
    v.Field("cpu_step", &O::cpu_step, "CPU taken away from each container", AtLeast(0));
    v.Field("min_cpu", &O::min_cpu, "least CPU of a container", AtLeast(1));
    v.Field("max_cpu", &O::max_cpu, "most CPU of a container", AtLeast(1));
    v.Field("scale_memory", &O::scale_memory, "whether memory limits are changed");
    v.Field("memory_step", &O::memory_step, "memory taken away from each container", AtLeast(0));
    v.Field("min_memory", &O::min_memory, "least memory of a container", AtLeast(1));
    v.Field("max_memory", &O::max_memory, "most memory of a container", AtLeast(1));
    v.Field("scale_replicas", &O::scale_replicas, "whether the number of containers is changed");
    v.Field("replicas_step", &O::replicas_step, "containers taken away", AtLeast(0));
    v.Field("min_replicas", &O::min_replicas, "fewest containers", AtLeast(0));
    v.Field("max_replicas", &O::max_replicas, "most containers", AtLeast(1));
  }
  // Conditions between fields.
  absl::Status Validate() const;
};

// The period's evidence is requests answered after the SLO, failed, timed out or refused, over all
// that ended. Nothing ended while requests wait: no evidence, nothing changes. Nothing ended and
// nothing waits: the SLO is kept. A function met with fewer than min_replicas gets those.
// No allocation once a function has been seen.
class AimdPolicy : public Policy {
 public:
  // `options` have passed Validate().
  explicit AimdPolicy(const AimdOptions& options)
      : options_(options), clock_("aimd", options.period) {}

  std::string_view name() const override { return "aimd"; }

  // Sets what is to change. Errors as RuleClock::Advance.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

  // Where the minimum is 0: one container at once.
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

 private:
  struct Evidence {
    uint64_t ended = 0;
    uint64_t missed = 0;
  };
  void Change(const FunctionWindows& windows, size_t f, bool missed, Decision& decision) const;

  const AimdOptions options_;
  RuleClock clock_;
  std::vector<Evidence> evidence_;  // [F] since the last decision
};

}  // namespace reeve
