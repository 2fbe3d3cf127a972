#include "controller/openwhisk/openwhisk_config.h"

#include <fmt/format.h>

namespace reeve {

absl::Status OpenWhiskConfig::Validate() const {
  if (endpoint.rfind("http://", 0) != 0 && endpoint.rfind("https://", 0) != 0) {
    return absl::InvalidArgumentError(
        fmt::format("endpoint: '{}' is not http://HOST:PORT or https://HOST:PORT", endpoint));
  }
  if (endpoint.find("/api/") != std::string::npos) {
    return absl::InvalidArgumentError("endpoint: leave /api/v1 out, it is added");
  }
  for (const auto& [name, tenant] : tenants) {
    if (tenant.key_file.empty()) {
      return absl::InvalidArgumentError(
          fmt::format("tenants.{}.key_file: name the file with the tenant's key", name));
    }
    if (tenant.ns.empty() || tenant.ns.find('/') != std::string::npos) {
      return absl::InvalidArgumentError(
          fmt::format("tenants.{}.namespace: '{}' is not the name of one", name, tenant.ns));
    }
  }
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return absl::InvalidArgumentError("tls: certificate_file and key_file need each other");
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] <= (i == 0 ? Mebibytes() : sizes[i - 1])) {
      return absl::InvalidArgumentError("sizes: they must rise, from at least 1Mi");
    }
  }
  if (sets.memory && sizes.empty()) {
    return absl::InvalidArgumentError("sizes: there is none to choose from");
  }
  if (prewarm.enabled && prewarm.marker.empty()) {
    return absl::InvalidArgumentError("prewarm.marker: name a parameter");
  }
  if (prewarm.enabled && metrics != WhiskMetrics::kActivations) {
    return absl::InvalidArgumentError(
        "prewarm: needs metrics: activations, as counters do not tell its activations from "
        "requests");
  }
  if (metrics == WhiskMetrics::kUserEvents &&
      user_events.exporter.empty() == user_events.prometheus.empty()) {
    return absl::InvalidArgumentError("user_events: name exporter or prometheus, one of them");
  }
  return absl::OkStatus();
}

}  // namespace reeve
