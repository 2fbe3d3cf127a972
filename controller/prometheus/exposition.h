// Prometheus's text format, as a queue-proxy answers at :9091/metrics.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace reeve {

struct ExpositionSample {
  std::string_view name;
  std::map<std::string, std::string> labels;
  double value = 0;  // may be NaN or infinite
};

// Calls `each` with every sample, in order; comments and empty lines are skipped. InvalidArgument
// names the first line that is no sample; what came before it has been handed out.
absl::Status ReadExposition(std::string_view text,
                            const std::function<void(const ExpositionSample&)>& each);

}  // namespace reeve
