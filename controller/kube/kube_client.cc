#include "controller/kube/kube_client.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "controller/kube/api_error.h"
#include "controller/kube/json_reading.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

std::string_view ContentTypeOf(PatchKind kind) {
  switch (kind) {
    case PatchKind::kMerge:
      return "application/merge-patch+json";
    case PatchKind::kStrategic:
      return "application/strategic-merge-patch+json";
    case PatchKind::kJson:
      return "application/json-patch+json";
    case PatchKind::kApply:
      break;
  }
  return "application/apply-patch+yaml";
}

// Did the server certainly do nothing?
bool Untouched(const HttpResponse& response) {
  return response.status == 429 || (response.status == 503 && response.retry_after);
}

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

absl::Status Prefixed(const absl::Status& status, std::string_view what) {
  return absl::Status(status.code(), fmt::format("{}: {}", what, MessageOf(status)));
}

// "https://NAME:PORT" and "HOST:PORT" for a server whose certificate has another name.
std::pair<std::string, std::string> RenamedServer(const KubeAccess& access) {
  const size_t scheme = access.server.find("://") + 3;
  std::string_view authority = std::string_view(access.server).substr(scheme);
  const size_t slash = authority.find('/');
  const std::string rest(slash == std::string_view::npos ? "" : authority.substr(slash));
  authority = authority.substr(0, slash);
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  const std::string port(has_port ? authority.substr(colon + 1) : "443");
  const std::string host(has_port ? authority.substr(0, colon) : authority);
  return {fmt::format("https://{}:{}{}", access.tls_server_name, port, rest), host + ":" + port};
}

}  // namespace

KubeClient::KubeClient(KubeCredentials& credentials, KubeClientOptions options, NetClock& clock)
    : credentials_(credentials),
      options_(std::move(options)),
      clock_(clock),
      limiter_(options_.requests_per_second, options_.burst) {}

KubeClient::~KubeClient() = default;

std::unique_ptr<HttpClient> KubeClient::TakeConnection() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<HttpClient>(options_.user_agent);
  std::unique_ptr<HttpClient> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void KubeClient::GiveBack(std::unique_ptr<HttpClient> connection) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

absl::Status KubeClient::TakeToken(const StopSignal* stop) {
  const SimTime wait = limiter_.Take(clock_.Now());
  if (wait > SimTime() && clock_.WaitFor(wait, stop != nullptr ? *stop : never_)) {
    return absl::CancelledError("stopped");
  }
  return absl::OkStatus();
}

HttpRequest KubeClient::RequestFor(const Call& call, const CredentialSnapshot& credentials) const {
  const KubeAccess& access = credentials_.access();
  HttpRequest request;
  request.method = call.method;
  request.url = access.server;
  if (!access.tls_server_name.empty()) {
    std::tie(request.url, request.connect_to) = RenamedServer(access);
  }
  request.url += call.path;
  if (!call.query.empty()) request.url += "?" + QueryString(call.query);
  request.headers = {"Accept: application/json"};
  if (!call.content_type.empty()) request.headers.push_back("Content-Type: " + call.content_type);
  if (!credentials.token.empty()) {
    request.headers.push_back("Authorization: Bearer " + credentials.token);
  }
  request.body = call.body;
  request.tls = credentials.tls;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = options_.request_timeout;
  request.max_body_bytes = options_.max_body_bytes;
  request.proxy_of_environment = true;
  return request;
}

absl::StatusOr<HttpResponse> KubeClient::Try(const Call& call, CredentialSnapshot& used) {
  RETURN_IF_ERROR(TakeToken(call.stop));
  ASSIGN_OR_RETURN(used, credentials_.Current());
  std::unique_ptr<HttpClient> connection = TakeConnection();
  auto response = connection->Perform(RequestFor(call, used), call.stop);
  GiveBack(std::move(connection));
  return response;
}

absl::StatusOr<json> KubeClient::Run(const Call& call) {
  // By what is called and when, not by how many calls were before it: where threads call at once
  // that would be chance.
  const uint64_t call_seed = XXH3_64bits_withSeed(call.what.data(), call.what.size(),
                                                  static_cast<uint64_t>(clock_.Now().micros()));
  Backoff backoff(options_.backoff, options_.seed + call_seed);
  const SimTime give_up = clock_.Now() + options_.patience;
  for (bool refreshed = false;;) {
    CredentialSnapshot used;
    const absl::StatusOr<HttpResponse> response = Try(call, used);
    absl::Status failure;
    std::optional<SimTime> retry_after;
    bool again = false;
    if (!response.ok()) {
      failure = Prefixed(response.status(), call.what);
      again = call.repeatable && MayPass(failure);
      // A server that got a new certificate from a new authority.
      if (absl::IsUnauthenticated(failure) && !refreshed) {
        refreshed = true;
        if (credentials_.Refused(used.generation)) continue;
      }
    } else if (response->status >= 200 && response->status < 300) {
      json value = json::parse(response->body, nullptr, /*allow_exceptions=*/false);
      if (!value.is_discarded()) return value;
      failure = absl::UnavailableError(
          fmt::format("{}: the answer is not JSON ({} bytes)", call.what, response->body.size()));
      again = call.repeatable;
    } else {
      const ApiError error = ParseApiError(response->status, response->body);
      failure = ToStatus(error, call.what);
      retry_after = response->retry_after ? response->retry_after : error.retry_after;
      again = Untouched(*response) || (call.repeatable && response->status >= 500);
      if (response->status == 401 && !refreshed) {
        refreshed = true;
        if (credentials_.Refused(used.generation)) continue;
      }
    }
    if (!again) return failure;
    const SimTime now = clock_.Now();
    const SimTime wait = std::max(retry_after.value_or(SimTime()), backoff.Next(now));
    if (now + wait > give_up) return failure;
    if (clock_.WaitFor(wait, call.stop != nullptr ? *call.stop : never_)) return failure;
  }
}

absl::StatusOr<json> KubeClient::Get(const ObjectRef& object, const CallOptions& options) {
  return Run({.method = "GET",
              .path = object.Path(),
              .what = "GET " + object.Text(),
              .repeatable = true,
              .stop = options.stop});
}

absl::StatusOr<json> KubeClient::GetPath(const std::string& path, const CallOptions& options) {
  return Run({.method = "GET",
              .path = path,
              .what = "GET " + path,
              .repeatable = true,
              .stop = options.stop});
}

absl::StatusOr<KubeList> KubeClient::List(const ResourceType& type, const ListOptions& options) {
  auto list = ListOnce(type, options);
  if (list.ok() || !absl::IsOutOfRange(list.status())) return list;
  ListOptions whole = options;
  whole.page = 0;
  return ListOnce(type, whole);
}

absl::StatusOr<KubeList> KubeClient::ListOnce(const ResourceType& type,
                                              const ListOptions& options) {
  Call call{.method = "GET",
            .path = CollectionPath(type, options.ns),
            .what = fmt::format("LIST {} {}", type.plural, options.ns),
            .repeatable = true,
            .stop = options.stop};
  KubeList list;
  std::string next;
  do {
    call.query.clear();
    if (!options.label_selector.empty()) {
      call.query.emplace_back("labelSelector", options.label_selector);
    }
    if (!options.field_selector.empty()) {
      call.query.emplace_back("fieldSelector", options.field_selector);
    }
    if (options.page > 0) call.query.emplace_back("limit", std::to_string(options.page));
    if (!next.empty()) call.query.emplace_back("continue", next);
    ASSIGN_OR_RETURN(json page, Run(call));
    const json* items = ArrayAt(page, "items");
    list.resource_version = TextAt(page, "metadata.resourceVersion");
    // An empty list may be written as null.
    if (list.resource_version.empty() || (items == nullptr && !page.contains("items"))) {
      return absl::UnavailableError(call.what + ": the answer is not a list of objects");
    }
    const std::string before = next;
    next = TextAt(page, "metadata.continue");
    if (!next.empty() && next == before) {
      return absl::UnavailableError(call.what + ": the pages do not end");
    }
    if (items != nullptr) {
      for (json& item : page["items"]) {
        if (options.trim) options.trim(item);
        list.items.push_back(std::move(item));
      }
    }
  } while (!next.empty());
  return list;
}

absl::StatusOr<json> KubeClient::Write(Call call, const CallOptions& options) {
  if (options.dry_run) call.query.emplace_back("dryRun", "All");
  if (!options.field_manager.empty()) {
    call.query.emplace_back("fieldManager", options.field_manager);
  }
  if (options.force) call.query.emplace_back("force", "true");
  if (options.grace_seconds && call.method == "DELETE") {
    call.query.emplace_back("gracePeriodSeconds", std::to_string(*options.grace_seconds));
  }
  call.stop = options.stop;
  return Run(call);
}

absl::StatusOr<json> KubeClient::Create(const ResourceType& type, const std::string& ns,
                                        const json& object, const CallOptions& options) {
  return Write(
      {.method = "POST",
       .path = CollectionPath(type, ns),
       .content_type = "application/json",
       .body = ToText(object),
       .what = fmt::format("POST {} {}/{}", type.plural, ns, TextAt(object, "metadata.name"))},
      options);
}

absl::StatusOr<json> KubeClient::Patch(const ObjectRef& object, PatchKind kind, const json& patch,
                                       const CallOptions& options) {
  // A patch that names a version is refused the second time, though it succeeded the first.
  const bool repeatable =
      kind != PatchKind::kJson && TextAt(patch, "metadata.resourceVersion").empty();
  return Write({.method = "PATCH",
                .path = object.Path(),
                .content_type = std::string(ContentTypeOf(kind)),
                .body = ToText(patch),
                .what = "PATCH " + object.Text(),
                .repeatable = repeatable},
               options);
}

absl::StatusOr<json> KubeClient::Replace(const ObjectRef& object, const json& value,
                                         const CallOptions& options) {
  return Write({.method = "PUT",
                .path = object.Path(),
                .content_type = "application/json",
                .body = ToText(value),
                .what = "PUT " + object.Text()},
               options);
}

absl::Status KubeClient::Delete(const ObjectRef& object, const CallOptions& options) {
  return Write({.method = "DELETE", .path = object.Path(), .what = "DELETE " + object.Text()},
               options)
      .status();
}

absl::StatusOr<json> KubeClient::Post(const ObjectRef& subresource, const json& value,
                                      const CallOptions& options) {
  return Write({.method = "POST",
                .path = subresource.Path(),
                .content_type = "application/json",
                .body = ToText(value),
                .what = "POST " + subresource.Text()},
               options);
}

absl::Status KubeClient::Watch(const ResourceType& type, const WatchOptions& options,
                               const HttpClient::Sink& sink) {
  Call call{.method = "GET",
            .path = CollectionPath(type, options.ns),
            .query = {{"watch", "1"},
                      {"allowWatchBookmarks", "true"},
                      {"resourceVersion", options.resource_version},
                      {"timeoutSeconds", std::to_string(options.length / SimTime::Seconds(1))}},
            .what = fmt::format("WATCH {} {}", type.plural, options.ns)};
  if (!options.label_selector.empty()) {
    call.query.emplace_back("labelSelector", options.label_selector);
  }
  if (!options.field_selector.empty()) {
    call.query.emplace_back("fieldSelector", options.field_selector);
  }
  RETURN_IF_ERROR(TakeToken(options.stop));
  ASSIGN_OR_RETURN(const CredentialSnapshot used, credentials_.Current());
  HttpRequest request = RequestFor(call, used);
  // The server ends the watch; if it does not, we do.
  request.timeout = options.length + SimTime::Seconds(30);
  request.idle_timeout = options.idle_timeout;
  request.on_begin = options.begun;
  std::unique_ptr<HttpClient> connection = TakeConnection();
  const auto response = connection->Stream(request, sink, options.stop);
  GiveBack(std::move(connection));
  if (!response.ok()) return Prefixed(response.status(), call.what);
  if (response->status == 200) return absl::OkStatus();
  if (response->status == 401) credentials_.Refused(used.generation);
  return ToStatus(ParseApiError(response->status, response->body), call.what);
}

}  // namespace reeve
