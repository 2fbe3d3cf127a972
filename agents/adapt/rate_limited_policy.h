// Limits how fast replicas change, around any policy: the behaviour limits of Kubernetes'
// horizontal pod autoscaler (agents/rules/hpa_scaler.h) without the rest of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

struct RateLimitSpec {
  SimTime period = SimTime::Minutes(1);
  std::optional<int32_t> add_containers;
  std::optional<double> add_share;
  std::optional<int32_t> remove_containers;
  std::optional<double> remove_share;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = RateLimitSpec;
    v.Field("period", &O::period, "time that the limits are for, ending now", AtLeast(0.001));
    v.Field("add_containers", &O::add_containers,
            "replicas of a function that may be added in it; with add_share the larger counts; "
            "neither: no limit",
            AtLeast(0));
    v.Field("add_share", &O::add_share, "the same, as a share of those at its start (rounded up)",
            AtLeast(0));
    v.Field("remove_containers", &O::remove_containers,
            "replicas that may be taken away in it; with remove_share the larger counts; neither: "
            "no limit",
            AtLeast(0));
    v.Field("remove_share", &O::remove_share,
            "the same, as a share of those at its start (rounded down)", Between(0, 1));
  }
  // Something is limited.
  absl::Status Validate() const;
};

// The replicas of another policy, within the limits; its other decisions as they are. A request
// that wakes a function is never refused its first container. Not thread-safe; allocates only while
// a function has more changes within a period than ever before.
class RateLimitedPolicy : public Policy {
 public:
  // `spec` has passed Validate().
  RateLimitedPolicy(std::unique_ptr<Policy> inner, const RateLimitSpec& spec);

  std::string_view name() const override { return inner_->name(); }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

 private:
  struct Change {
    SimTime at;
    int32_t by = 0;
  };
  struct Function {
    int32_t replicas = 0;         // asked for last
    std::vector<Change> changes;  // within the period, oldest first
  };

  // What may be asked for in place of `wanted`; notes the change.
  int32_t Limit(Function& f, int32_t wanted, SimTime now, bool wake) const;

  const std::unique_ptr<Policy> inner_;
  const RateLimitSpec spec_;
  std::vector<Function> functions_;  // [F]
};

}  // namespace reeve
