// Forging checkpoints: fixes the checksum of damaged bytes, so that tests and the fuzz target reach
// what lies behind it. Follows the layout in agents/ppo/tensor_file.h.
#pragma once

#include <xxhash.h>

#include <string>

namespace reeve {

inline std::string ResealedTensorFile(std::string bytes) {
  XXH128_canonical_t checksum;
  if (bytes.size() < sizeof(checksum)) return bytes;
  const size_t summed = bytes.size() - sizeof(checksum);
  XXH128_canonicalFromHash(&checksum, XXH3_128bits(bytes.data(), summed));
  return bytes.replace(summed, sizeof(checksum), reinterpret_cast<const char*>(checksum.digest),
                       sizeof(checksum.digest));
}

}  // namespace reeve
