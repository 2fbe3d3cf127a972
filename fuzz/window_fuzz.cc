// Windows of the store, as they come and with their checksum mended: whatever is accepted must be
// the same again after it was written anew.
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/store/window_codec.h"
#include "controller/window_rows.h"
#include "core/check.h"

namespace {

void ParseAndCheck(std::string_view bytes) {
  const auto window = reeve::DecodeWindow(bytes);
  if (!window.ok()) return;
  REEVE_CHECK(reeve::ColumnsFit(window->snapshot.functions, window->keys.size()));
  const auto again = reeve::DecodeWindow(reeve::EncodeWindow(window->snapshot, window->keys));
  REEVE_CHECK(again.ok());
  REEVE_CHECK(again->keys.size() <= window->keys.size());  // without those that did nothing
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  ParseAndCheck(bytes);
  const uint64_t seal = XXH3_64bits(bytes.data(), bytes.size());
  bytes.append(reinterpret_cast<const char*>(&seal), sizeof seal);
  ParseAndCheck(bytes);
  return 0;
}
