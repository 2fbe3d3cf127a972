// Policies that decide once and for all: the baselines of every comparison.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

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

// Providers whose keep-alive was measured or documented (M. Shahrad et al., "Serverless in the
// Wild", ATC'20, section 2): about 10 minutes on AWS Lambda, 20 on Azure Functions.
enum class KeepAlivePreset : uint8_t { kNone, kAws, kAzure };
constexpr auto EnumNames(KeepAlivePreset) {
  return std::array<std::pair<KeepAlivePreset, std::string_view>, 3>{
      {{KeepAlivePreset::kNone, "none"},
       {KeepAlivePreset::kAws, "aws"},
       {KeepAlivePreset::kAzure, "azure"}}};
}

struct KeepAliveOptions {
  KeepAlivePreset preset = KeepAlivePreset::kNone;
  SimTime keep_alive = SimTime::Minutes(10);
  int32_t warm_floor = 0;
  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("preset", &KeepAliveOptions::preset,
            "aws: 10 minutes, azure: 20 minutes, in place of keep_alive; none: keep_alive counts");
    v.Field("keep_alive", &KeepAliveOptions::keep_alive,
            "idle time after which a container is reclaimed", AtLeast(0));
    v.Field("warm_floor", &KeepAliveOptions::warm_floor,
            "containers of every function that are kept however long they idle", AtLeast(0));
  }
  // The one in force: the preset's, else `keep_alive`.
  SimTime KeepAlive() const;
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
