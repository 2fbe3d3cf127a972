#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.h"
#include "core/distribution.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using reeve::Distribution;
  const auto parsed =
      Distribution::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) {
    REEVE_CHECK(!parsed.status().message().empty());
    return 0;
  }
  // What was read is written so that it is read again, and draws are never negative.
  const auto again = Distribution::Parse(parsed->ToString());
  REEVE_CHECK(again.ok() && *again == *parsed);
  for (double u : {1e-9, 0.25, 0.5, 0.75, 1 - 1e-9}) {
    REEVE_CHECK(parsed->Sample(u) >= 0);
  }
  REEVE_CHECK(parsed->Mean() >= 0);
  REEVE_CHECK(Distribution::FromParameters(parsed->kind(), parsed->parameters()).ok());
  return 0;
}
