// Answers of a Prometheus server.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/prometheus/prometheus_client.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  std::string body(input);
  size_t bytes = 0;
  const absl::Status status = ReadPrometheusAnswer(body, [&](const PrometheusSample& sample) {
    for (const auto& [name, text] : sample.labels) bytes += name.size() + text.size();
  });
  if (!status.ok()) REEVE_CHECK(!status.message().empty());
  // No escape is shorter than what it stands for.
  REEVE_CHECK(bytes <= input.size());
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
