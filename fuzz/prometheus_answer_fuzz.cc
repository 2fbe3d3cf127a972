// Answers of a Prometheus server.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/knative/prometheus.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  const auto samples = ParsePrometheusAnswer(input);
  if (!samples.ok()) REEVE_CHECK(!samples.status().message().empty());
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
