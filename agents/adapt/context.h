// What kind of load a platform is under, as a few numbers a control period: the context by which
// shifts are detected (shift_detector.h).
//
//   context:
//     features:
//       - arrival_rate
//       - {name: execution_time, time: 1m}
//       - shares
//     groups: 8
//
// With e = exp(-window / time), every sum over windows is S = e S + (this window's), so a feature
// is a quotient of what the last few `time` saw, exact from the first window on:
//
//   arrival_rate      log(1 + requests that came / s)
//   execution_time    log(1 + ms), the mean over completions of their function's median
//   shares            G numbers: sqrt(share of the arrivals that went to group g); function f is of
//                     group f mod G, G the smaller of `groups` and the number of functions: with
//                     few functions, each has its own. The square root gives all shares about the
//                     same sampling noise, 1 / (2 sqrt(arrivals)).
//   entropy           nats, -sum p log p over the functions' shares p of the arrivals: the
//   logarithm
//                     of the effective number of functions
//   concurrency       log(1 + requests being executed, on average)
//   queued            log(1 + requests waiting, on average)
//   cpu_load          CPU used / the cluster's
//   memory_load       memory held / the cluster's
//   cold_start_share  cold starts / requests that came, at most 1
//
// The first four are what comes from outside. The others depend on what the policy does, too, so
// they shift when a policy learns; they are off unless named.
//
// Each is divided by its `scale`, the change that is worth 1: contexts are then comparable, and
// detectors can state the least change that matters (DetectorSpec::floor_sd) once for all.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agents/adapt/state_vectors.h"
#include "core/config.h"
#include "core/snapshot.h"
#include "core/units.h"

namespace reeve {

struct ContextFeatureSpec {
  std::string name;
  double scale = 0;                  // 0: the feature's own
  std::optional<SimTime> time = {};  // unset: the context's

  static constexpr std::string_view kScalarField = "name";
  template <class V>
  static void Fields(V& v) {
    using C = ContextFeatureSpec;
    v.Field("name", &C::name, "One of the features that docs/adapt.md lists");
    v.Field("scale", &C::scale, "The change that is worth 1; 0: its own, given in the list",
            Between(0, 1e6));
    v.Field("time", &C::time, "Over which it looks back; unset: the context's; 0: the last window",
            Between(0, 1e6));
  }
  absl::Status Validate() const;  // the name is known
};

struct ContextSpec {
  std::vector<ContextFeatureSpec> features = Default();
  SimTime time = SimTime::Seconds(15);
  int32_t groups = 8;

  template <class V>
  static void Fields(V& v) {
    using C = ContextSpec;
    v.Field("features", &C::features, "What the context is made of, in this order");
    v.Field("time", &C::time,
            "Over which features look back: the time constant of their sums; 0: the last window",
            Between(0, 1e6));
    v.Field("groups", &C::groups, "Of functions, for their shares of the arrivals",
            Between(1, 256));
  }
  absl::Status Validate() const;                     // there is a feature, each once
  static std::vector<ContextFeatureSpec> Default();  // arrival_rate, execution_time, shares
};

// The reference of all features.
struct ContextFeatureDoc {
  std::string name, unit, doc;
  double scale = 0;
};
std::vector<ContextFeatureDoc> DescribeContextFeatures();

// From the snapshots of one platform to contexts, one a control period. Not thread-safe.
class ContextTracker {
 public:
  // `spec` has passed Validate(); F functions, at least one.
  ContextTracker(const ContextSpec& spec, size_t functions);
  ~ContextTracker();
  ContextTracker(ContextTracker&&) noexcept;
  ContextTracker& operator=(ContextTracker&&) noexcept;

  size_t size() const;                            // D
  const std::vector<std::string>& names() const;  // [D] "arrival_rate", "shares[3]"

  // Takes a window in. Snapshots come in time order. One whose window has no length changes
  // nothing. Every value is finite, whatever the snapshot says. A quotient with nothing to divide
  // by (no completion, no arrival) stays as it was; 0 before the first.
  // One pass over the functions; no allocation unless there are more functions than ever before
  // (the new ones join their groups, D stays).
  void Update(const Snapshot& snapshot);

  // [D] of the last Update; zeros before the first. Stays where it is.
  std::span<const double> context() const;

  // Forgets everything: another platform.
  void Reset();

  // Under "context.". Restore leaves the tracker as it was unless it returns OK.
  void Save(StateVectors& state) const;
  absl::Status Restore(const StateVectors& state);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve
