// The part of a Kubernetes API server that Reeve uses, in memory: objects of any kind, versions and
// conflicts, lists, watches, merge patches, subresources, and rights that can be taken away. What
// the tests find with it, scripts/test-live finds with a real API server.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "controller/kube/resource.h"
#include "tests/controller/scripted_server.h"

namespace reeve {

class FakeKube {
 public:
  FakeKube();
  std::string url() const { return server_->url(); }

  // From now on requests with this verb ("get", "list", "watch", "create", "patch", "update",
  // "delete") to this resource ("revisions", "deployments/scale") are refused with 403.
  void Forbid(const std::string& verb, const std::string& resource);
  void Allow(const std::string& verb, const std::string& resource);
  // Answers with HTTP `status` in place of all requests; 0: as usual.
  void Break(int status);
  // Forgets the history: watches from a version before now get 410.
  void ExpireWatches();
  // From now on this stands between the server and its clients: it is given each request, and what
  // makes the server carry it out and answer. Any of the server's threads; null: nothing does.
  using Between = std::function<ScriptedReply(const ScriptedRequest& request,
                                              const std::function<ScriptedReply()>& answer)>;
  void SetBetween(Between between);
  // Ends all watches in order; waits until none is left; sends each of them this, which is no
  // event.
  void EndWatches();
  void AwaitNoWatches();
  void Garble(const std::string& noise);
  // Watches, when each has told all there is to tell up to now; else 0. One whose client has gone
  // counts for some milliseconds.
  int silent_watches() const;
  // "PATCH revisions ns/name" of all requests that changed something, in order.
  std::vector<std::string> writes() const;
  // The same, of those since the last call.
  std::vector<std::string> TakeWrites();

  // Without HTTP. An object has metadata.name, and metadata.namespace where its kind has one.
  void Put(const ResourceType& type, nlohmann::json object);
  nlohmann::json Get(const ResourceType& type, const std::string& ns,
                     const std::string& name) const;  // null: there is none
  void Remove(const ResourceType& type, const std::string& ns, const std::string& name);

 private:
  struct Event {
    int64_t version = 0;
    std::string collection;  // path without namespace
    std::string ns;
    std::string line;
    nlohmann::json object;
  };
  struct WatchState {
    std::string collection, ns, selector;
    int64_t from = 0;                // the version it has told
    int64_t ended = 0, garbled = 0;  // how often the server had when it began
    bool waits = false;
  };
  struct Target;  // what a path names
  static Target TargetOf(const ResourceType& type, const std::string& ns, const std::string& name);

  ScriptedReply Answer(const ScriptedRequest& request);
  ScriptedReply AnswerAlone(const ScriptedRequest& request);
  ScriptedReply List(const Target& target, const ScriptedRequest& request);
  ScriptedReply Watch(const Target& target, const ScriptedRequest& request);
  ScriptedReply Change(const Target& target, const ScriptedRequest& request);
  bool IsOver(const WatchState& watch) const;
  const Event* NextEvent(const WatchState& watch) const;  // null: none yet
  bool HasNews(const WatchState& watch) const;
  void Record(const char* type, const Target& target, nlohmann::json& object);

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // there is something to tell to watches
  // The rest is guarded by mutex_.
  int64_t version_ = 1000;
  int64_t oldest_ = 0;
  int broken_ = 0;
  std::shared_ptr<const Between> between_;
  int64_t ended_ = 0, garbled_ = 0;  // how often
  std::string noise_;
  std::vector<std::weak_ptr<WatchState>> watches_;
  std::map<std::string, nlohmann::json> objects_;  // by path without subresource
  std::deque<Event> events_;                       // by version; old ones are forgotten
  std::set<std::string> forbidden_;
  std::vector<std::string> writes_;
  std::unique_ptr<ScriptedServer> server_;  // last: its threads use the rest
};

}  // namespace reeve
