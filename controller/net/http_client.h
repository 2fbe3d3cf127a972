// HTTP(S) requests over libcurl: whole answers within a size and a time limit, several at once, and
// answers without end that are handed on as they come. TLS certificates are always verified.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/net/clock.h"
#include "core/units.h"

namespace reeve {

// Who is trusted and who we are, as PEM text; empty: the system's authorities, no client
// certificate.
struct TlsIdentity {
  std::string ca_pem = {};
  std::string certificate_pem = {};
  std::string key_pem = {};

  bool operator==(const TlsIdentity&) const = default;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;                   // http or https only
  std::vector<std::string> headers;  // "Name: value"
  std::string body;  // sent unless the method is GET, HEAD or DELETE and it is empty
  std::shared_ptr<const TlsIdentity> tls;  // null: as an empty one
  // "HOST:PORT" to connect to instead of what the URL says; the certificate must still be the
  // URL's.
  std::string connect_to;
  bool proxy_of_environment = false;  // HTTPS_PROXY, NO_PROXY, …; false: always a direct connection

  SimTime connect_timeout = SimTime::Seconds(5);
  SimTime timeout = SimTime::Seconds(30);  // the whole request; for Stream: Max() = none
  SimTime idle_timeout = SimTime::Max();   // without a byte: given up (whole seconds, rounded up)
  size_t max_body_bytes = 64u << 20;       // of the answer, after decompression
  // Called when an answer with status 200 has begun, before any of its body. Must not block.
  std::function<void()> on_begin = nullptr;
};

struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::optional<SimTime> retry_after;  // header Retry-After in seconds; dates are left out
  std::string body;
};

// A client with connections that are kept and used again. Not thread-safe: one thread at a time.
class HttpClient {
 public:
  // `user_agent`: "reeve/0.1.0".
  explicit HttpClient(std::string user_agent);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Answers of every HTTP status are OK here. Errors name method and URL:
  //   Unavailable         no connection, reset, answer cut short, name not found
  //   DeadlineExceeded    connect_timeout, timeout or idle_timeout has passed
  //   Unauthenticated     the server's certificate does not verify; or ours was refused
  //   ResourceExhausted   the answer is longer than max_body_bytes
  //   Cancelled           `stop`
  //   InvalidArgument     not a URL, or not http(s)
  absl::StatusOr<HttpResponse> Perform(const HttpRequest& request,
                                       const StopSignal* stop = nullptr);

  // The answers in the order of the requests, at most `parallel` under way at once.
  std::vector<absl::StatusOr<HttpResponse>> PerformAll(const std::vector<HttpRequest>& requests,
                                                       size_t parallel,
                                                       const StopSignal* stop = nullptr);

  // Hands the body of an answer with status 200 on as it comes; the response's body stays empty.
  // With another status the body is collected as by Perform. `sink` returning an error ends the
  // request with that error. max_body_bytes holds for collected bodies only.
  using Sink = std::function<absl::Status(std::string_view chunk)>;
  absl::StatusOr<HttpResponse> Stream(const HttpRequest& request, const Sink& sink,
                                      const StopSignal* stop = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Percent-encodes everything but unreserved characters (RFC 3986, 2.3).
std::string PercentEncode(std::string_view text);

// "k=v&k=v", encoded.
std::string QueryString(const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace reeve
