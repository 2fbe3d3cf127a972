// The requests that HTTP is asked, and who may ask what; knows no sockets. What is served is listed
// in http_server.h.
#pragma once

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controller/serve/bearer_token.h"
#include "controller/serve/http_listener.h"
#include "controller/serve/http_server.h"

namespace reeve {

struct ApiAccess {
  bool loopback = false;               // only this machine can connect
  bool certificate = false;            // a client's certificate is needed
  std::unique_ptr<BearerToken> token;  // null: there is none
};

// Thread-safe.
class ControlApi {
 public:
  ControlApi(HttpSources sources, ApiAccess access)
      : sources_(std::move(sources)), access_(std::move(access)) {}

  // A refusal, or nothing when the request may be made.
  std::optional<ServedAnswer> Judge(const ServedRequest& head) const;
  // Of a request that was let through.
  ServedAnswer Answer(const ServedRequest& request);

 private:
  std::string Health() const;     // what is wrong; empty: nothing
  std::string Readiness() const;  // the same
  nlohmann::json TenantsJson() const;
  // Of the paths that the page asks; nothing for any other.
  std::optional<ServedAnswer> AnswerPage(const ServedRequest& request) const;
  PageAccess AccessOf(const ServedRequest& request) const;
  ServedAnswer Switch(const std::string& body);

  const HttpSources sources_;
  const ApiAccess access_;
  std::mutex switching_;
};

}  // namespace reeve
