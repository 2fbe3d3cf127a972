// Text of peers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace reeve {

// A copy of at most `most` bytes, '?' for all that is not printable ASCII: what a peer said, fit
// for messages and logs.
std::string Presentable(std::string_view text, size_t most = 200);

}  // namespace reeve
