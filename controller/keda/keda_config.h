// How KEDA reaches us, and what Prometheus knows of the Deployments that it scales.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "controller/keda/deployment_figures.h"
#include "controller/net/tls_spec.h"
#include "controller/prometheus/prometheus_client.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct KedaConfig {
  std::string listen = "127.0.0.1:9465";
  TlsSpec tls = {};
  bool trust_network = false;

  PrometheusOptions prometheus = {};
  DeploymentQueries queries = {};
  SimTime metric_range = SimTime::Minutes(1);

  SimTime asked_within = SimTime::Minutes(2);
  SimTime forget_after = SimTime::Minutes(10);
  SimTime actuation_within = SimTime::Minutes(1);
  double hpa_tolerance = 0.1;
  int32_t max_functions = 10000;
  Millicores assumed_cpu = Millicores::Cores(1);
  Mebibytes assumed_memory{512};

  template <class V>
  static void Fields(V& v) {
    using C = KedaConfig;
    v.Field("listen", &C::listen,
            "address and port of the external scaler, for KEDA's scalerAddress (port 0: any free "
            "one)");
    v.Field("tls", &C::tls,
            "its TLS; client_ca, the authority of KEDA's own certificate, is needed where other "
            "machines can connect");
    v.Field("trust_network", &C::trust_network,
            "other machines may connect without a certificate: a NetworkPolicy lets only KEDA "
            "through");
    v.Field("prometheus", &C::prometheus, "the Prometheus server that has the figures");
    v.Field("queries", &C::queries, "what it is asked for (docs/keda.md)");
    v.Field("metric_range", &C::metric_range, "$range in queries; two scrapes at least",
            AtLeast(2));
    v.Field("asked_within", &C::asked_within,
            "what KEDA has not asked about for this long counts as refused", AtLeast(1));
    v.Field("forget_after", &C::forget_after,
            "what KEDA has not asked about for this long is gone; longer than its polling interval",
            AtLeast(1));
    v.Field("actuation_within", &C::actuation_within,
            "what is not in force after this long is reported", AtLeast(1));
    v.Field("hpa_tolerance", &C::hpa_tolerance,
            "the HorizontalPodAutoscaler leaves the count alone while it is off by at most this "
            "share",
            Between(0.0, 1.0));
    v.Field("max_functions", &C::max_functions, "ScaledObjects, at most", Between(1, 1000000));
    v.Field("assumed_cpu", &C::assumed_cpu, "of a pod without a CPU limit", AtLeast(1));
    v.Field("assumed_memory", &C::assumed_memory, "of a pod without a memory limit", AtLeast(1));
  }
  absl::Status Validate() const;
};

}  // namespace reeve
