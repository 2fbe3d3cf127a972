// A cache of all objects of one kind, kept up to date by list and watch in a thread of its own.
//
// List, then watch from the list's version; every event and bookmark moves the version on. The
// server ends watches in order: the next one goes on from the last version. Whatever shows that the
// version is too old, or that something was not understood, lists again; what the list lacks was
// deleted meanwhile, and is told as deleted. Failures wait with back-off, and the cache stays as it
// was: health() says since when nothing was heard.
//
// Threads: everything may be called from any thread, but Start, Stop and the destructor from one.
// The handler is called in the informer's thread, one change after the other, with no lock held; it
// may call the informer but not Stop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "controller/kube/kube_client.h"
#include "controller/kube/resource.h"
#include "controller/net/backoff.h"
#include "controller/net/clock.h"
#include "core/units.h"

namespace reeve {

using KubeObject = std::shared_ptr<const nlohmann::json>;

struct InformerOptions {
  std::string ns = {};  // empty: all namespaces
  std::string label_selector = {};
  int page = 500;
  // A watch lasts a random time in between, so that watches do not all end at once.
  SimTime watch_at_least = SimTime::Minutes(5);
  SimTime watch_at_most = SimTime::Minutes(10);
  // Bookmarks come about once a minute where something happens; after longer silence a list asks
  // whether the connection is half open.
  SimTime idle_timeout = SimTime::Minutes(3);
  // After 401, 403 and 404 (no such right, kind not installed): tried again that seldom.
  SimTime refused_wait = SimTime::Seconds(30);
  BackoffOptions backoff = {};
  uint64_t seed = 0;
  // Takes from each object what need not be kept; not its metadata's name, namespace and version.
  // Any thread.
  std::function<void(nlohmann::json& object)> trim = nullptr;
};

struct InformerChange {
  KubeObject before = nullptr;  // null: added
  KubeObject after = nullptr;   // null: deleted
};

struct InformerHealth {
  bool synced = false;   // a list has been read
  SimTime last_contact;  // monotonic: when the server last said something that made sense
  // OK when the last attempt went well: also when a watch has stood for a moment since, in which
  // nothing happens.
  absl::Status last_failure;
  uint64_t lists = 0;    // lists read
  uint64_t watches = 0;  // watches begun
};

class Informer {
 public:
  using Handler = std::function<void(const InformerChange& change)>;

  // `client` and `clock` outlive the informer. `handler` may be null.
  Informer(KubeClient& client, const ResourceType& type, InformerOptions options, NetClock& clock,
           Handler handler = nullptr);
  ~Informer();
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  void Start();
  void Stop();  // waits for the thread; again does nothing

  // Null when there is none of this name.
  KubeObject Find(const std::string& ns, const std::string& name) const;
  // All objects, in order of namespace and name.
  std::vector<KubeObject> All() const;
  // Rises with every change of the cache.
  uint64_t version() const;
  InformerHealth health() const;
  const ResourceType& type() const { return type_; }
  // Takes in an object that a write has returned, unless the cache knows a newer one by now: so
  // that the next decision sees the own write at once. Compares as the server would allow:
  // replaces only what is of the version that `read_version` names.
  void Assume(const std::string& read_version, nlohmann::json object);

 private:
  void Loop();
  absl::Status ListAll();
  absl::Status WatchOnce();
  void Trim(nlohmann::json& object) const;
  void Store(KubeObject object);
  void Remove(const std::string& key);
  void Heard(absl::Status status);
  SimTime WaitAfter(const absl::Status& failure);

  KubeClient& client_;
  const ResourceType type_;
  const InformerOptions options_;
  NetClock& clock_;
  const Handler handler_;
  StopSignal stop_;
  std::thread thread_;

  // Of the informer's thread alone.
  std::string resource_version_;  // empty: list first
  Backoff backoff_;
  RandomCursor random_;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, KubeObject> objects_;  // by "namespace/name"
  uint64_t version_ = 0;
  InformerHealth health_;
  std::optional<SimTime> watching_since_;  // unset between watches
};

}  // namespace reeve
