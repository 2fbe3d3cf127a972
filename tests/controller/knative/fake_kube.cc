#include "tests/controller/knative/fake_kube.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>

#include "controller/kube/json_reading.h"

namespace reeve {
namespace {

using nlohmann::json;

constexpr size_t kRemembered = 100'000;  // events

ScriptedReply Refuse(int code, const std::string& reason, const std::string& message = "") {
  return {.status = code,
          .body = json{{"kind", "Status"},
                       {"status", "Failure"},
                       {"code", code},
                       {"reason", reason},
                       {"message", message}}
                      .dump()};
}

bool Selected(const json& object, const std::string& selector) {
  // "key" or "key=value", one of them.
  if (selector.empty()) return true;
  const size_t equals = selector.find('=');
  const auto value = LabelOf(object, selector.substr(0, equals));
  return value && (equals == std::string::npos || *value == selector.substr(equals + 1));
}

}  // namespace

struct FakeKube::Target {
  std::string collection;  // "/apis/apps/v1/deployments"
  std::string resource;    // "deployments"
  std::string ns, name, subresource;

  static Target Of(const std::string& path) {
    std::vector<std::string> parts;
    std::stringstream in(path);
    for (std::string part; std::getline(in, part, '/');) {
      if (!part.empty()) parts.push_back(part);
    }
    Target target;
    size_t at = parts.size() > 0 && parts[0] == "api" ? 2 : 3;
    for (size_t i = 0; i < at && i < parts.size(); ++i) target.collection += "/" + parts[i];
    if (at + 2 < parts.size() && parts[at] == "namespaces") {
      target.ns = parts[at + 1];
      at += 2;
    }
    if (at < parts.size()) target.resource = parts[at];
    target.collection += "/" + target.resource;
    if (at + 1 < parts.size()) target.name = parts[at + 1];
    if (at + 2 < parts.size()) target.subresource = parts[at + 2];
    return target;
  }
  std::string key() const { return collection + " " + ns + "/" + name; }
  std::string right() const {
    return subresource.empty() ? resource : resource + "/" + subresource;
  }
};

FakeKube::FakeKube()
    : server_(std::make_unique<ScriptedServer>(
          [this](const ScriptedRequest& request) { return Answer(request); })) {}

void FakeKube::Forbid(const std::string& verb, const std::string& resource) {
  const std::lock_guard lock(mutex_);
  forbidden_.insert(verb + " " + resource);
}

void FakeKube::Allow(const std::string& verb, const std::string& resource) {
  const std::lock_guard lock(mutex_);
  forbidden_.erase(verb + " " + resource);
}

void FakeKube::Break(int status) {
  const std::lock_guard lock(mutex_);
  broken_ = status;
}

void FakeKube::ExpireWatches() {
  const std::lock_guard lock(mutex_);
  oldest_ = ++version_;
  events_.clear();
  changed_.notify_all();
  server_->EndHeld();
}

std::vector<std::string> FakeKube::writes() const {
  const std::lock_guard lock(mutex_);
  return writes_;
}

void FakeKube::SetBetween(Between between) {
  const std::lock_guard lock(mutex_);
  between_ = between ? std::make_shared<const Between>(std::move(between)) : nullptr;
}

void FakeKube::EndWatches() {
  const std::lock_guard lock(mutex_);
  ++ended_;
  changed_.notify_all();
}

void FakeKube::Garble(const std::string& noise) {
  const std::lock_guard lock(mutex_);
  ++garbled_;
  noise_ = noise;
  changed_.notify_all();
}

ScriptedReply FakeKube::Answer(const ScriptedRequest& request) {
  std::shared_ptr<const Between> between;
  {
    const std::lock_guard lock(mutex_);
    between = between_;
  }
  if (between == nullptr) return AnswerAlone(request);
  return (*between)(request, [&] { return AnswerAlone(request); });
}

ScriptedReply FakeKube::AnswerAlone(const ScriptedRequest& request) {
  const Target target = Target::Of(request.path);
  const std::lock_guard lock(mutex_);
  if (broken_ != 0) return Refuse(broken_, "Broken");
  const bool watch = request.query.count("watch") > 0;
  const std::map<std::string, std::string> verbs = {
      {"POST", "create"}, {"PATCH", "patch"}, {"PUT", "update"}, {"DELETE", "delete"}};
  const std::string verb = request.method != "GET" ? verbs.at(request.method)
                           : watch                 ? "watch"
                           : target.name.empty()   ? "list"
                                                   : "get";
  if (forbidden_.count(verb + " " + target.right()) > 0) {
    return Refuse(403, "Forbidden", fmt::format("cannot {} {}", verb, target.right()));
  }
  if (request.path == "/api/v1") {
    return {
        .body =
            R"({"kind":"APIResourceList","resources":[{"name":"pods"},{"name":"pods/resize"}]})"};
  }
  if (request.method != "GET") return Change(target, request);
  if (watch) return Watch(target, request);
  if (target.name.empty()) return List(target, request);
  const auto found = objects_.find(target.key());
  if (found == objects_.end()) return Refuse(404, "NotFound", target.name + " not found");
  return {.body = found->second.dump()};
}

ScriptedReply FakeKube::List(const Target& target, const ScriptedRequest& request) {
  const auto parameter = [&](const char* name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
  };
  const std::string selector = parameter("labelSelector"), limit = parameter("limit");
  const size_t most = limit.empty() ? SIZE_MAX : std::stoull(limit);
  // Where the page before ended, and of which version all pages are: "VERSION KEY".
  const std::string before = parameter("continue");
  std::string version = std::to_string(version_);
  const std::string prefix = target.collection + " ";
  auto at = objects_.lower_bound(prefix);
  if (const size_t blank = before.find(' '); blank != std::string::npos) {
    version = before.substr(0, blank);
    at = objects_.upper_bound(before.substr(blank + 1));
  }
  json items = json::array();
  json metadata = {{"resourceVersion", version}};
  std::string last;
  for (; at != objects_.end() && at->first.starts_with(prefix); ++at) {
    const json& object = at->second;
    if (!target.ns.empty() && TextAt(object, "metadata.namespace") != target.ns) continue;
    if (!Selected(object, selector)) continue;
    if (items.size() == most) {
      metadata["continue"] = version + " " + last;
      break;
    }
    items.push_back(object);
    last = at->first;
  }
  return {.body = json{{"metadata", std::move(metadata)}, {"items", std::move(items)}}.dump()};
}

ScriptedReply FakeKube::Watch(const Target& target, const ScriptedRequest& request) {
  auto state = std::make_shared<WatchState>();
  state->from = std::stoll(request.query.at("resourceVersion"));
  if (state->from < oldest_) return Refuse(410, "Expired", "too old resource version");
  const auto given = request.query.find("labelSelector");
  state->selector = given == request.query.end() ? "" : given->second;
  state->collection = target.collection;
  state->ns = target.ns;
  state->ended = ended_;
  state->garbled = garbled_;
  std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
  watches_.push_back(state);
  ScriptedReply reply;
  reply.stream = [this, state]() -> std::optional<ScriptedReply::Piece> {
    std::unique_lock lock(mutex_);
    state->waits = true;
    changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return HasNews(*state); });
    if (!HasNews(*state)) {
      state->from = version_;  // nothing until then is for it
      return std::nullopt;
    }
    state->waits = false;
    if (IsOver(*state)) return ScriptedReply::Piece{.text = "", .last = true};
    if (state->garbled != garbled_) {
      state->garbled = garbled_;
      state->ended = -1;  // no client goes on with it
      return ScriptedReply::Piece{.text = noise_, .last = false};
    }
    const Event& event = *NextEvent(*state);
    state->from = event.version;
    return ScriptedReply::Piece{.text = event.line, .last = false};
  };
  return reply;
}

bool FakeKube::IsOver(const WatchState& watch) const {
  return watch.from < oldest_ || watch.ended != ended_;
}

const FakeKube::Event* FakeKube::NextEvent(const WatchState& watch) const {
  const auto news =
      std::upper_bound(events_.begin(), events_.end(), watch.from,
                       [](int64_t version, const Event& event) { return version < event.version; });
  for (auto at = news; at != events_.end(); ++at) {
    if (at->collection != watch.collection) continue;
    if (!watch.ns.empty() && at->ns != watch.ns) continue;
    if (Selected(at->object, watch.selector)) return &*at;
  }
  return nullptr;
}

bool FakeKube::HasNews(const WatchState& watch) const {
  return IsOver(watch) || watch.garbled != garbled_ || NextEvent(watch) != nullptr;
}

void FakeKube::AwaitNoWatches() {
  EndWatches();
  const auto open = [this] {
    const std::lock_guard lock(mutex_);
    return std::any_of(watches_.begin(), watches_.end(),
                       [](const auto& watch) { return !watch.expired(); });
  };
  while (open()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

int FakeKube::silent_watches() const {
  const std::lock_guard lock(mutex_);
  int silent = 0;
  for (const std::weak_ptr<WatchState>& each : watches_) {
    const std::shared_ptr<WatchState> watch = each.lock();
    if (watch == nullptr) continue;
    if (!watch->waits || HasNews(*watch)) return 0;
    ++silent;
  }
  return silent;
}

void FakeKube::Record(const char* type, const Target& target, json& object) {
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  const json line = {{"type", type}, {"object", object}};
  events_.push_back({version_, target.collection, target.ns, line.dump() + "\n", object});
  if (events_.size() > kRemembered) {
    oldest_ = events_.front().version;
    events_.pop_front();
  }
  changed_.notify_all();
}

std::vector<std::string> FakeKube::TakeWrites() {
  const std::lock_guard lock(mutex_);
  return std::exchange(writes_, {});
}

FakeKube::Target FakeKube::TargetOf(const ResourceType& type, const std::string& ns,
                                    const std::string& name) {
  Target target;
  target.resource = std::string(type.plural);
  target.collection = (type.group.empty() ? "/api/" : "/apis/" + std::string(type.group) + "/") +
                      std::string(type.version) + "/" + target.resource;
  target.ns = ns;
  target.name = name;
  return target;
}

void FakeKube::Put(const ResourceType& type, json object) {
  const std::lock_guard lock(mutex_);
  const Target target =
      TargetOf(type, TextAt(object, "metadata.namespace"), TextAt(object, "metadata.name"));
  const bool there = objects_.count(target.key()) > 0;
  if (!there && TextAt(object, "metadata.uid").empty()) {
    object["metadata"]["uid"] = fmt::format("{:08x}-0000", version_);
  }
  Record(there ? "MODIFIED" : "ADDED", target, object);
  objects_[target.key()] = std::move(object);
}

json FakeKube::Get(const ResourceType& type, const std::string& ns, const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(TargetOf(type, ns, name).key());
  return found == objects_.end() ? json() : found->second;
}

void FakeKube::Remove(const ResourceType& type, const std::string& ns, const std::string& name) {
  const std::lock_guard lock(mutex_);
  const Target target = TargetOf(type, ns, name);
  const auto found = objects_.find(target.key());
  if (found == objects_.end()) return;
  json object = std::move(found->second);
  objects_.erase(found);
  Record("DELETED", target, object);
}

ScriptedReply FakeKube::Change(const Target& target, const ScriptedRequest& request) {
  const json body = json::parse(request.body, nullptr, false);
  std::string name = target.name;
  if (request.method == "POST") name = TextAt(body, "metadata.name");
  Target at = target;
  at.name = name;
  const auto found = objects_.find(at.key());
  const bool there = found != objects_.end();
  writes_.push_back(fmt::format("{} {} {}/{}", request.method, target.right(), target.ns, name));
  if (request.method == "POST") {
    if (there) return Refuse(409, "AlreadyExists", name);
    json object = body;
    object["metadata"]["namespace"] = target.ns;
    object["metadata"]["generation"] = 1;
    if (TextAt(object, "metadata.uid").empty()) {
      object["metadata"]["uid"] = fmt::format("{:08x}-0000", version_);
    }
    Record("ADDED", at, object);
    objects_[at.key()] = object;
    return {.status = 201, .body = object.dump()};
  }
  if (!there) return Refuse(404, "NotFound", name + " not found");
  json object = found->second;
  if (request.method == "DELETE") {
    // A pod that is on a node goes when its kubelet says so, by a deletion without grace.
    const auto grace = request.query.find("gracePeriodSeconds");
    if (target.resource == "pods" && !TextAt(object, "spec.nodeName").empty() &&
        (grace == request.query.end() || grace->second != "0")) {
      object["metadata"]["deletionTimestamp"] = "2026-11-23T06:17:30Z";
      if (object == found->second) return {.body = object.dump()};
      Record("MODIFIED", at, object);
      objects_[at.key()] = object;
      return {.body = object.dump()};
    }
    Record("DELETED", at, object);
    objects_.erase(found);
    return {.body = "{}"};
  }
  const std::string wanted = TextAt(body, "metadata.resourceVersion");
  if (!wanted.empty() && wanted != TextAt(object, "metadata.resourceVersion")) {
    return Refuse(409, "Conflict", "the object has been modified");
  }
  if (request.method == "PUT") {
    object = body;
  } else if (target.subresource == "scale") {
    object["spec"]["replicas"] = body["spec"]["replicas"];
  } else if (target.subresource == "resize") {
    // A strategic merge: the lists merge by name.
    for (const json& container : body["spec"]["containers"]) {
      for (json& own : object["spec"]["containers"]) {
        if (own["name"] == container["name"]) own.merge_patch(container);
      }
    }
  } else if (target.subresource == "status") {
    object["status"].merge_patch(body["status"]);
  } else {
    object.merge_patch(body);
  }
  if (object == found->second) return {.body = object.dump()};
  Record("MODIFIED", at, object);
  objects_[at.key()] = object;
  return {.body = object.dump()};
}

}  // namespace reeve
