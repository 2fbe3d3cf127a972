// A small OpenWhisk in memory behind a scripted server: namespaces with keys, actions with partial
// PUTs that make versions, activation records that a test puts there, and what a test lets go
// wrong. It runs nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/controller/scripted_server.h"

namespace reeve {

class FakeWhisk {
 public:
  explicit FakeWhisk(ScriptedServer::Security security = ScriptedServer::Security::kPlain);

  std::string url() const { return server_->url(); }
  static constexpr const char* kKey = "a-uuid:a-secret";
  void SetKey(const std::string& key, const std::string& ns = "guest");  // the only one of it
  void SetLimits(const nlohmann::json& namespace_limits);

  // "hello" or "package/hello".
  void AddAction(const std::string& path, const nlohmann::json& limits = nlohmann::json::object(),
                 const nlohmann::json& annotations = nlohmann::json::array());
  void RemoveAction(const std::string& path);
  nlohmann::json Action(const std::string& path) const;
  nlohmann::json Limits(const std::string& path) const { return Action(path)["limits"]; }
  std::string Version(const std::string& path) const { return Action(path)["version"]; }
  nlohmann::json Annotation(const std::string& path, const std::string& key) const;  // or null
  void Touch(const std::string& path, int64_t updated_ms);
  // As if its owner did it.
  void Update(const std::string& path, const nlohmann::json& body);

  struct Record {
    std::string path;
    int64_t start_ms = 0;
    std::optional<int64_t> end_ms = {};
    int64_t wait_ms = 0;
    std::optional<int64_t> init_ms = {};
    int32_t status_code = 0;
    bool timeout = false;
    std::string version = {};  // empty: the action's
    std::string id = {};       // empty: a new one
  };
  std::string AddRecord(const Record& record);  // its id; a record of this id is replaced
  void Finish(const std::string& id, int64_t end_ms);

  // Answers in place of the server where it returns something; `handled`: afterwards, when the
  // server has done what was asked.
  using Hook = std::function<std::optional<ScriptedReply>(const ScriptedRequest&)>;
  void SetHooks(Hook before, Hook handled = nullptr);

  std::vector<ScriptedRequest> requests() const { return server_->requests(); }
  size_t CountOf(const std::string& method) const;
  std::vector<nlohmann::json> puts() const;  // bodies of those that were carried out
  std::vector<std::string> invoked() const;  // ids of activations by POST
  std::function<void(const std::string& path, const std::string& id)> on_invoke;

 private:
  ScriptedReply Handle(const ScriptedRequest& request);
  ScriptedReply Answer(const ScriptedRequest& request);
  ScriptedReply Put(const std::string& path, const std::string& body);
  ScriptedReply ListActivations(const ScriptedRequest& request) const;
  void Merge(nlohmann::json& action, const nlohmann::json& body);

  mutable std::recursive_mutex mutex_;  // on_invoke may call us
  // Guarded by mutex_.
  std::string authorization_, ns_;
  nlohmann::json limits_ = nlohmann::json::object();
  std::map<std::string, nlohmann::json> actions_;
  std::vector<nlohmann::json> records_;
  std::vector<nlohmann::json> puts_;
  std::vector<std::string> invoked_;
  Hook before_, handled_;
  uint64_t next_id_ = 1;

  std::unique_ptr<ScriptedServer> server_;
};

// OpenWhisk's error answers.
ScriptedReply WhiskError(int status, const std::string& text);

}  // namespace reeve
