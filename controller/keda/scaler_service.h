// KEDA's external scaler (gRPC; controller/keda/external_scaler.proto).
//
// The one metric is "reeve-replicas" with target 1: KEDA's HorizontalPodAutoscaler wants
// ceil(value / target) replicas of it, which is the count that was decided. A count of 0 is told by
// IsActive = false; KEDA then takes the last replica away after the ScaledObject's cooldownPeriod.
// GetMetricSpec and its stream always answer; the others answer Unavailable for functions about
// which nothing is decided.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "controller/keda/scaled_objects.h"
#include "controller/net/tls_spec.h"

namespace reeve {

inline constexpr const char* kReplicasMetric = "reeve-replicas";

struct ScalerListenSpec {
  std::string listen;
  TlsSpec tls = {};
  bool trust_network = false;
};

class ScalerService {
 public:
  // Listens and answers on threads of gRPC's from now on. `objects` outlives it. InvalidArgument:
  // an address that cannot be read. FailedPrecondition: others can reach it, and neither
  // tls.client_ca nor trust_network is set. NotFound, InvalidArgument: files of TLS. Unavailable:
  // the port is taken. Files of TLS that change are read again within ten seconds; what cannot be
  // read leaves what was.
  static absl::StatusOr<std::unique_ptr<ScalerService>> Start(const ScalerListenSpec& spec,
                                                              ScaledObjects& objects);
  // Ends streams and what is being answered.
  ~ScalerService();

  int port() const;

 private:
  class Impl;
  explicit ScalerService(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reeve
