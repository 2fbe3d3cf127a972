// Policies by name, with their options from YAML:
//
//   policy:
//     name: kpa
//     kpa: {stable_window: 30s, target_burst_capacity: 0}
//
// and what is put around it:
//
//   policy:
//     name: learned
//     learned: {checkpoint: out/train/policy.rpolicy}
//     flap_budget: 12
//     rate_limit: {add_containers: 10}
//     bounds: {max_replicas: 100}
//     safeguard: {fallback: kpa, budget: {violations: 200}}
//
// The order is the one above, from the inside out: a fallback is neither bounded nor slowed down.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agents/adapt/bounded_policy.h"
#include "agents/adapt/flap_budget_policy.h"
#include "agents/adapt/rate_limited_policy.h"
#include "agents/adapt/safeguard_spec.h"
#include "agents/ppo/learned_policy.h"
#include "agents/rules/aimd_policy.h"
#include "agents/rules/combined_policy.h"
#include "agents/rules/ensure_policy.h"
#include "agents/rules/hpa_options.h"
#include "agents/rules/hybrid_histogram.h"
#include "agents/rules/keda_policy.h"
#include "agents/rules/kpa_options.h"
#include "agents/rules/openwhisk_options.h"
#include "agents/rules/oracle_prewarm.h"
#include "agents/rules/simple_policies.h"
#include "agents/rules/vpa_policy.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

// Which policy, and the options of each. Only those of the named one count; the others may be
// there (and must be possible), so that one file serves a comparison of policies.
struct PolicySpec {
  std::string name = "kpa";
  KpaOptions kpa;
  StaticOptions fixed;
  KeepAliveOptions keep_alive;
  HpaOptions hpa;
  KedaOptions keda;
  AimdOptions aimd;
  EnsureOptions ensure;
  VpaOptions vpa;
  CombinedOptions combined;
  HybridHistogramOptions hybrid_histogram;
  OraclePrewarmOptions oracle_prewarm;
  OpenWhiskPoolOptions openwhisk;
  OpenWhiskSchedulerOptions openwhisk_scheduler;
  LearnedOptions learned;
  std::optional<FlapBudgetSpec> flap_budget;
  std::optional<RateLimitSpec> rate_limit;
  std::optional<BoundsSpec> bounds;
  std::optional<SafeguardSpec> safeguard;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("name", &PolicySpec::name, "the policy, one of those below");
    v.Field("kpa", &PolicySpec::kpa, "Knative's pod autoscaler");
    v.Field("static", &PolicySpec::fixed, "a fixed number of replicas");
    v.Field("keep_alive", &PolicySpec::keep_alive, "a fixed keep-alive time");
    v.Field("hpa", &PolicySpec::hpa, "Kubernetes' horizontal pod autoscaler");
    v.Field("keda", &PolicySpec::keda, "KEDA: the HPA, to zero and from zero");
    v.Field("aimd", &PolicySpec::aimd,
            "resources doubled when the SLO is missed, lowered otherwise");
    v.Field("ensure", &PolicySpec::ensure, "CPU by latency against the best seen");
    v.Field("vpa", &PolicySpec::vpa, "Kubernetes' vertical pod autoscaler");
    v.Field("combined", &PolicySpec::combined, "a horizontal rule and the vertical pod autoscaler");
    v.Field("hybrid_histogram", &PolicySpec::hybrid_histogram,
            "pre-warming and keep-alive from a histogram of idle times");
    v.Field("oracle_prewarm", &PolicySpec::oracle_prewarm,
            "knows the trace and starts containers just in time (in simulation only)");
    v.Field("openwhisk", &PolicySpec::openwhisk, "the keep-alive of OpenWhisk's invokers");
    v.Field("openwhisk_scheduler", &PolicySpec::openwhisk_scheduler,
            "OpenWhisk's scheduler that decides per queue");
    v.Field("learned", &PolicySpec::learned, "a policy that `reeve train` has trained");
    v.Field("flap_budget", &PolicySpec::flap_budget,
            "around the policy: how often replicas change direction");
    v.Field("rate_limit", &PolicySpec::rate_limit, "around the policy: how fast replicas change");
    v.Field("bounds", &PolicySpec::bounds, "around the policy: limits of what it decides");
    v.Field("safeguard", &PolicySpec::safeguard,
            "around the policy: another one drives while it is not safe");
  }

  // The name is known, and the conditions between the named policy's fields hold; the same for the
  // safeguard's fallback. The message starts with the path inside the spec.
  absl::Status Validate() const;

  // The policy drives, or is the fallback.
  bool Uses(std::string_view policy) const;
};

// Every name that MakePolicy knows.
const std::vector<std::string>& PolicyNames();

// InvalidArgument as Validate(); an unknown name is answered with the nearest one and the list. So
// is a policy that has to know the workload (see simulated_policies.h).
absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(const PolicySpec& spec);

// The named policy of a spec, and what the spec puts around it. `make` makes the one that a spec
// names, without anything around it; it is called for the policy and for the fallback. `spec` has
// passed Validate().
using PolicyMaker = std::function<absl::StatusOr<std::unique_ptr<Policy>>(const PolicySpec&)>;
absl::StatusOr<std::unique_ptr<Policy>> MakeWrapped(const PolicySpec& spec,
                                                    const PolicyMaker& make);

}  // namespace reeve
