// The clairvoyant bound as a policy: it knows the trace, and starts containers just in time.
//
// From the same arrivals as the simulator it computes when each container is needed
// (sim/container_levels.h) and asks for so many replicas: a container is started early enough to be
// ready, and kept through a gap only while that is cheaper than letting it go and starting again at
// `start_price`. On demand, replicas are the warm floor and the keep-alive is zero, so nothing else
// stays; with a replica target they are the target.
//
// What it loses against the bound (sim/clairvoyant.h), per start: decisions take effect at control
// periods, so a container begins up to one period early and ends up to one period late; and it does
// not know how long a start will take, so it begins the `start_quantile` of the start-time
// distribution ahead (0.99: one start in a hundred comes too late, the others wait longer than the
// mean). Contention, and requests at the beginning of the trace that no start can be ready for, put
// it behind its plan: requests last longer than planned, and the next ones start cold. So that this
// does not go on for ever, a function that had a cold start in the last control period keeps idle
// containers for one more (at least 1 s).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/policy.h"
#include "sim/cluster_spec.h"
#include "traces/arrival_stream.h"
#include "traces/trace.h"

namespace reeve {

struct OraclePrewarmOptions {
  double start_price = 0;
  double start_quantile = 0.99;

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("start_price", &OraclePrewarmOptions::start_price,
            "GB-seconds that a container start is worth beside its own: more keeps containers "
            "through longer gaps",
            AtLeast(0));
    v.Field("start_quantile", &OraclePrewarmOptions::start_quantile,
            "Containers start ahead by this quantile of their start time", Between(0.01, 0.9999));
  }
};

// Replicas of every function, by control period. Immutable.
class PrewarmPlan {
 public:
  // From this control period on (period p begins at p * control period): so many replicas.
  struct Step {
    int32_t period;
    int32_t replicas;
  };

  // Streams the trace once. Holds 8 bytes per change of a function's replicas: at most two for each
  // container use, or one per control period.
  PrewarmPlan(const OraclePrewarmOptions& options, const Trace& trace, const ClusterSpec& cluster,
              const ArrivalOptions& arrivals);

  size_t function_count() const { return steps_.size(); }
  std::span<const Step> steps(size_t function) const { return steps_[function]; }

 private:
  std::vector<std::vector<Step>> steps_;  // [F], by rising period; 0 replicas before the first
};

class OraclePrewarmPolicy : public Policy {
 public:
  // `arrivals` are those of the simulation that it will drive.
  OraclePrewarmPolicy(const OraclePrewarmOptions& options, const Trace& trace,
                      const ClusterSpec& cluster, const ArrivalOptions& arrivals);
  std::string_view name() const override { return "oracle_prewarm"; }
  // InvalidArgument when the snapshot is not of as many functions as the trace.
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

 private:
  const SimTime period_;
  const PrewarmPlan plan_;
  std::vector<uint32_t> next_;     // [F] step to come
  std::vector<int32_t> replicas_;  // [F] now
};

}  // namespace reeve
