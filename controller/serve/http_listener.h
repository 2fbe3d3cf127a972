// HTTP/1.1 for peers that nobody trusts: whoever connects gets little time, little memory and one
// answer.
//
// One thread serves all connections, so that a peer that sends slowly, or nothing, costs a
// connection and no thread. When all connections are taken, a new one takes the place of the one
// that has waited longest without having asked for anything it may have. A request's head is judged
// before its body is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "controller/serve/server_tls.h"
#include "core/units.h"

namespace reeve {

struct ServedRequest {
  std::string method;         // "GET"
  std::string path;           // decoded, without the query
  std::string query;          // as it came, without the question mark
  std::string authorization;  // of the header; empty without one
  std::string host;           // of the header, with the port if it has one; empty without one
  std::string request_id;     // of the header X-Request-ID; empty without one
  bool certificate = false;   // the peer has shown one that the authority for clients has signed
  std::string local_address;  // of ours, that the peer connected to; without the port
  std::string body;           // empty while the head is judged
};

// `target`: what stands between method and version in a request's first line.
ServedRequest HeadOf(std::string method, const std::string& target, std::string authorization);

// For tests of clients: how an answer breaks off.
enum class AnswerCut : uint8_t {
  kNone,
  kBeforeHead,  // the connection ends without an answer
  kInBody,      // it ends after half of the body
};

struct ServedAnswer {
  int code = 200;
  std::string body;
  const char* content_type = "text/plain";
  bool ask_for_token = false;  // WWW-Authenticate: Bearer
  // What a browser may do with it: nothing, unless it is the page.
  const char* content_security_policy = "default-src 'none'; frame-ancestors 'none'";
  std::vector<std::pair<std::string, std::string>> headers =
      {};  // beside those that are always set
  AnswerCut cut = AnswerCut::kNone;
};

// Takes the answer to one request; any thread, also when the listener is gone already. What is
// handed to it a second time is dropped.
using Reply = std::function<void(ServedAnswer)>;

struct HttpLimits {
  size_t connections = 128;
  size_t head_bytes = 8 << 10;
  size_t body_bytes = 64 << 10;
  // From a connection's beginning, or its last answer, to the end of the next request; and for
  // taking an answer.
  SimTime request_time = SimTime::Seconds(10);
  int requests = 1000;  // of one connection
};

struct HttpHandlers {
  // Refuses, by the head alone, or lets the request through. Both are called on the one thread.
  std::function<std::optional<ServedAnswer>(const ServedRequest& head)> judge;
  std::function<ServedAnswer(const ServedRequest& request)> answer;
  // In place of `answer`: `reply` is called once, at once or later. Until then the request costs
  // its connection, and no thread.
  std::function<void(const ServedRequest& request, Reply reply)> answer_later;
};

class HttpListener {
 public:
  // Listens and answers on a thread of its own from now on. `tls` null: plain. Port 0: any free
  // one. Unavailable when it cannot listen there.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Start(const std::string& host, int port,
                                                             std::unique_ptr<ServerTls> tls,
                                                             HttpHandlers handlers,
                                                             const HttpLimits& limits = {});
  ~HttpListener();

  int port() const;

 private:
  class Impl;
  explicit HttpListener(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The value of a parameter of a query, decoded: "a=1&b=x%20y" has "x y" for "b". Empty when it is
// not there.
std::string QueryParameter(const std::string& query, const std::string& name);
// "%20" is a blank and, where `plus`, so is "+". What is no escape stays as it is.
std::string PercentDecoded(const std::string& text, bool plus);

}  // namespace reeve
