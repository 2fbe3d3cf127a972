#include "agents/simulated_policies.h"

#include <vector>

#include "agents/rules/hybrid_histogram.h"
#include "agents/rules/oracle_prewarm.h"
#include "core/status.h"

namespace reeve {

absl::StatusOr<std::unique_ptr<LearnedPolicy>> MakeLearnedPolicy(const LearnedOptions& options,
                                                                 const Trace& trace,
                                                                 uint64_t seed) {
  ASSIGN_OR_RETURN(TrainedPolicy trained, LoadTrainedPolicy(options.checkpoint));
  std::vector<std::string> functions, tenants;
  for (const FunctionProfile& profile : trace.functions()) {
    functions.push_back(profile.name);
    tenants.push_back(trace.tenants()[profile.tenant.index()]);
  }
  absl::StatusOr<std::vector<int32_t>> groups = GroupsFor(trained, functions, tenants);
  if (!groups.ok()) {
    return absl::Status(groups.status().code(),
                        options.checkpoint + ": " + MessageOf(groups.status()));
  }
  return std::make_unique<LearnedPolicy>(std::make_shared<const TrainedPolicy>(std::move(trained)),
                                         *std::move(groups), options.choose, seed);
}

bool IsClairvoyant(const PolicySpec& spec) {
  return spec.Uses("oracle_prewarm");
}

namespace {

// The one that is named, without what is around it.
absl::StatusOr<std::unique_ptr<Policy>> MakeNamed(const PolicySpec& spec, const Trace& trace,
                                                  const ClusterSpec& cluster,
                                                  const ArrivalOptions& arrivals) {
  if (spec.name == "oracle_prewarm") {
    return std::make_unique<OraclePrewarmPolicy>(spec.oracle_prewarm, trace, cluster, arrivals);
  }
  if (spec.name == "learned") return MakeLearnedPolicy(spec.learned, trace, arrivals.seed);
  if (spec.name == "hybrid_histogram" && spec.hybrid_histogram.unit == HistogramUnit::kApp) {
    std::vector<uint32_t> app_of_function;
    for (const FunctionProfile& profile : trace.functions()) {
      app_of_function.push_back(profile.app.index());
    }
    return std::make_unique<HybridHistogramPolicy>(spec.hybrid_histogram,
                                                   std::move(app_of_function));
  }
  PolicySpec alone = spec;
  alone.flap_budget.reset();
  alone.rate_limit.reset();
  alone.bounds.reset();
  alone.safeguard.reset();
  return MakePolicy(alone);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Policy>> MakeSimulatedPolicy(const PolicySpec& spec,
                                                            const Trace& trace,
                                                            const ClusterSpec& cluster,
                                                            const ArrivalOptions& arrivals) {
  RETURN_IF_ERROR(spec.Validate());
  return MakeWrapped(
      spec, [&](const PolicySpec& named) { return MakeNamed(named, trace, cluster, arrivals); });
}

}  // namespace reeve
