// Quantities and times: what is read is within bounds, and what is written is read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <limits>

#include "controller/kube/quantity.h"
#include "core/check.h"

namespace reeve {
namespace {

void FuzzOne(std::string_view input) {
  if (const auto quantity = ParseQuantity(input); quantity.ok()) {
    const int64_t whole = quantity->Value(), milli = quantity->Milli();
    REEVE_CHECK(whole >= -std::numeric_limits<int64_t>::max());
    // Rounding goes away from zero: nothing becomes less.
    REEVE_CHECK((whole > 0) == (quantity->nano() > 0) && (milli > 0) == (whole > 0));
  }
  if (const auto cpu = ParseCpuQuantity(input); cpu.ok()) {
    REEVE_CHECK(*cpu >= Millicores() && *ParseCpuQuantity(CpuQuantity(*cpu)) == *cpu);
  }
  if (const auto memory = ParseMemoryQuantity(input); memory.ok()) {
    REEVE_CHECK(*memory >= Mebibytes());
  }
  if (const auto time = ParseTimestamp(input); time.ok()) {
    REEVE_CHECK(*ParseTimestamp(MicroTimestamp(*time)) == *time);
  }
}

}  // namespace
}  // namespace reeve

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  reeve::FuzzOne(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
