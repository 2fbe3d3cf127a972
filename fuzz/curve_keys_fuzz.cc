// Key files: what is accepted is a key, and reads the same when it is written again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/bus/curve_keys.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  const auto keys = ParseCurveKeys(input, "input");
  if (!keys.ok()) return;
  REEVE_CHECK(keys->public_key.size() == 40);
  REEVE_CHECK(keys->secret_key.empty() || keys->secret_key.size() == 40);
  const auto again = ParseCurveKeys("public-key = \"" + keys->public_key + "\"", "again");
  REEVE_CHECK(again.ok() && again->public_key == keys->public_key);
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
