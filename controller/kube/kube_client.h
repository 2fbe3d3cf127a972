// A client of the Kubernetes API: one object, lists in pages, the ways to change objects, and the
// raw stream of a watch (controller/kube/informer.h makes a cache of it).
//
// What is tried again, with waits that grow and jitter, or as Retry-After says:
//   429, and 503 with Retry-After     always: the server did nothing
//   401                               once, when credentials read anew differ
//   other 5xx, no connection, resets  where repeating is harmless: reads, and patches that set
//   values
// until `patience` has passed. Errors are those of controller/kube/api_error.h and
// controller/net/http_client.h; the message begins with what was tried.
//
// Thread-safe; calls of several threads run at the same time on connections of their own.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/kube/credentials.h"
#include "controller/kube/resource.h"
#include "controller/net/backoff.h"
#include "controller/net/clock.h"
#include "controller/net/http_client.h"

namespace reeve {

struct KubeClientOptions {
  std::string user_agent = "reeve";
  // Requests of this client; watches count once, when they begin.
  double requests_per_second = 20;
  double burst = 40;
  SimTime connect_timeout = SimTime::Seconds(3);
  SimTime request_timeout = SimTime::Seconds(10);  // one try
  SimTime patience = SimTime::Seconds(8);          // no further try begins later than this
  size_t max_body_bytes = 256u << 20;              // of a page
  BackoffOptions backoff = {};
  uint64_t seed = 0;  // of the jitter
};

enum class PatchKind {
  kMerge,      // application/merge-patch+json: null removes a key
  kStrategic,  // application/strategic-merge-patch+json: lists merge by their key (not for CRDs)
  kJson,       // application/json-patch+json: operations; not repeated after unclear failures
  kApply,      // application/apply-patch+yaml: server-side apply; field_manager is needed
};

struct CallOptions {
  bool dry_run = false;            // the server validates and answers, and stores nothing
  std::string field_manager = {};  // who owns what is set
  bool force = false;              // kApply only: take what another manager owns
  // Deletion only: the time an object has to end by itself; nullopt: what it says. 0: it is gone at
  // once, which is for whoever has ended what it stands for.
  std::optional<int> grace_seconds = std::nullopt;
  const StopSignal* stop = nullptr;
};

struct ListOptions {
  std::string ns = {};  // empty: all namespaces
  std::string label_selector = {};
  std::string field_selector = {};
  int page = 500;  // objects a request; 0 = all at once
  // Called for each object as its page comes, before the next: to keep less than all of it.
  std::function<void(nlohmann::json&)> trim = nullptr;
  const StopSignal* stop = nullptr;
};

struct KubeList {
  std::string resource_version;  // opaque
  std::vector<nlohmann::json> items;
};

struct WatchOptions {
  std::string ns = {};
  std::string label_selector = {};
  std::string field_selector = {};
  std::string resource_version = {};           // where to go on
  SimTime length = SimTime::Minutes(5);        // the server ends it then; whole seconds
  SimTime idle_timeout = SimTime::Minutes(3);  // silence after which it counts as dead
  std::function<void()> begun = nullptr;       // the server has accepted it; must not block
  const StopSignal* stop = nullptr;
};

class KubeClient {
 public:
  // `credentials` and `clock` outlive the client.
  KubeClient(KubeCredentials& credentials, KubeClientOptions options, NetClock& clock);
  ~KubeClient();

  absl::StatusOr<nlohmann::json> Get(const ObjectRef& object, const CallOptions& options = {});
  // A path of the API that is no object: "/version".
  absl::StatusOr<nlohmann::json> GetPath(const std::string& path, const CallOptions& options = {});
  // All pages. When the list gets too old while it is being read (410) it is read once more, at
  // once and whole.
  absl::StatusOr<KubeList> List(const ResourceType& type, const ListOptions& options = {});
  absl::StatusOr<nlohmann::json> Create(const ResourceType& type, const std::string& ns,
                                        const nlohmann::json& object,
                                        const CallOptions& options = {});
  // With metadata.resourceVersion in it, Aborted when the object has changed since.
  absl::StatusOr<nlohmann::json> Patch(const ObjectRef& object, PatchKind kind,
                                       const nlohmann::json& patch,
                                       const CallOptions& options = {});
  // PUT: `value` replaces the object; Aborted when its resourceVersion is not the current one.
  absl::StatusOr<nlohmann::json> Replace(const ObjectRef& object, const nlohmann::json& value,
                                         const CallOptions& options = {});
  // NotFound when it is gone already.
  absl::Status Delete(const ObjectRef& object, const CallOptions& options = {});
  // Creates a subresource object such as a service account's token (TokenRequest).
  absl::StatusOr<nlohmann::json> Post(const ObjectRef& subresource, const nlohmann::json& value,
                                      const CallOptions& options = {});

  // One watch, from its beginning to its end; `sink` gets the bytes as they come. OK when the
  // server ended it in order. Not tried again: that is for the caller, who knows where it is.
  absl::Status Watch(const ResourceType& type, const WatchOptions& options,
                     const HttpClient::Sink& sink);

  const KubeAccess& access() const { return credentials_.access(); }

 private:
  struct Call {
    std::string method;
    std::string path;
    std::vector<std::pair<std::string, std::string>> query = {};
    std::string content_type = "";
    std::string body = "";
    std::string what = "";  // for messages
    bool repeatable = false;
    const StopSignal* stop = nullptr;
  };

  absl::StatusOr<nlohmann::json> Run(const Call& call);
  absl::StatusOr<HttpResponse> Try(const Call& call, CredentialSnapshot& used);
  absl::StatusOr<nlohmann::json> Write(Call call, const CallOptions& options);
  absl::StatusOr<KubeList> ListOnce(const ResourceType& type, const ListOptions& options);
  absl::Status TakeToken(const StopSignal* stop);
  HttpRequest RequestFor(const Call& call, const CredentialSnapshot& credentials) const;
  std::unique_ptr<HttpClient> TakeConnection();
  void GiveBack(std::unique_ptr<HttpClient> connection);

  KubeCredentials& credentials_;
  const KubeClientOptions options_;
  NetClock& clock_;
  RateLimiter limiter_;
  const StopSignal never_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpClient>> idle_;  // guarded by mutex_
};

}  // namespace reeve
