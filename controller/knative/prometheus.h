// Instant queries to a Prometheus server (GET /api/v1/query).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/net/http_client.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

struct PrometheusSample {
  std::map<std::string, std::string> labels;
  double time = 0;   // seconds since 1970
  double value = 0;  // may be NaN or infinite
};

// A whole answer. Errors of the server are InvalidArgument with its text; what is no answer of
// Prometheus, or no vector, is Unavailable.
absl::StatusOr<std::vector<PrometheusSample>> ParsePrometheusAnswer(std::string_view body);

struct PrometheusOptions {
  std::string url = "http://prometheus-operated.monitoring:9090";
  std::string token_file = {};  // bearer token, read for every round of queries; empty: none
  std::string ca_file = {};     // empty: the system's authorities
  SimTime timeout = SimTime::Seconds(3);

  template <class Visitor>
  static void Fields(Visitor& v) {
    v.Field("url", &PrometheusOptions::url, "address of the server, with its path if it has one");
    v.Field("token_file", &PrometheusOptions::token_file, "file with a bearer token; empty: none");
    v.Field("ca_file", &PrometheusOptions::ca_file,
            "file with the authority of its certificate; empty: the system's");
    v.Field("timeout", &PrometheusOptions::timeout, "for one round of queries", AtLeast(0.1));
  }
};

// Not thread-safe.
class PrometheusClient {
 public:
  PrometheusClient(PrometheusOptions options, std::string user_agent);
  // The answers in the order of the queries, all asked at once.
  std::vector<absl::StatusOr<std::vector<PrometheusSample>>> Query(
      const std::vector<std::string>& queries, const StopSignal* stop = nullptr);

 private:
  PrometheusOptions options_;
  HttpClient http_;
};

}  // namespace reeve
