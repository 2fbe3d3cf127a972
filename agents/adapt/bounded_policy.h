// Fixed limits around any policy.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

struct BoundsSpec {
  std::optional<int32_t> min_replicas, max_replicas;
  std::optional<Millicores> min_cpu, max_cpu;
  std::optional<Mebibytes> min_memory, max_memory;
  std::optional<SimTime> min_keep_alive, max_keep_alive;

  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = BoundsSpec;
    v.Field("min_replicas", &O::min_replicas, "replicas of every function at least", AtLeast(0));
    v.Field("max_replicas", &O::max_replicas, "at most", AtLeast(0));
    v.Field("min_cpu", &O::min_cpu, "CPU limit of a container at least", AtLeast(1));
    v.Field("max_cpu", &O::max_cpu, "at most", AtLeast(1));
    v.Field("min_memory", &O::min_memory, "memory limit of a container at least", AtLeast(1));
    v.Field("max_memory", &O::max_memory, "at most", AtLeast(1));
    v.Field("min_keep_alive", &O::min_keep_alive, "keep-alive time at least", AtLeast(0));
    v.Field("max_keep_alive", &O::max_keep_alive, "at most", AtLeast(0));
  }
  // Each least is at most its most.
  absl::Status Validate() const;
};

// The decisions of another policy, held within the bounds. What it leaves as it is is brought
// within them too, as far as the snapshot shows it (not the keep-alive). No allocation, no state.
class BoundedPolicy : public Policy {
 public:
  // `spec` has passed Validate().
  BoundedPolicy(std::unique_ptr<Policy> inner, const BoundsSpec& spec);

  std::string_view name() const override { return inner_->name(); }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

 private:
  const std::unique_ptr<Policy> inner_;
  const BoundsSpec spec_;
};

}  // namespace reeve
