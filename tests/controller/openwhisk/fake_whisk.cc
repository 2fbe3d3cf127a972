#include "tests/controller/openwhisk/fake_whisk.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/escaping.h"

namespace reeve {

using nlohmann::json;

namespace {

constexpr const char* kBase = "/api/v1/namespaces";

ScriptedReply Ok(const json& value) {
  return {.body = value.dump()};
}

json Annotated(const std::string& key, const json& value) {
  return {{"key", key}, {"value", value}};
}

std::string NextVersion(const std::string& version) {
  const size_t dot = version.rfind('.');
  return version.substr(0, dot + 1) + std::to_string(std::stoi(version.substr(dot + 1)) + 1);
}

}  // namespace

ScriptedReply WhiskError(int status, const std::string& text) {
  return {.status = status, .body = json{{"error", text}, {"code", "aBcD"}}.dump()};
}

FakeWhisk::FakeWhisk(ScriptedServer::Security security) {
  SetKey(kKey);
  server_ = std::make_unique<ScriptedServer>(
      [this](const ScriptedRequest& request) { return Handle(request); }, security);
}

void FakeWhisk::SetKey(const std::string& key, const std::string& ns) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  authorization_ = "Basic " + absl::Base64Escape(key);
  ns_ = ns;
}

void FakeWhisk::SetLimits(const json& namespace_limits) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  limits_ = namespace_limits;
}

void FakeWhisk::AddAction(const std::string& path, const json& limits, const json& annotations) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  const size_t slash = path.find('/');
  json action = {
      {"namespace", slash == std::string::npos ? ns_ : ns_ + "/" + path.substr(0, slash)},
      {"name", slash == std::string::npos ? path : path.substr(slash + 1)},
      {"version", "0.0.1"},
      {"publish", false},
      {"exec", {{"binary", false}}},
      {"limits", {{"timeout", 60000}, {"memory", 256}, {"logs", 10}, {"concurrency", 1}}},
      {"annotations", json::array({Annotated("exec", "nodejs:20")})}};
  action["limits"].update(limits);
  for (const json& annotation : annotations) action["annotations"].push_back(annotation);
  actions_[path] = action;
}

void FakeWhisk::RemoveAction(const std::string& path) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  actions_.erase(path);
}

json FakeWhisk::Action(const std::string& path) const {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  return actions_.at(path);
}

json FakeWhisk::Annotation(const std::string& path, const std::string& key) const {
  const json action = Action(path);
  for (const json& entry : action["annotations"]) {
    if (entry["key"] == key) return entry["value"];
  }
  return nullptr;
}

// As updateWhiskAction: what is given replaces, limits one by one, annotations by key.
void FakeWhisk::Merge(json& action, const json& body) {
  if (body.contains("limits")) action["limits"].update(body["limits"]);
  json annotations = json::array();
  const auto has = [](const json& list, const json& key) {
    return std::any_of(list.begin(), list.end(),
                       [&](const json& entry) { return entry["key"] == key; });
  };
  const json given = body.value("annotations", json::array());
  const json removed = body.value("delAnnotations", json::array());
  for (const json& entry : action["annotations"]) {
    const bool gone = std::find(removed.begin(), removed.end(), entry["key"]) != removed.end();
    if (!gone && !has(given, entry["key"])) annotations.push_back(entry);
  }
  for (const json& entry : given) annotations.push_back(entry);
  action["annotations"] = annotations;
  action["version"] = NextVersion(action["version"]);
}

void FakeWhisk::Update(const std::string& path, const json& body) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  Merge(actions_.at(path), body);
}

void FakeWhisk::Touch(const std::string& path, int64_t updated_ms) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  actions_.at(path)["updated"] = updated_ms;
}

std::string FakeWhisk::AddRecord(const Record& record) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  const size_t slash = record.path.find('/');
  json one = {{"namespace", ns_},
              {"name", slash == std::string::npos ? record.path : record.path.substr(slash + 1)},
              {"publish", false},
              {"start", record.start_ms}};
  one["activationId"] = record.id.empty() ? fmt::format("{:032x}", next_id_++) : record.id;
  one["version"] = !record.version.empty()           ? json(record.version)
                   : actions_.count(record.path) > 0 ? actions_[record.path]["version"]
                                                     : json("0.0.1");
  one["annotations"] =
      json::array({Annotated("path", ns_ + "/" + record.path), Annotated("kind", "nodejs:20"),
                   Annotated("waitTime", record.wait_ms)});
  if (record.init_ms) one["annotations"].push_back(Annotated("initTime", *record.init_ms));
  if (record.timeout) one["annotations"].push_back(Annotated("timeout", true));
  if (record.end_ms) {
    one["end"] = *record.end_ms;
    one["duration"] = *record.end_ms - record.start_ms;
    one["statusCode"] = record.status_code;
  }
  const std::string id = one["activationId"];
  for (json& known : records_) {
    if (known["activationId"] != id) continue;
    known = one;
    return id;
  }
  records_.push_back(one);
  return id;
}

void FakeWhisk::Finish(const std::string& id, int64_t end_ms) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  for (json& record : records_) {
    if (record["activationId"] != id) continue;
    record["end"] = end_ms;
    record["statusCode"] = 0;
  }
}

void FakeWhisk::SetHooks(Hook before, Hook handled) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  before_ = std::move(before);
  handled_ = std::move(handled);
}

size_t FakeWhisk::CountOf(const std::string& method) const {
  size_t count = 0;
  for (const ScriptedRequest& request : requests()) count += request.method == method;
  return count;
}

std::vector<json> FakeWhisk::puts() const {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  return puts_;
}

std::vector<std::string> FakeWhisk::invoked() const {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  return invoked_;
}

ScriptedReply FakeWhisk::Handle(const ScriptedRequest& request) {
  Hook before, handled;
  {
    const std::lock_guard<std::recursive_mutex> lock(mutex_);
    before = before_;
    handled = handled_;
  }
  if (before) {
    if (const auto reply = before(request)) return *reply;
  }
  const ScriptedReply reply = Answer(request);
  if (handled) {
    if (const auto other = handled(request)) return *other;
  }
  return reply;
}

ScriptedReply FakeWhisk::Answer(const ScriptedRequest& request) {
  const std::lock_guard<std::recursive_mutex> lock(mutex_);
  if (request.path == "/") {
    return Ok({{"description", "OpenWhisk"},
               {"limits",
                {{"actions_per_minute", 120},
                 {"concurrent_actions", 30},
                 {"min_action_memory", 128 << 20},
                 {"max_action_memory", 512 << 20}}}});
  }
  const auto shown = request.headers.find("authorization");
  if (shown == request.headers.end() || shown->second != authorization_) {
    return WhiskError(401, "The supplied authentication is invalid.");
  }
  if (request.path == kBase) return Ok(json::array({ns_}));
  std::string rest = request.path.substr(std::string(kBase).size() + 1);
  const std::string ns = rest.substr(0, rest.find('/'));
  if (ns != "_" && ns != ns_)
    return WhiskError(403, "The supplied authentication is not authorized.");
  rest = rest.substr(ns.size() + 1);
  if (rest == "limits") return Ok(limits_);
  if (rest == "activations") return ListActivations(request);
  if (rest == "actions") {
    json all = json::array();
    for (const auto& [path, action] : actions_) all.push_back(action);
    const size_t skip = std::stoul(request.query.at("skip"));
    const size_t limit = std::stoul(request.query.at("limit"));
    json page = json::array();
    for (size_t i = skip; i < all.size() && i < skip + limit; ++i) page.push_back(all[i]);
    return Ok(page);
  }
  const std::string path = rest.substr(std::string("actions/").size());
  if (actions_.count(path) == 0) return WhiskError(404, "The requested resource does not exist.");
  if (request.method == "PUT") return Put(path, request.body);
  if (request.method == "POST") {
    const std::string id = fmt::format("{:032x}", next_id_++);
    invoked_.push_back(id);
    if (on_invoke) on_invoke(path, id);
    ScriptedReply reply = Ok({{"activationId", id}});
    reply.status = 202;
    return reply;
  }
  return Ok(actions_[path]);
}

ScriptedReply FakeWhisk::Put(const std::string& path, const std::string& body) {
  const json parsed = json::parse(body);
  puts_.push_back(parsed);
  const int64_t memory = parsed.value("/limits/memory"_json_pointer, int64_t{256});
  if (memory > 512 || memory < 128) {
    return WhiskError(400, "The request content was malformed:\nrequirement failed: memory");
  }
  Merge(actions_[path], parsed);
  return Ok(actions_[path]);
}

// As upstream: by start, the latest first.
ScriptedReply FakeWhisk::ListActivations(const ScriptedRequest& request) const {
  const auto number = [&](const char* key, int64_t otherwise) {
    const auto found = request.query.find(key);
    return found == request.query.end() ? otherwise : std::stoll(found->second);
  };
  const int64_t limit = number("limit", 30), since = number("since", 0);
  if (limit > 200) return WhiskError(400, "The value '201' is not in the range of 0 to 200.");
  std::vector<std::pair<int64_t, const json*>> found;
  for (const json& record : records_) {
    const int64_t start = record["start"].get<int64_t>();
    if (start >= since) found.emplace_back(start, &record);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  json page = json::array();
  for (int64_t i = number("skip", 0); i < static_cast<int64_t>(found.size()); ++i) {
    if (static_cast<int64_t>(page.size()) == limit) break;
    page.push_back(*found[static_cast<size_t>(i)].second);
  }
  return Ok(page);
}

}  // namespace reeve
