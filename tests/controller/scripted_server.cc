#include "tests/controller/scripted_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "core/check.h"
#include "tests/controller/certificates.h"

namespace reeve {
namespace {

std::unique_ptr<httplib::Server> MakeServer(ScriptedServer::Security security) {
  if (security == ScriptedServer::Security::kPlain) return std::make_unique<httplib::Server>();
  const TestCertificates& files = TestCertificates::Get();
  ParsedIdentity server(files.server_pem, files.server_key_pem);
  X509_STORE* store = nullptr;
  if (security == ScriptedServer::Security::kTlsClientCertificate) {
    store = X509_STORE_new();
    ParsedIdentity authority(files.ca_pem, "");
    X509_STORE_add_cert(store, authority.certificate);
  }
  return std::make_unique<httplib::SSLServer>(server.certificate, server.key, store);
}

}  // namespace

struct ScriptedServer::State {
  Handler handler;
  Security security = Security::kPlain;
  std::unique_ptr<httplib::Server> server;
  int port = 0;
  std::thread thread;
  std::atomic<bool> stopping{false};
  std::atomic<int> releases{0};
  mutable std::mutex mutex;
  std::vector<ScriptedRequest> requests;  // guarded by mutex

  void Answer(const httplib::Request& in, httplib::Response& out);
  void Chunks(const ScriptedReply& reply, httplib::Response& out);
  void Stream(const ScriptedReply& reply, httplib::Response& out);
};

void ScriptedServer::State::Stream(const ScriptedReply& reply, httplib::Response& out) {
  out.set_chunked_content_provider(reply.content_type,
                                   [this, next = reply.stream](size_t, httplib::DataSink& sink) {
                                     while (!stopping && sink.is_writable()) {
                                       const std::optional<ScriptedReply::Piece> piece = next();
                                       if (!piece) {
                                         std::this_thread::sleep_for(std::chrono::milliseconds(2));
                                         continue;
                                       }
                                       if (piece->last) break;
                                       return sink.write(piece->text.data(), piece->text.size());
                                     }
                                     sink.done();
                                     return true;
                                   });
}

void ScriptedServer::State::Chunks(const ScriptedReply& reply, httplib::Response& out) {
  auto next = std::make_shared<size_t>(0);
  const int released = releases.load();
  out.set_chunked_content_provider(
      reply.content_type, [this, reply, next, released](size_t, httplib::DataSink& sink) {
        if (*next < reply.chunks.size()) {
          std::this_thread::sleep_for(std::chrono::microseconds(reply.pause.micros()));
          const std::string& chunk = reply.chunks[(*next)++];
          return sink.write(chunk.data(), chunk.size());
        }
        if (reply.cut) return false;
        while (reply.hold && !stopping && releases == released) {
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
          if (!sink.is_writable()) return false;
        }
        sink.done();
        return true;
      });
}

void ScriptedServer::State::Answer(const httplib::Request& in, httplib::Response& out) {
  ScriptedRequest request;
  request.method = in.method;
  request.path = in.path;
  for (const auto& [key, value] : in.params) request.query[key] = value;
  for (const auto& [key, value] : in.headers) {
    std::string name = key;
    std::transform(name.begin(), name.end(), name.begin(), ::tolower);
    request.headers[name] = value;
  }
  request.body = in.body;
  {
    const std::lock_guard lock(mutex);
    requests.push_back(request);
  }
  const ScriptedReply reply = handler(request);
  out.status = reply.status;
  for (const auto& [name, value] : reply.headers) out.set_header(name, value);
  if (reply.stream) {
    Stream(reply, out);
  } else if (!reply.chunks.empty() || reply.hold || reply.cut) {
    Chunks(reply, out);
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(reply.pause.micros()));
    out.set_content(reply.body, reply.content_type);
  }
}

ScriptedServer::ScriptedServer(Handler handler, Security security)
    : state_(std::make_unique<State>()) {
  state_->handler = std::move(handler);
  state_->security = security;
  state_->server = MakeServer(security);
  REEVE_CHECK(state_->server->is_valid());
  httplib::Server& server = *state_->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(32); };
  server.set_keep_alive_timeout(1);
  server.set_tcp_nodelay(true);
  // Every method and path: handlers of the server itself know no wildcard for methods.
  server.set_pre_routing_handler([this](const httplib::Request& in, httplib::Response& out) {
    // Requests with a body come here before it is read.
    const bool has_body = in.method == "POST" || in.method == "PUT" || in.method == "PATCH";
    if (has_body) return httplib::Server::HandlerResponse::Unhandled;
    state_->Answer(in, out);
    return httplib::Server::HandlerResponse::Handled;
  });
  const auto answer = [this](const httplib::Request& in, httplib::Response& out) {
    state_->Answer(in, out);
  };
  server.Post(".*", answer);
  server.Put(".*", answer);
  server.Patch(".*", answer);
  state_->port = server.bind_to_any_port("127.0.0.1");
  REEVE_CHECK(state_->port > 0);
  state_->thread = std::thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
}

ScriptedServer::~ScriptedServer() {
  state_->stopping = true;
  state_->server->stop();
  state_->thread.join();
}

int ScriptedServer::port() const {
  return state_->port;
}

std::string ScriptedServer::url() const {
  const bool plain = state_->security == Security::kPlain;
  return fmt::format("{}://127.0.0.1:{}", plain ? "http" : "https", state_->port);
}

std::vector<ScriptedRequest> ScriptedServer::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

void ScriptedServer::EndHeld() {
  ++state_->releases;
}

struct RawServer::State {
  std::string bytes;
  int listener = -1;
  int port = 0;
  std::atomic<bool> stopping{false};
  std::thread thread;
};

RawServer::RawServer(std::string bytes) : state_(std::make_unique<State>()) {
  state_->bytes = std::move(bytes);
  state_->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REEVE_CHECK(::bind(state_->listener, generic, size) == 0);
  REEVE_CHECK(::listen(state_->listener, 16) == 0);
  REEVE_CHECK(::getsockname(state_->listener, generic, &size) == 0);
  state_->port = ntohs(address.sin_port);
  State* state = state_.get();
  state_->thread = std::thread([state] {
    while (true) {
      const int peer = ::accept4(state->listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0 || state->stopping) {
        if (peer >= 0) ::close(peer);
        return;
      }
      char buffer[4096];
      (void)!::read(peer, buffer, sizeof(buffer));
      (void)!::write(peer, state->bytes.data(), state->bytes.size());
      const linger at_once{1, 0};
      ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
      ::close(peer);
    }
  });
}

RawServer::~RawServer() {
  state_->stopping = true;
  ::shutdown(state_->listener, SHUT_RDWR);
  state_->thread.join();
  ::close(state_->listener);
}

std::string RawServer::url() const {
  return fmt::format("http://127.0.0.1:{}", state_->port);
}

}  // namespace reeve
