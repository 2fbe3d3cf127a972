// TLS of a port that this program listens on.
#pragma once

#include <string>

#include "core/config.h"

namespace reeve {

struct TlsSpec {
  std::string certificate = {};
  std::string key = {};
  std::string client_ca = {};

  template <class V>
  static void Fields(V& v) {
    v.Field("certificate", &TlsSpec::certificate,
            "PEM file with the certificate of this server, and those of authorities between it and "
            "one that clients know; empty: no TLS. Read again when it changes, as are the others");
    v.Field("key", &TlsSpec::key, "PEM file with its key");
    v.Field("client_ca", &TlsSpec::client_ca,
            "PEM file with the authority whose certificates clients must show; empty: any client");
  }
};

}  // namespace reeve
