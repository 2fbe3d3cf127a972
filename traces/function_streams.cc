#include "traces/function_streams.h"

#include <xxhash.h>

namespace reeve {

RandomStream EditStream(const FunctionProfile& function, uint64_t seed) {
  const uint64_t hash = XXH3_64bits(function.name.data(), function.name.size());
  return RandomStream(seed, StreamPurpose::kTraceEdit, static_cast<uint32_t>(hash));
}

}  // namespace reeve
