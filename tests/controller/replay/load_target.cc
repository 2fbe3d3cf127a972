#include "tests/controller/replay/load_target.h"

#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <thread>

namespace reeve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = boost::system::error_code;
using asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const LoadTarget::Handler& handler, tcp::acceptor& acceptor)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        handler_(handler),
        acceptor_(acceptor) {}

  void Read() {
    parser_.emplace();
    http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](Error error, size_t) {
      if (!error) self->Answer();
    });
  }

 private:
  void Answer() {
    const auto& message = parser_->get();
    const auto text = [](beast::string_view view) { return std::string(view.data(), view.size()); };
    const LoadTarget::Clock::time_point now = LoadTarget::Clock::now();
    reply_ = handler_({.method = text(message.method_string()),
                       .target = text(message.target()),
                       .host = text(message[http::field::host]),
                       .authorization = text(message[http::field::authorization]),
                       .body = message.body(),
                       .at = now});
    if (reply_.stop_listening) {
      Error ignored;
      acceptor_.close(ignored);
    }
    if (reply_.never) return Hold();
    if (reply_.not_before <= now) return Send();
    timer_.expires_at(reply_.not_before);
    timer_.async_wait([self = shared_from_this()](Error error) {
      if (!error) self->Send();
    });
  }

  // Until the peer goes.
  void Hold() {
    socket_.async_read_some(asio::buffer(&byte_, 1), [self = shared_from_this()](Error, size_t) {});
  }

  void Send() {
    text_ = "HTTP/1.1 " + std::to_string(reply_.status) +
            " -\r\nContent-Length: " + std::to_string(reply_.body.size()) + "\r\n";
    for (const auto& [name, value] : reply_.headers) text_ += name + ": " + value + "\r\n";
    if (reply_.close) text_ += "Connection: close\r\n";
    text_ += "\r\n" + reply_.body;
    if (reply_.cut) text_.resize(text_.size() - reply_.body.size() / 2 - 1);
    asio::async_write(socket_, asio::buffer(text_),
                      [self = shared_from_this()](Error error, size_t) {
                        if (error || self->reply_.cut || self->reply_.close) {
                          Error ignored;
                          self->socket_.close(ignored);
                        } else {
                          self->Read();
                        }
                      });
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const LoadTarget::Handler& handler_;
  tcp::acceptor& acceptor_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  LoadTarget::Reply reply_;
  std::string text_;
  char byte_ = 0;
};

}  // namespace

struct LoadTarget::State {
  explicit State(Handler h) : handler(std::move(h)) {
    acceptor.listen(4096);
    Accept();
  }

  void Accept() {
    acceptor.async_accept([this](Error error, tcp::socket socket) {
      if (error) return;
      Error ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::make_shared<Session>(std::move(socket), handler, acceptor)->Read();
      // The handler may have been told to stop while this one was accepted.
      if (acceptor.is_open()) Accept();
    });
  }

  const Handler handler;
  asio::io_context context{1};
  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  const int port = acceptor.local_endpoint().port();
  std::thread thread;
};

LoadTarget::LoadTarget(Handler handler, int cpu)
    : state_(std::make_unique<State>(std::move(handler))) {
  state_->thread = std::thread([state = state_.get(), cpu] {
    if (cpu >= 0) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<size_t>(cpu), &set);
      pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    }
    state->context.run();
  });
}

LoadTarget::~LoadTarget() {
  state_->context.stop();
  state_->thread.join();
}

int LoadTarget::port() const {
  return state_->port;
}
std::string LoadTarget::url() const {
  return "http://127.0.0.1:" + std::to_string(port());
}

}  // namespace reeve
