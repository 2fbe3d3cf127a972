// What a policy wants for one function. Unset fields leave things as they are.
#pragma once

#include <cstdint>
#include <optional>

#include "core/units.h"

namespace reeve {

struct Decision {
  // Containers to keep: the target where the platform scales by replica target, the floor of warm
  // containers where it starts them on demand. >= 0.
  std::optional<int32_t> replicas;
  std::optional<Millicores> cpu_limit;    // per container, > 0
  std::optional<Mebibytes> memory_limit;  // per container, > 0
  std::optional<int32_t> concurrency;     // requests at once in a container; 0 = unlimited
  std::optional<SimTime> keep_alive;      // idle time after which a container is reclaimed

  bool operator==(const Decision&) const = default;
};

}  // namespace reeve
