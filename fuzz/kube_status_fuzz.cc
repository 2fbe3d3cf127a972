// Bodies of refusals: any bytes give a status whose message fits a line of a log.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/kube/api_error.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  for (const int code : {200, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503}) {
    const ApiError error = ParseApiError(code, input);
    const absl::Status status = ToStatus(error, "GET pods a/b");
    REEVE_CHECK(!status.ok() && status.message().size() < 3000);
    for (const char c : status.message()) REEVE_CHECK(c >= 0x20 && c < 0x7f);
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
