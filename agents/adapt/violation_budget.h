// A token bucket of SLO violations: how much harm a learner may do.
//
// Tokens are violations. The bucket starts with `violations`, gains `refill_share` for each request
// that leaves and `refill_per_hour` with time, and holds at most `capacity`. What a learner costs
// is taken out, whatever it comes to: the bucket may go into debt. The learner may act while
//
//   tokens > 0 and tokens >= AtRisk =
//       max(waiting, overdue) + reserve_share * (in flight + warm + rate * (period + recovery))
//
// where `waiting` requests have no container, `overdue` ones have missed their SLO although they
// have not left, `warm` are the containers that can be lost where they expire, `period` is the
// length of the last window (0 before the first) and `rate` the highest arrival rate seen (fading
// by half in an hour), or `peak_rps` where that is more.
//
// The bound. Let t be the last time at which the learner was let act, R the time from the end of
// its control period P until the system has recovered, and all violations of windows from one of
// its decisions until recovery be charged. A request leaves once, so it is charged at most once;
// what is charged after t are requests that were in the system at t, or came in (t, t + P + R]. At
// t the tokens were at least AtRisk(t), so with Granted the sum of all that was put in,
//
//   charged <= Granted + max(0, in system(t) + arrivals(t, t + P + R] - AtRisk(t)).
//
// With `reserve_share` 1, `peak_rps` truly the peak and `recovery` at least R the second term is 0:
// the budget holds to the request. With `reserve_share` 0 it is what one control period and a
// recovery can harm at most, once, not once per attack: debts are repaid before the learner acts
// again. Nothing in this depends on what the learner does.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct ViolationBudgetSpec {
  double violations = 100;
  double refill_share = 0.001;
  double refill_per_hour = 0;
  double capacity = 0;
  double resume = 0.5;
  double reserve_share = 0;
  double peak_rps = 0;
  SimTime recovery = SimTime::Seconds(30);
  SimTime settle = SimTime::Seconds(60);
  double healthy_share = 0.1;
  SimTime keep_alive = SimTime();

  // `budget: 200`
  static constexpr std::string_view kScalarField = "violations";
  template <class Visitor>
  static void Fields(Visitor& v) {
    using O = ViolationBudgetSpec;
    v.Field("violations", &O::violations, "SLO violations that the learner may cost at first",
            AtLeast(0));
    v.Field("refill_share", &O::refill_share, "further ones per request that leaves",
            Between(0, 1));
    v.Field("refill_per_hour", &O::refill_per_hour, "further ones per hour", AtLeast(0));
    v.Field("capacity", &O::capacity,
            "most that is saved up; 0: as many as it starts with, and 1 at least", AtLeast(0));
    v.Field("resume", &O::resume,
            "an exhausted budget lets the learner act again when this share of the capacity is "
            "there, beyond what is at risk or as far as the capacity goes",
            Between(0, 1));
    v.Field("reserve_share", &O::reserve_share,
            "share of all requests that one control period and a recovery could harm which the "
            "budget must still cover; 1: it is never exceeded, 0: by one such attack at most",
            Between(0, 1));
    v.Field("peak_rps", &O::peak_rps,
            "highest arrival rate of all functions together to reserve for; 0: the highest seen",
            AtLeast(0));
    v.Field("recovery", &O::recovery,
            "time to reserve for in which the fallback repairs what a learner broke", AtLeast(0));
    v.Field("settle", &O::settle,
            "time after which what the fallback finds right is trusted to be as if the learner had "
            "never been; at least the longest execution",
            AtLeast(0));
    v.Field("healthy_share", &O::healthy_share,
            "the fallback has repaired the system when at most this share of requests violates its "
            "SLO; 1: whatever the share",
            Between(0, 1));
    v.Field("keep_alive", &O::keep_alive,
            "where arrivals start containers: how long the platform keeps idle ones, if the "
            "fallback does not say; 0: containers do not expire",
            AtLeast(0));
  }

  // The one in force.
  double Capacity() const;
};

// What could be harmed if the learner acted now.
struct Exposure {
  double waiting = 0;    // requests
  double overdue = 0;    // requests that have missed their SLO, waiting or in flight
  double in_flight = 0;  // requests
  double warm = 0;       // containers whose loss would show later
};

// Not thread-safe; no allocation.
class ViolationBudget {
 public:
  explicit ViolationBudget(const ViolationBudgetSpec& spec);

  // A window of this length has passed in which so many requests came and left.
  void AddWindow(SimTime window, double arrivals, double left);
  // Takes out what the learner cost.
  void Charge(double violations);
  // Whether the learner may act for a control period of this length.
  bool Allows(const Exposure& exposure, SimTime period);

  double tokens() const { return tokens_; }    // negative: debt
  double granted() const { return granted_; }  // all that was put in, what overflowed left out
  double charged() const { return charged_; }
  double at_risk() const { return at_risk_; }  // of the last Allows
  double peak_rps() const;
  bool exhausted() const { return exhausted_; }

 private:
  void Put(double tokens);

  const ViolationBudgetSpec spec_;
  double tokens_, granted_;
  double charged_ = 0;
  double highest_rps_ = 0;  // seen, fading
  double at_risk_ = 0;
  bool exhausted_ = false;
};

}  // namespace reeve
