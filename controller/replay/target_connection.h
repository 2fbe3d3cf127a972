// One connection to a target, with one request on it at a time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "controller/replay/open_loop.h"
#include "controller/replay/replay_target.h"

namespace reeve {

class TargetConnection;

// What a connection tells of its one request.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // `failure` kNone: it was answered, and `facts` say how.
  virtual void OnDone(TargetConnection& connection, const AnswerFacts& facts, ReplayFailure failure,
                      bool reusable) = 0;
  // The stream is ready, and there is no request to send on it.
  virtual void OnOpened(TargetConnection& connection) = 0;
};

// Of the thread of its event loop. Its owner outlives it, or has closed it.
class TargetConnection {
 public:
  using Endpoints = boost::asio::ip::tcp::resolver::results_type;

  // `tls` null: plain. `tls_host`: whose certificate it must be.
  static std::shared_ptr<TargetConnection> Make(ConnectionOwner& owner, ReplayTargetKind kind,
                                                boost::asio::io_context& context,
                                                boost::asio::ssl::context* tls,
                                                const std::string& tls_host);
  virtual ~TargetConnection() = default;

  // Connects; sends `request` when that is not empty.
  virtual void Open(const Endpoints& at) = 0;
  virtual void Send() = 0;
  virtual void Close() = 0;
  // The peer has closed it, or said something unasked.
  virtual bool Stale() = 0;

  std::string request;
  PlannedRequest plan;
  int64_t sent_us = -1;
  std::string error;                                             // why it failed
  std::list<std::shared_ptr<TargetConnection>>::iterator place;  // among the busy ones
};

}  // namespace reeve
