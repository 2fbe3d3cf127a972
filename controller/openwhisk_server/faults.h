// Which request meets which of the faults that were asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/openwhisk_server/server_config.h"
#include "core/units.h"

namespace reeve::openwhisk_server {

// Not thread-safe.
class Faults {
 public:
  explicit Faults(uint64_t seed) : seed_(seed) {}

  // In place of those before; their `from` counts from `now`.
  void Set(std::vector<FaultSpec> faults, SimTime now);
  // The first that applies to this request, which counts for it.
  std::optional<FaultSpec> Meet(std::string_view method, std::string_view path, SimTime now);
  // Requests that met one, since the start.
  uint64_t met() const { return met_; }

 private:
  struct Fault {
    FaultSpec spec;
    int64_t met = 0;
    uint64_t drawn = 0;
  };
  const uint64_t seed_;
  SimTime origin_;
  std::vector<Fault> faults_;
  uint64_t met_ = 0;
};

}  // namespace reeve::openwhisk_server
