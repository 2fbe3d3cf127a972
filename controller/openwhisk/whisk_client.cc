#include "controller/openwhisk/whisk_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/net/json_reading.h"
#include "controller/openwhisk/whisk_objects.h"
#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

absl::Status StatusOf(int http, const std::string& text) {
  switch (http) {
    case 400:
    case 413:
      return absl::InvalidArgumentError(text);
    case 401:
      return absl::UnauthenticatedError(text);
    case 403:
      return absl::PermissionDeniedError(text);
    case 404:
      return absl::NotFoundError(text);
    case 409:
      return absl::AbortedError(text);
    case 429:
      return absl::ResourceExhaustedError(text);
    default:
      return http == 408 || http >= 500 ? absl::UnavailableError(text) : absl::InternalError(text);
  }
}

// The server, or the way to it, is not well: others would be no better off.
bool IsTrouble(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace

bool WhiskFailureMayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsAborted(status);
}

std::string WhiskUrl(const std::string& endpoint, const std::string& path) {
  std::string url = endpoint;
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url + path;
}

std::string WhiskActionPath(const std::string& ns, const std::string& action) {
  const size_t slash = action.find('/');
  std::string path = "/api/v1/namespaces/" + PercentEncode(ns) + "/actions/";
  if (slash != std::string::npos) path += PercentEncode(action.substr(0, slash)) + "/";
  return path + PercentEncode(slash == std::string::npos ? action : action.substr(slash + 1));
}

absl::StatusOr<std::shared_ptr<const TlsIdentity>> ReadWhiskTls(const WhiskTlsSpec& tls) {
  if (tls.ca_file.empty() && tls.certificate_file.empty()) return nullptr;
  TlsIdentity identity;
  for (const auto& [path, pem] : {std::pair(&tls.ca_file, &identity.ca_pem),
                                  std::pair(&tls.certificate_file, &identity.certificate_pem),
                                  std::pair(&tls.key_file, &identity.key_pem)}) {
    if (path->empty()) continue;
    ASSIGN_OR_RETURN(*pem, ReadFile(*path));
  }
  return std::make_shared<const TlsIdentity>(std::move(identity));
}

WhiskClient::WhiskClient(WhiskClientOptions options, WhiskKey& key, NetClock& clock)
    : options_(std::move(options)),
      key_(key),
      clock_(clock),
      http_("reeve"),
      backoff_(options_.backoff, options_.seed) {}

absl::Status WhiskClient::MayAsk() {
  if (!quiet_until_) return absl::OkStatus();
  const SimTime now = clock_.Now();
  if (now >= *quiet_until_) {
    quiet_until_.reset();
    return absl::OkStatus();
  }
  return absl::Status(quiet_why_.code(),
                      fmt::format("left alone for {:.1f} s more, since {}",
                                  (*quiet_until_ - now).seconds(), MessageOf(quiet_why_)));
}

void WhiskClient::LeaveAlone(const absl::Status& why, std::optional<SimTime> retry_after) {
  const SimTime now = clock_.Now();
  // Longer than a few minutes nobody means it.
  const SimTime said = std::min(retry_after.value_or(SimTime()), SimTime::Minutes(5));
  quiet_until_ = now + std::max(said, backoff_.Next(now));
  quiet_why_ = why;
}

HttpRequest WhiskClient::RequestFor(const std::string& method, const std::string& path,
                                    const Query& query, const std::string& authorization) const {
  HttpRequest request;
  request.method = method;
  request.url = WhiskUrl(options_.endpoint, path);
  if (!query.empty()) request.url += "?" + QueryString(query);
  request.headers = {"Accept: application/json", "Authorization: " + authorization};
  request.tls = options_.tls;
  request.connect_timeout = options_.timeout;
  request.timeout = options_.timeout;
  request.proxy_of_environment = true;
  return request;
}

absl::StatusOr<json> WhiskClient::Judge(absl::StatusOr<HttpResponse> response,
                                        const std::string& what) {
  ++requests_;
  if (!response.ok()) {
    const absl::Status failure(response.status().code(),
                               what + ": " + MessageOf(response.status()));
    if (IsTrouble(failure)) LeaveAlone(failure, std::nullopt);
    return failure;
  }
  if (response->status < 200 || response->status >= 300) {
    const absl::Status failure = StatusOf(
        response->status,
        fmt::format("{}: HTTP {}: {}", what, response->status, WhiskErrorText(response->body)));
    if (IsTrouble(failure)) LeaveAlone(failure, response->retry_after);
    return failure;
  }
  json value = json::parse(response->body, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    const absl::Status failure = absl::UnavailableError(
        fmt::format("{}: the answer is not JSON ({} bytes)", what, response->body.size()));
    LeaveAlone(failure, std::nullopt);
    return failure;
  }
  backoff_.Reset();
  return value;
}

absl::StatusOr<json> WhiskClient::Ask(const HttpRequest& request, uint64_t generation,
                                      const std::string& what, const StopSignal* stop) {
  absl::StatusOr<json> answer = Judge(http_.Perform(request, stop), what);
  if (answer.ok() || !absl::IsUnauthenticated(answer.status()) || !key_.Refused(generation)) {
    return answer;
  }
  // Another key has been written meanwhile.
  ASSIGN_OR_RETURN(const WhiskKeySnapshot key, key_.Current());
  HttpRequest again = request;
  for (std::string& header : again.headers) {
    if (header.rfind("Authorization:", 0) == 0) header = "Authorization: " + key.authorization;
  }
  return Judge(http_.Perform(again, stop), what);
}

absl::StatusOr<json> WhiskClient::Get(const std::string& path, const Query& query,
                                      const StopSignal* stop) {
  RETURN_IF_ERROR(MayAsk());
  ASSIGN_OR_RETURN(const WhiskKeySnapshot key, key_.Current());
  return Ask(RequestFor("GET", path, query, key.authorization), key.generation, "GET " + path,
             stop);
}

absl::StatusOr<json> WhiskClient::Put(const std::string& path, const Query& query,
                                      const json& body) {
  RETURN_IF_ERROR(MayAsk());
  ASSIGN_OR_RETURN(const WhiskKeySnapshot key, key_.Current());
  HttpRequest request = RequestFor("PUT", path, query, key.authorization);
  request.headers.push_back("Content-Type: application/json");
  request.body = ToText(body);
  return Ask(request, key.generation, "PUT " + path, nullptr);
}

std::pair<std::vector<std::string>, absl::Status> WhiskClient::InvokeAtOnce(const std::string& path,
                                                                            const json& parameters,
                                                                            size_t count) {
  std::pair<std::vector<std::string>, absl::Status> result;
  result.second = MayAsk();
  if (!result.second.ok()) return result;
  absl::StatusOr<WhiskKeySnapshot> key = key_.Current();
  if (!key.ok()) {
    result.second = key.status();
    return result;
  }
  HttpRequest request = RequestFor("POST", path, {{"blocking", "false"}}, key->authorization);
  request.headers.push_back("Content-Type: application/json");
  request.body = ToText(parameters);
  const std::vector<HttpRequest> requests(count, request);
  bool refused = false;
  for (auto& response : http_.PerformAll(requests, count)) {
    const absl::StatusOr<json> answer = Judge(std::move(response), "POST " + path);
    if (!answer.ok()) {
      refused = refused || absl::IsUnauthenticated(answer.status());
      if (result.second.ok()) result.second = answer.status();
      continue;
    }
    std::string id = TextAt(*answer, "activationId");
    if (!id.empty()) result.first.push_back(std::move(id));
  }
  // The next round has the new key.
  if (refused) key_.Refused(key->generation);
  return result;
}

}  // namespace reeve
