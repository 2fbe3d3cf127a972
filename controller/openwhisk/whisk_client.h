// Requests to OpenWhisk's REST API with one tenant's key.
//
// A server that says 429 or 5xx, or does not answer, is left alone for a while that grows (with
// jitter, 0.8 s to 30 s, or what Retry-After says): until then calls fail at once, without a
// request. Nothing here waits.
//
// Errors name method and path:
//   InvalidArgument     400, 413: the server refuses it, and would again
//   Unauthenticated     401: the key is not known (its file was read again, and tried again); or
//   TLS PermissionDenied    403 NotFound            404 Aborted             409: somebody else
//   changed it at the same time ResourceExhausted   429, or left alone for that Unavailable 408,
//   5xx, no answer, one that is not JSON; or left alone for that DeadlineExceeded    no answer in
//   time: what was asked for may have happened
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/net/backoff.h"
#include "controller/net/clock.h"
#include "controller/net/http_client.h"
#include "controller/openwhisk/openwhisk_config.h"
#include "controller/openwhisk/whisk_key.h"

namespace reeve {

// "https://host:port/api/v1/…" from an endpoint with or without a slash at its end.
std::string WhiskUrl(const std::string& endpoint, const std::string& path);
// "…/namespaces/NS/actions/PACKAGE/NAME", each part percent-encoded but for the slash.
std::string WhiskActionPath(const std::string& ns, const std::string& action);

// Reads the PEM files that `tls` names; null when it names none.
absl::StatusOr<std::shared_ptr<const TlsIdentity>> ReadWhiskTls(const WhiskTlsSpec& tls);

// Whether the same request may succeed the next time: nobody refused it. False of OK.
bool WhiskFailureMayPass(const absl::Status& status);

struct WhiskClientOptions {
  std::string endpoint;
  std::shared_ptr<const TlsIdentity> tls;
  SimTime timeout = SimTime::Seconds(2);
  BackoffOptions backoff = {};
  uint64_t seed = 0;  // of the jitter
};

// One thread at a time; the key and the clock outlive it.
class WhiskClient {
 public:
  using Query = std::vector<std::pair<std::string, std::string>>;

  WhiskClient(WhiskClientOptions options, WhiskKey& key, NetClock& clock);

  // `path` begins with a slash: "/", "/api/v1/namespaces".
  absl::StatusOr<nlohmann::json> Get(const std::string& path, const Query& query = {},
                                     const StopSignal* stop = nullptr);
  absl::StatusOr<nlohmann::json> Put(const std::string& path, const Query& query,
                                     const nlohmann::json& body);
  // So many requests at once, without waiting for what they do: the ids of the activations that
  // were accepted, and OK or what went wrong with the first that was not.
  std::pair<std::vector<std::string>, absl::Status> InvokeAtOnce(const std::string& path,
                                                                 const nlohmann::json& parameters,
                                                                 size_t count);

  uint64_t requests() const { return requests_; }  // sent so far
  // Left alone until then, by the clock; not set: not left alone.
  std::optional<SimTime> quiet_until() const { return quiet_until_; }

 private:
  HttpRequest RequestFor(const std::string& method, const std::string& path, const Query& query,
                         const std::string& authorization) const;
  absl::Status MayAsk();
  absl::StatusOr<nlohmann::json> Ask(const HttpRequest& request, uint64_t generation,
                                     const std::string& what, const StopSignal* stop);
  absl::StatusOr<nlohmann::json> Judge(absl::StatusOr<HttpResponse> response,
                                       const std::string& what);
  void LeaveAlone(const absl::Status& why, std::optional<SimTime> retry_after);

  const WhiskClientOptions options_;
  WhiskKey& key_;
  NetClock& clock_;
  HttpClient http_;
  Backoff backoff_;
  std::optional<SimTime> quiet_until_;
  absl::Status quiet_why_;
  uint64_t requests_ = 0;
};

}  // namespace reeve
