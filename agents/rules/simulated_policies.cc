#include "agents/rules/simulated_policies.h"

#include <cstdint>
#include <vector>

#include "agents/rules/hybrid_histogram.h"
#include "agents/rules/oracle_prewarm.h"
#include "core/status.h"

namespace reeve {

bool IsClairvoyant(const PolicySpec& spec) {
  return spec.name == "oracle_prewarm";
}

absl::StatusOr<std::unique_ptr<Policy>> MakeSimulatedPolicy(const PolicySpec& spec,
                                                            const Trace& trace,
                                                            const ClusterSpec& cluster,
                                                            const ArrivalOptions& arrivals) {
  RETURN_IF_ERROR(spec.Validate());
  if (IsClairvoyant(spec)) {
    return std::make_unique<OraclePrewarmPolicy>(spec.oracle_prewarm, trace, cluster, arrivals);
  }
  if (spec.name == "hybrid_histogram" && spec.hybrid_histogram.unit == HistogramUnit::kApp) {
    std::vector<uint32_t> app_of_function;
    for (const FunctionProfile& profile : trace.functions()) {
      app_of_function.push_back(profile.app.index());
    }
    return std::make_unique<HybridHistogramPolicy>(spec.hybrid_histogram,
                                                   std::move(app_of_function));
  }
  return MakePolicy(spec);
}

}  // namespace reeve
