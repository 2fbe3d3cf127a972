// A queue-proxy's statistics: what is accepted are numbers that can be.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <cmath>

#include "controller/knative/queue_stat.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  const auto stat = ParseQueueStat(input);
  if (!stat.ok()) return REEVE_CHECK(!stat.status().message().empty());
  for (const double value : {stat->average_concurrency, stat->request_rate,
                             stat->proxied_request_rate, stat->process_uptime_seconds}) {
    REEVE_CHECK(std::isfinite(value) && value >= 0);
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
