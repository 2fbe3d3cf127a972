// A queue-proxy's request metrics.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <cmath>

#include "controller/knative/direct_source.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  const auto counters = ReadRequestCounters(input);
  if (!counters.ok()) return REEVE_CHECK(!counters.status().message().empty());
  for (const double q : {0.0, 0.5, 0.99, 1.0}) {
    REEVE_CHECK(!std::isnan(counters->latency_seconds.Quantile(q)));
  }
  REEVE_CHECK(counters->latency_seconds.CountAbove(0.1) >= 0);
  REEVE_CHECK(counters->failures >= 0 && counters->busy_seconds >= 0);
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
