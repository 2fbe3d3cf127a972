// Who may connect to the sockets of a ZeroMQ context: the ZAP handler (RFC 27) with an allow-list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/statusor.h"

namespace zmq {
class context_t;
class socket_t;
}  // namespace zmq

namespace reeve {

// Lets in peers whose public key is in a folder, and nobody else, for every CURVE socket of the
// context that has a ZAP domain. The user id of their messages is their key in Z85.
//
// The folder is read again, at most once a second and when somebody connects, after files
// have come or gone: who is new there may connect, who is gone may not. Connections that there are
// stay. While it cannot be read or holds something that is no key, the list is as it was.
//
// One a context, made before its sockets are bound. Ends when the context is shut down, which must
// come before the destructor. Thread-safe.
class Gatekeeper {
 public:
  static absl::StatusOr<std::unique_ptr<Gatekeeper>> Start(zmq::context_t& context,
                                                           const std::string& folder);
  ~Gatekeeper();
  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;

  size_t allowed() const;  // keys
  uint64_t refused() const;
  // The name of a key's file; empty when it is not in the list.
  std::string NameOf(const std::string& key) const;
  // Why the folder could not be read when it had changed; empty: it could.
  std::string trouble() const;

 private:
  Gatekeeper(const std::string& folder, std::map<std::string, std::string> allowed);
  void Run(zmq::socket_t& socket);
  void Answer(zmq::socket_t& socket);  // one request
  bool Admit(const std::string& key);
  void ReadAgain();  // mutex_ is held

  const std::string folder_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, std::string> allowed_;
  std::filesystem::file_time_type changed_;
  int64_t looked_ms_ = 0;
  uint64_t refused_ = 0;
  std::string trouble_;

  std::thread thread_;
};

}  // namespace reeve
