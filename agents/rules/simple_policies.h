// Policies that decide once and for all: the baselines of every comparison.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "core/config.h"
#include "core/policy.h"

namespace reeve {

struct StaticOptions {
  int32_t replicas = 1;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("replicas", &StaticOptions::replicas, "containers of every function", AtLeast(0));
  }
};

// The same number of replicas for every function, always.
class StaticPolicy : public Policy {
 public:
  explicit StaticPolicy(const StaticOptions& options) : options_(options) {}
  std::string_view name() const override { return "static"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

 private:
  const StaticOptions options_;
};

struct KeepAliveOptions {
  SimTime keep_alive = SimTime::Minutes(10);
  int32_t warm_floor = 0;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("keep_alive", &KeepAliveOptions::keep_alive,
            "idle time after which a container is reclaimed", AtLeast(0));
    v.Field("warm_floor", &KeepAliveOptions::warm_floor,
            "containers of every function that are kept however long they idle", AtLeast(0));
  }
};

// A fixed keep-alive time for platforms that start containers on demand; they need no other
// decision.
class KeepAlivePolicy : public Policy {
 public:
  explicit KeepAlivePolicy(const KeepAliveOptions& options) : options_(options) {}
  std::string_view name() const override { return "keep_alive"; }
  absl::Status Decide(const Snapshot& snapshot, std::span<Decision> decisions) override;

 private:
  const KeepAliveOptions options_;
};

}  // namespace reeve
