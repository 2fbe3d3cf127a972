// CRC-32C (Castagnoli), as the record files of TensorBoard use it.
#pragma once

#include <cstdint>
#include <string_view>

namespace reeve {

uint32_t Crc32c(std::string_view bytes);

// Rotated and offset, so that a checksum can be part of what is summed again (TFRecord, LevelDB).
uint32_t MaskedCrc32c(std::string_view bytes);

}  // namespace reeve
