#include "tests/controller/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/check.h"
#include "tests/controller/scripted_server.h"

namespace reeve {
namespace {

template <class Write>
std::string Pem(const Write& write) {
  BIO* memory = BIO_new(BIO_s_mem());
  REEVE_CHECK(write(memory) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(memory);
  return text;
}

void AddExtension(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  REEVE_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct Made {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ~Made() {
    EVP_PKEY_free(key);
    X509_free(certificate);
  }
};

// `issuer` null: an authority that signs itself.
void Make(Made& made, const char* name, const Made* issuer, const char* alternatives) {
  static long serial = 1;
  X509* x = made.certificate;
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 24 * 3600);
  X509_set_pubkey(x, made.key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  const Made& by = issuer == nullptr ? made : *issuer;
  X509_set_issuer_name(x, X509_get_subject_name(by.certificate));
  if (issuer == nullptr) {
    AddExtension(x, by.certificate, NID_basic_constraints, "critical,CA:TRUE");
    AddExtension(x, by.certificate, NID_subject_key_identifier, "hash");
  }
  if (alternatives != nullptr) {
    AddExtension(x, by.certificate, NID_subject_alt_name, alternatives);
  }
  REEVE_CHECK(X509_sign(x, by.key, EVP_sha256()) > 0);
}

std::string CertificatePem(const Made& made) {
  return Pem([&](BIO* out) { return PEM_write_bio_X509(out, made.certificate); });
}

std::string KeyPem(const Made& made) {
  return Pem([&](BIO* out) {
    return PEM_write_bio_PrivateKey(out, made.key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

TestCertificates MakeAll() {
  Made ca, other, server, client;
  Make(ca, "test authority", nullptr, nullptr);
  Make(other, "another authority", nullptr, nullptr);
  Make(server, "server", &ca, "IP:127.0.0.1,DNS:api.test");
  Make(client, "client", &ca, nullptr);
  return {CertificatePem(ca), CertificatePem(other),  CertificatePem(server),
          KeyPem(server),     CertificatePem(client), KeyPem(client)};
}

}  // namespace

ParsedIdentity::ParsedIdentity(const std::string& certificate_pem, const std::string& key_pem) {
  const auto open = [](const std::string& text) {
    return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  };
  if (!certificate_pem.empty()) {
    BIO* in = open(certificate_pem);
    certificate = PEM_read_bio_X509(in, nullptr, nullptr, nullptr);
    BIO_free(in);
    REEVE_CHECK(certificate != nullptr);
  }
  if (!key_pem.empty()) {
    BIO* in = open(key_pem);
    key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
    BIO_free(in);
    REEVE_CHECK(key != nullptr);
  }
}

ParsedIdentity::~ParsedIdentity() {
  X509_free(certificate);
  EVP_PKEY_free(key);
}

const TestCertificates& TestCertificates::Get() {
  static const TestCertificates made = MakeAll();
  return made;
}

}  // namespace reeve
