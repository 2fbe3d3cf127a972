// Metrics of tenants: what their functions are asked, are given and do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controller/loop_records.h"
#include "controller/serve/metric_families.h"

namespace reeve {

// Gauges of a tenant without functions end; its counters stay, as counters do.
class TenantSeries {
 public:
  // `registry` outlives the object.
  explicit TenantSeries(prometheus::Registry& registry);

  void Update(const TickRecord& tick);

 private:
  static constexpr size_t kGauges = 5, kCounters = 5;

  void LearnTenants(const Catalogue& catalogue);

  const std::array<prometheus::Family<prometheus::Counter>*, kCounters> counters_;
  std::array<GaugesByLabel, kGauges> gauges_;
  bool known_ = false;
  uint64_t generation_ = 0;
  std::map<std::string, uint32_t> index_;
  std::vector<uint32_t> of_slot_;                                    // [F] into names_ and series_
  std::vector<std::string> names_;                                   // [T]
  std::vector<std::array<prometheus::Counter*, kCounters>> series_;  // [T]
};

}  // namespace reeve
