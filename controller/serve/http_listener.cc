#include "controller/serve/http_listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>
#include <type_traits>
#include <utility>

namespace reeve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;
using asio::ip::tcp;

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

// What a peer that was refused may still send, so that it reads why before the connection goes.
constexpr size_t kDrained = 256 << 10;
constexpr std::chrono::seconds kDrainTime{1};

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void Drop() = 0;
  // The answer to the request that it handed out.
  virtual void Answer(ServedAnswer answer) = 0;
};

// Those connections that are not being answered, the longest wait first. Of the one thread.
struct Waiting {
  std::list<Connection*> connections;
  size_t open = 0;  // answered ones included
};

// Where answers come in that take time.
struct Inbox {
  std::mutex mutex;
  asio::io_context* context = nullptr;  // guarded by mutex; null: the listener is gone
  // Of the one thread: who waits for which answer, and is kept by nothing else.
  std::map<uint64_t, std::shared_ptr<Connection>> asked;
  uint64_t next = 0;
};

// The function that takes the answer to `who`'s request.
Reply ReplyTo(const std::shared_ptr<Inbox>& inbox, std::shared_ptr<Connection> who) {
  const uint64_t id = inbox->next++;
  inbox->asked.emplace(id, std::move(who));
  return [inbox, id](ServedAnswer answer) {
    const std::lock_guard lock(inbox->mutex);
    if (inbox->context == nullptr) return;
    asio::post(*inbox->context, [inbox, id, answer = std::move(answer)]() mutable {
      const auto found = inbox->asked.find(id);
      if (found == inbox->asked.end()) return;
      const std::shared_ptr<Connection> connection = std::move(found->second);
      inbox->asked.erase(found);
      connection->Answer(std::move(answer));
    });
  };
}

struct Shared {
  HttpHandlers handlers;
  HttpLimits limits;
  Waiting waiting;
  std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
};

template <class Stream>
class Session : public Connection, public std::enable_shared_from_this<Session<Stream>> {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  // `context` is kept alive for as long as the session.
  Session(Shared& shared, std::shared_ptr<asio::ssl::context> context, Stream stream)
      : shared_(shared), context_(std::move(context)), stream_(std::move(stream)) {
    ++shared_.waiting.open;
  }
  ~Session() override {
    StopWaiting();
    --shared_.waiting.open;
  }

  void Begin() {
    Wait();
    SetDeadline();
    if constexpr (kTls) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](Error error) {
                                if (!error) self->ReadHead();
                              });
    } else {
      ReadHead();
    }
  }

  void Drop() override {
    StopWaiting();
    Error ignored;
    Lowest().socket().close(ignored);
  }

  void Answer(ServedAnswer answer) override {
    Send(std::move(answer), ++requests_ >= shared_.limits.requests);
  }

 private:
  PlainStream& Lowest() { return beast::get_lowest_layer(stream_); }
  void SetDeadline() {
    Lowest().expires_after(std::chrono::microseconds(shared_.limits.request_time.micros()));
  }
  void Wait() {
    StopWaiting();
    place_ = shared_.waiting.connections.insert(shared_.waiting.connections.end(), this);
    waits_ = true;
  }
  void StopWaiting() {
    if (waits_) shared_.waiting.connections.erase(place_);
    waits_ = false;
  }

  void ReadHead() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(shared_.limits.head_bytes));
    parser_->body_limit(shared_.limits.body_bytes);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](Error error, size_t) { self->OnHead(error); });
  }

  void OnHead(Error error) {
    if (error) return OnBroken(error);
    const http::request<http::string_body>& message = parser_->get();
    ServedRequest head = HeadOf(std::string(message.method_string()), std::string(message.target()),
                                std::string(message[http::field::authorization]));
    head.host = std::string(message[http::field::host]);
    head.request_id = std::string(message["X-Request-ID"]);
    Error unknown;
    const tcp::endpoint ours = Lowest().socket().local_endpoint(unknown);
    if (!unknown) head.local_address = ours.address().to_string();
    if constexpr (kTls) {
      X509* const shown = SSL_get_peer_certificate(stream_.native_handle());
      head.certificate =
          shown != nullptr && SSL_get_verify_result(stream_.native_handle()) == X509_V_OK;
      X509_free(shown);
    }
    if (std::optional<ServedAnswer> refusal = shared_.handlers.judge(head)) {
      return Send(*std::move(refusal), true);
    }
    StopWaiting();
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this(), head = std::move(head)](
                         Error failed, size_t) mutable { self->OnBody(failed, std::move(head)); });
  }

  void OnBody(Error error, ServedRequest request) {
    if (error) return OnBroken(error);
    request.body = std::move(parser_->get().body());
    const ServedAnswer failed{500, "the request could not be answered\n"};
    if (shared_.handlers.answer_later) {
      Lowest().expires_never();
      const Reply reply = ReplyTo(shared_.inbox, this->shared_from_this());
      try {
        shared_.handlers.answer_later(request, reply);
      } catch (const std::exception&) {
        reply(failed);
      }
      return;
    }
    ServedAnswer answer;
    try {
      answer = shared_.handlers.answer(request);
    } catch (const std::exception&) {
      answer = failed;
    }
    Answer(std::move(answer));
  }

  // What was no request is told so, when there may be somebody who reads it.
  void OnBroken(Error error) {
    if (error == http::error::body_limit) {
      Send({413, fmt::format("a body may have {} bytes\n", shared_.limits.body_bytes)}, true);
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      Send({431, fmt::format("a head may have {} bytes\n", shared_.limits.head_bytes)}, true);
    } else if (error.category() == make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      Send({400, "this is no HTTP request\n"}, true);
    }
  }

  void Send(ServedAnswer answer, bool last) {
    const bool keep = !last && parser_->is_header_done() && parser_->get().keep_alive();
    const bool bodiless = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    response_.emplace();
    response_->result(static_cast<unsigned>(answer.code));
    response_->version(11);
    response_->keep_alive(keep);
    response_->set(http::field::content_type, answer.content_type);
    // Nothing here is for a browser to guess at or to keep.
    response_->set(http::field::cache_control, "no-store");
    response_->set("X-Content-Type-Options", "nosniff");
    response_->set("Content-Security-Policy", answer.content_security_policy);
    response_->set("Cross-Origin-Resource-Policy", "same-origin");
    response_->set("Referrer-Policy", "no-referrer");
    if (answer.ask_for_token) response_->set(http::field::www_authenticate, "Bearer");
    for (const auto& [name, value] : answer.headers) response_->set(name, value);
    const size_t half = answer.body.size() - answer.body.size() / 2;
    response_->body() = std::move(answer.body);
    response_->prepare_payload();
    if (answer.cut == AnswerCut::kBeforeHead) return Drop();
    if (answer.cut == AnswerCut::kInBody) return SendWithout(half);
    serializer_.emplace(*response_);
    SetDeadline();
    auto sent = [self = this->shared_from_this(), keep](Error error, size_t) {
      if (!error) self->OnSent(keep);
    };
    if (bodiless) {
      http::async_write_header(stream_, *serializer_, std::move(sent));
    } else {
      http::async_write(stream_, *serializer_, std::move(sent));
    }
  }

  // All but the last bytes, and then nothing more.
  void SendWithout(size_t bytes) {
    std::ostringstream whole;
    whole << *response_;
    cut_ = whole.str();
    cut_.resize(cut_.size() - std::min(bytes, cut_.size()));
    SetDeadline();
    asio::async_write(stream_, asio::buffer(cut_),
                      [self = this->shared_from_this()](Error, size_t) { self->Drop(); });
  }

  void OnSent(bool keep) {
    Wait();
    if (keep) {
      SetDeadline();
      return ReadHead();
    }
    // Closing with something unread would take the answer back on its way.
    Error ignored;
    Lowest().socket().shutdown(tcp::socket::shutdown_send, ignored);
    Lowest().expires_after(kDrainTime);
    Drain();
  }

  void Drain() {
    Lowest().async_read_some(asio::buffer(drained_),
                             [self = this->shared_from_this()](Error error, size_t bytes) {
                               self->drained_bytes_ += bytes;
                               if (!error && self->drained_bytes_ < kDrained) self->Drain();
                             });
  }

  Shared& shared_;
  const std::shared_ptr<asio::ssl::context> context_;
  Stream stream_;
  bool waits_ = false;
  std::list<Connection*>::iterator place_;
  int requests_ = 0;
  // Room for a head; a longer body is read piece by piece.
  beast::flat_buffer buffer_{16 << 10};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  std::array<char, 4096> drained_;
  size_t drained_bytes_ = 0;
  std::string cut_;
};

}  // namespace

class HttpListener::Impl {
 public:
  Impl(std::unique_ptr<ServerTls> tls, HttpHandlers handlers, const HttpLimits& limits)
      : shared_{std::move(handlers), limits, {}}, tls_(std::move(tls)) {
    shared_.inbox->context = &context_;
  }

  ~Impl() {
    {
      const std::lock_guard lock(shared_.inbox->mutex);
      shared_.inbox->context = nullptr;
    }
    context_.stop();
    if (thread_.joinable()) thread_.join();
    shared_.inbox->asked.clear();  // while their sockets have a context to belong to
  }

  absl::Status Start(const std::string& host, int port) {
    Error error;
    tcp::resolver resolver(context_);
    const auto found = resolver.resolve(
        host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
    if (!error && !found.empty()) {
      const tcp::endpoint at = *found.begin();
      acceptor_.open(at.protocol(), error);
      // A port that was used a moment ago can be used again; one that is in use cannot.
      if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
      if (!error) acceptor_.bind(at, error);
      if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    if (error) {
      return absl::UnavailableError(
          fmt::format("http.listen: cannot listen on {} port {}: {}", host, port, error.message()));
    }
    port_ = acceptor_.local_endpoint().port();
    Accept();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  int port() const { return port_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](Error error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) {
        Take(std::move(socket));
        return Accept();
      }
      // No file descriptors, say: they may come back.
      pause_.expires_after(std::chrono::milliseconds(100));
      pause_.async_wait([this](Error stopped) {
        if (!stopped) Accept();
      });
    });
  }

  void Take(tcp::socket socket) {
    std::list<Connection*>& waiting = shared_.waiting.connections;
    if (shared_.waiting.open >= shared_.limits.connections) {
      if (waiting.empty()) return;  // all are being answered
      waiting.front()->Drop();
    }
    Error ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    PlainStream plain(std::move(socket));
    if (tls_ == nullptr) {
      std::make_shared<Session<PlainStream>>(shared_, nullptr, std::move(plain))->Begin();
      return;
    }
    const std::shared_ptr<SSL_CTX>& current = tls_->Current();
    if (current.get() != wrapped_of_) {
      SSL_CTX_up_ref(current.get());  // the wrapper frees it
      wrapped_ = std::make_shared<asio::ssl::context>(current.get());
      wrapped_of_ = current.get();
    }
    std::make_shared<Session<TlsStream>>(shared_, wrapped_, TlsStream(std::move(plain), *wrapped_))
        ->Begin();
  }

  Shared shared_;  // outlives the sessions, which context_ holds
  const std::unique_ptr<ServerTls> tls_;
  std::shared_ptr<asio::ssl::context> wrapped_;  // of the identity's current one
  const SSL_CTX* wrapped_of_ = nullptr;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer pause_{context_};
  int port_ = 0;
  std::thread thread_;
};

HttpListener::HttpListener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpListener::~HttpListener() = default;

int HttpListener::port() const {
  return impl_->port();
}

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Start(const std::string& host, int port,
                                                                  std::unique_ptr<ServerTls> tls,
                                                                  HttpHandlers handlers,
                                                                  const HttpLimits& limits) {
  auto impl = std::make_unique<Impl>(std::move(tls), std::move(handlers), limits);
  if (absl::Status status = impl->Start(host, port); !status.ok()) return status;
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(impl)));
}

ServedRequest HeadOf(std::string method, const std::string& target, std::string authorization) {
  ServedRequest request;
  request.method = std::move(method);
  const size_t question = target.find('?');
  request.path = PercentDecoded(target.substr(0, question), false);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  request.authorization = std::move(authorization);
  return request;
}

std::string PercentDecoded(const std::string& text, bool plus) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string QueryParameter(const std::string& query, const std::string& name) {
  for (size_t begin = 0; begin <= query.size();) {
    size_t end = query.find('&', begin);
    if (end == std::string::npos) end = query.size();
    const std::string pair = query.substr(begin, end - begin);
    const size_t equals = pair.find('=');
    if (PercentDecoded(pair.substr(0, equals), true) == name) {
      return equals == std::string::npos ? "" : PercentDecoded(pair.substr(equals + 1), true);
    }
    begin = end + 1;
  }
  return "";
}

}  // namespace reeve
