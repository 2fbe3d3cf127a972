// Limits how often replicas change direction, around any policy.
//
// A reversal is a change of a function's replicas against the direction of its last change. At most
// `reversals` of a function fall into any `period`. Going down is what waits: a change downwards
// against the last one is made only when there is room for two reversals, itself and the one
// upwards that may have to follow it; otherwise the replicas stay. So no change upwards is ever
// refused.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

struct FlapBudgetSpec {
  int32_t reversals = 12;
  SimTime period = SimTime::Hours(1);

  // `flap_budget: 6`
  static constexpr std::string_view kScalarField = "reversals";
  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = FlapBudgetSpec;
    v.Field("reversals", &O::reversals,
            "changes of direction of a function's replicas within the period", Between(2, 100000));
    v.Field("period", &O::period, "the time they are counted over, ending now", AtLeast(0.001));
  }
};

// The replicas of another policy, with reversals left out; its other decisions as they are. Not
// thread-safe; no allocation once the functions are known.
class FlapBudgetPolicy : public Policy {
 public:
  FlapBudgetPolicy(std::unique_ptr<Policy> inner, const FlapBudgetSpec& spec);

  std::string_view name() const override { return inner_->name(); }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;
  void Wake(FunctionId function, SimTime now, Decision& decision) override;

  // Changes of replicas that were held back so far, all functions.
  uint64_t held() const { return held_; }

 private:
  struct Function {
    int32_t replicas = 0;  // asked for last
    int8_t direction = 0;  // of the last change; 0 before the first
    int32_t next = 0;      // where the next reversal is noted
  };

  int32_t Limit(size_t function, int32_t wanted, SimTime now);
  // Reversals of the function that still fall into the period that ends at `now`.
  int32_t Recent(size_t function, SimTime now) const;

  const std::unique_ptr<Policy> inner_;
  const FlapBudgetSpec spec_;
  std::vector<Function> functions_;  // [F]
  std::vector<SimTime> reversals_;   // [F, reversals] rings of their times; long ago at first
  uint64_t held_ = 0;
};

}  // namespace reeve
