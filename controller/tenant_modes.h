// What the controller may do for each tenant, switched while it runs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "core/config.h"

namespace reeve {

enum class ControlMode : uint8_t {
  kOff,     // the platform's own autoscaler decides; functions are observed, for the others' sake
  kShadow,  // decides and records what it would have done; changes nothing
  kActive,  // decides and applies
};
constexpr auto EnumNames(ControlMode) {
  return std::array<std::pair<ControlMode, std::string_view>, 3>{
      {{ControlMode::kOff, "off"},
       {ControlMode::kShadow, "shadow"},
       {ControlMode::kActive, "active"}}};
}

struct TenantMode {
  ControlMode mode = ControlMode::kShadow;
  bool paused = false;

  // `tenants: {alice: active}`
  static constexpr std::string_view kScalarField = "mode";
  template <class V>
  static void Fields(V& v) {
    v.Field("mode", &TenantMode::mode,
            "off: observed only; shadow: decides without applying; active: decides and applies");
    v.Field("paused", &TenantMode::paused,
            "Nothing of the tenant's functions is changed for now, and nothing handed back");
  }
  bool operator==(const TenantMode&) const = default;
};

// Thread-safe.
class TenantModes {
 public:
  TenantModes(TenantMode others, std::map<std::string, TenantMode> tenants)
      : others_(others), tenants_(std::move(tenants)) {}

  TenantMode Of(const std::string& tenant) const {
    const std::lock_guard lock(mutex_);
    const auto found = tenants_.find(tenant);
    return found == tenants_.end() ? others_ : found->second;
  }
  void Set(const std::string& tenant, TenantMode mode) {
    const std::lock_guard lock(mutex_);
    tenants_[tenant] = mode;
  }
  // Those that were set one by one.
  std::map<std::string, TenantMode> All() const {
    const std::lock_guard lock(mutex_);
    return tenants_;
  }

 private:
  mutable std::mutex mutex_;
  const TenantMode others_;
  std::map<std::string, TenantMode> tenants_;
};

}  // namespace reeve
