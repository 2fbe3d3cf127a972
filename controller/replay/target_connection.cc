#include "controller/replay/target_connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <type_traits>
#include <utility>

namespace reeve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;
using asio::ip::tcp;

using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr size_t kAnswerBytes = 8 << 20;
constexpr uint32_t kHeadBytes = 64 << 10;

template <class Stream>
class StreamConnection : public TargetConnection,
                         public std::enable_shared_from_this<StreamConnection<Stream>> {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  // `tls_host`: whose certificate it must be.
  StreamConnection(ConnectionOwner& owner, ReplayTargetKind kind, Stream stream,
                   std::string tls_host)
      : owner_(owner), kind_(kind), stream_(std::move(stream)), tls_host_(std::move(tls_host)) {}

  void Open(const Endpoints& at) override {
    asio::async_connect(Socket(), at,
                        [self = this->shared_from_this()](Error failed, const tcp::endpoint&) {
                          self->OnConnected(failed);
                        });
  }

  void Send() override {
    asio::async_write(stream_, asio::buffer(request),
                      [self = this->shared_from_this()](Error failed, size_t) {
                        if (self->closed_) return;
                        if (failed) return self->Fail(failed, ReplayFailure::kAnswer);
                        self->Read();
                      });
  }

  void Close() override {
    closed_ = true;
    Error ignored;
    Socket().close(ignored);
  }

  bool Stale() override {
    Error failed;
    char byte;
    const size_t read = Socket().receive(asio::buffer(&byte, 1), tcp::socket::message_peek, failed);
    if (failed == asio::error::would_block || failed == asio::error::try_again) return false;
    // TLS sends tickets unasked.
    return failed || read == 0 || !kTls;
  }

 private:
  tcp::socket& Socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  void OnConnected(Error failed) {
    if (closed_) return;
    if (failed) return Fail(failed, ReplayFailure::kConnection);
    Socket().set_option(tcp::no_delay(true), failed);
    Socket().non_blocking(true, failed);
    if constexpr (kTls) {
      SSL_set_tlsext_host_name(stream_.native_handle(), tls_host_.c_str());
      stream_.set_verify_callback(asio::ssl::host_name_verification(tls_host_), failed);
      stream_.async_handshake(asio::ssl::stream_base::client,
                              [self = this->shared_from_this()](Error refused) {
                                if (self->closed_) return;
                                if (refused) return self->Fail(refused, ReplayFailure::kConnection);
                                self->Opened();
                              });
    } else {
      Opened();
    }
  }

  void Opened() {
    if (request.empty()) return owner_.OnOpened(*this);
    Send();
  }

  void Read() {
    parser_.emplace();
    parser_->header_limit(kHeadBytes);
    parser_->body_limit(kAnswerBytes);
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](Error failed, size_t) {
                       if (!self->closed_) self->OnRead(failed);
                     });
  }

  void OnRead(Error failed) {
    if (failed) return Fail(failed, ReplayFailure::kAnswer);
    const http::response<http::string_body>& answer = parser_->get();
    if (answer.result_int() / 100 == 1) return Read();  // 103 and the like come before the answer
    const beast::string_view timing = answer["Server-Timing"];
    const AnswerFacts facts = JudgeAnswer(kind_, static_cast<int>(answer.result_int()),
                                          {timing.data(), timing.size()}, answer.body());
    owner_.OnDone(
        *this, facts,
        facts.outcome == ReplayOutcome::kFailed ? ReplayFailure::kStatus : ReplayFailure::kNone,
        parser_->keep_alive() && buffer_.size() == 0);
  }

  void Fail(Error failed, ReplayFailure failure) {
    error = failed.message();
    owner_.OnDone(*this, {}, failure, false);
  }

  ConnectionOwner& owner_;
  const ReplayTargetKind kind_;
  Stream stream_;
  const std::string tls_host_;
  bool closed_ = false;
  beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
};

}  // namespace

std::shared_ptr<TargetConnection> TargetConnection::Make(ConnectionOwner& owner,
                                                         ReplayTargetKind kind,
                                                         asio::io_context& context,
                                                         asio::ssl::context* tls,
                                                         const std::string& tls_host) {
  if (tls != nullptr) {
    return std::make_shared<StreamConnection<TlsStream>>(owner, kind, TlsStream(context, *tls),
                                                         tls_host);
  }
  return std::make_shared<StreamConnection<tcp::socket>>(owner, kind, tcp::socket(context), "");
}

}  // namespace reeve
