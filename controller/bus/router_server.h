// A ZeroMQ ROUTER socket that answers messages: what the services of the bus have in common.
//
// A message is one frame, or an empty one and then one (as REQ sockets send it); its answer has
// the same form. Who does not hold an allowed key, sends what is too long, opens more connections
// than there may be, never reads or is gone costs memory that BusSocketSpec bounds, and no answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "controller/bus/bus_spec.h"
#include "core/units.h"

namespace reeve {

class RouterServer {
 public:
  // The answer to a message of the client with that key (Z85; empty on sockets without keys).
  // `now` is of a steady clock.
  using Handler =
      std::function<std::string(std::string_view peer, std::string_view message, SimTime now)>;
  struct Counts {
    uint64_t answered = 0;
    uint64_t malformed = 0;    // messages that are not one frame
    uint64_t undelivered = 0;  // answers nobody was there for, or whose reader did not read
    uint64_t refused = 0;      // connections whose key is not allowed
    uint64_t failed = 0;       // connections that broke off before they had shown one
    uint64_t turned_away = 0;  // connections beyond those that there may be
    int32_t connections = 0;   // open now
  };

  // Listens. InvalidArgument: an address that cannot be, or one that others reach, without a key.
  static absl::StatusOr<std::unique_ptr<RouterServer>> Bind(const BusSocketSpec& spec);
  ~RouterServer();
  RouterServer(const RouterServer&) = delete;
  RouterServer& operator=(const RouterServer&) = delete;

  // The address, with the port that was chosen for *.
  const std::string& endpoint() const { return endpoint_; }
  size_t allowed_keys() const;
  // The name of a client's key file; empty without keys.
  std::string NameOf(std::string_view peer) const;

  // Answers until `stop`, which is asked between messages and at least ten times a second. One
  // thread at a time. What peers do is never an error.
  absl::Status Run(const Handler& handler, const std::function<bool(SimTime now)>& stop);

  Counts counts() const;  // any thread
  // Why the list of allowed keys could not be read again; empty: it could.
  std::string trouble() const;

 private:
  struct Sockets;
  explicit RouterServer(std::unique_ptr<Sockets> sockets);

  void AnswerOne(const Handler& handler);
  void Send(std::string_view identity, bool delimited, std::string_view answer);

  std::string endpoint_;
  std::unique_ptr<Sockets> sockets_;
  std::atomic<uint64_t> answered_{0}, malformed_{0}, undelivered_{0};
};

}  // namespace reeve
