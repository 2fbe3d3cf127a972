// With what the policy of a new environment begins.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace reeve {

enum class WarmStart : uint8_t {
  kScratch,
  kClosest,  // as a copy of the policy of the environment whose contexts are closest
};
constexpr auto EnumNames(WarmStart) {
  return std::array<std::pair<WarmStart, std::string_view>, 2>{
      {{WarmStart::kScratch, "scratch"}, {WarmStart::kClosest, "closest"}}};
}

}  // namespace reeve
