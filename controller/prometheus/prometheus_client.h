// Instant queries to a Prometheus server (GET /api/v1/query).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "controller/net/http_client.h"
#include "core/config.h"
#include "core/units.h"

namespace reeve {

// Of an answer that is being read: texts are valid while it is visited.
struct PrometheusSample {
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  double time = 0;   // seconds since 1970
  double value = 0;  // may be NaN or infinite

  std::string_view Label(std::string_view name) const {  // empty: there is none
    for (const auto& [key, text] : labels) {
      if (key == name) return text;
    }
    return {};
  }
};

// Visits the samples of a whole answer, which for ten thousand functions has tens of megabytes;
// `body` may be moved to where there is room after it. Errors of the server are InvalidArgument
// with its text; what is no answer of Prometheus, or no vector, is Unavailable, after samples
// before the place may have been visited.
absl::Status ReadPrometheusAnswer(std::string& body,
                                  absl::FunctionRef<void(const PrometheusSample&)> visit);

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
  // Asks all queries at once; visits the samples of one answer after the other, by the number of
  // its query. The status of each.
  std::vector<absl::Status> Query(
      const std::vector<std::string>& queries,
      absl::FunctionRef<void(size_t query, const PrometheusSample&)> visit,
      const StopSignal* stop = nullptr);

 private:
  PrometheusOptions options_;
  HttpClient http_;
};

}  // namespace reeve
