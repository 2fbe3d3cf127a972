// A kubeconfig: what is accepted names a server that is talked to safely.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/kube/kubeconfig.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  const auto access = ParseKubeconfig(input, "/etc/config");
  if (!access.ok()) return REEVE_CHECK(!access.status().message().empty());
  const bool tls = access->server.rfind("https://", 0) == 0;
  REEVE_CHECK(tls || access->server.rfind("http://", 0) == 0);
  REEVE_CHECK(tls || (access->token.empty() && access->client_key.empty()));
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
