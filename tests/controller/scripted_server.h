// An HTTP(S) server on 127.0.0.1 for tests, which answers as it is told: with any status, cut
// short, slowly, not at all, or without end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/units.h"

namespace reeve {

struct ScriptedRequest {
  std::string method;
  std::string path;                            // without the query
  std::map<std::string, std::string> query;    // decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct ScriptedReply {
  int status = 200;
  std::string body = "";
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
  // In place of a body: sent one after another, `pause` before each, as chunks without a length.
  std::vector<std::string> chunks = {};
  SimTime pause = SimTime();
  bool cut = false;   // the connection ends in the middle of the body
  bool hold = false;  // after the chunks nothing comes, and the connection stays open
  // In place of all of these: asked again and again; what it returns is sent as a chunk, the end of
  // its texts ends the answer in order, and nullopt is asked again soon.
  struct Piece {
    std::string text;
    bool last = false;
  };
  std::function<std::optional<Piece>()> stream = nullptr;
};

// Keys and certificates made for one test program.
struct TestCertificates {
  std::string ca_pem, other_ca_pem;        // the other one has signed nothing
  std::string server_pem, server_key_pem;  // for 127.0.0.1 and "api.test"
  std::string client_pem, client_key_pem;
  static const TestCertificates& Get();
};

class ScriptedServer {
 public:
  using Handler = std::function<ScriptedReply(const ScriptedRequest&)>;
  enum class Security { kPlain, kTls, kTlsClientCertificate };

  // The handler may be called by several threads at once.
  explicit ScriptedServer(Handler handler, Security security = Security::kPlain);
  ~ScriptedServer();  // ends what is held
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const;
  std::string url() const;  // "http://127.0.0.1:PORT"
  std::vector<ScriptedRequest> requests() const;
  void EndHeld();  // connections that are held end in order

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Takes connections, reads what comes first, writes `bytes` and resets the connection.
class RawServer {
 public:
  explicit RawServer(std::string bytes);
  ~RawServer();
  std::string url() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve
