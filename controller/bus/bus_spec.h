// How the bus is reached, by whom, and what it allows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/units.h"

namespace reeve {

// A socket that others connect to.
struct BusSocketSpec {
  std::string bind = "tcp://127.0.0.1:5590";
  std::string key;
  std::string allowed;
  int32_t connections = 128;
  int64_t message_bytes = 4 << 20;
  SimTime handshake = SimTime::Seconds(3);
  SimTime heartbeat = SimTime::Seconds(5);

  template <class V>
  static void Fields(V& v) {
    using S = BusSocketSpec;
    v.Field("bind", &S::bind,
            "Address to listen at: tcp://IP:PORT (port *: any) or ipc://PATH; without a key only "
            "this machine's own");
    v.Field("key", &S::key,
            "File with the secret key (`reeve bus keygen`); empty: neither secrecy nor "
            "authentication");
    v.Field("allowed", &S::allowed,
            "Folder with the public keys (*.key) of those who may connect; read again when it "
            "changes");
    v.Field("connections", &S::connections,
            "Open connections, those that have not shown a key included; more are turned away",
            Between(1, 100000));
    v.Field("message_bytes", &S::message_bytes,
            "Longest message; who sends a longer one is disconnected", Between(1024, 1 << 30));
    v.Field("handshake", &S::handshake, "Time a peer has to show its key", Between(0.1, 60));
    v.Field("heartbeat", &S::heartbeat,
            "Time between signs of life; a peer that gives none for three times as long is "
            "disconnected",
            Between(0.1, 3600));
  }
};

struct SessionSpec {
  int32_t most = 64;
  int32_t most_of_one = 8;
  int32_t functions = 10000;
  int32_t name_bytes = 256;
  SimTime timeout = SimTime::Minutes(10);

  template <class V>
  static void Fields(V& v) {
    using S = SessionSpec;
    v.Field("most", &S::most, "Sessions at once", Between(1, 1000000));
    v.Field("most_of_one", &S::most_of_one, "Sessions at once of one key", Between(1, 1000000));
    v.Field("functions", &S::functions, "Functions of a session", Between(1, 10000000));
    v.Field("name_bytes", &S::name_bytes, "Longest name of a function or tenant",
            Between(1, 65536));
    v.Field("timeout", &S::timeout, "A session of which nothing is heard for so long is forgotten",
            Between(0.1, 1e6));
  }
};

}  // namespace reeve
