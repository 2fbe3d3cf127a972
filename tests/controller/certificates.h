// OpenSSL objects of PEM text, for the TLS servers of tests.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <string>

namespace reeve {

// Freed with the object; null where the text was empty.
struct ParsedIdentity {
  ParsedIdentity(const std::string& certificate_pem, const std::string& key_pem);
  ~ParsedIdentity();
  ParsedIdentity(const ParsedIdentity&) = delete;
  ParsedIdentity& operator=(const ParsedIdentity&) = delete;

  X509* certificate = nullptr;
  EVP_PKEY* key = nullptr;
};

}  // namespace reeve
