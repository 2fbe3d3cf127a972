// Reading of JSON that somebody else wrote: what is absent or of another type is a default, never
// an exception.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace reeve {

// The member, if `object` is an object that has it; else null.
const nlohmann::json* MemberAt(const nlohmann::json& object, std::string_view key);
// The object, array or text at `a.b.c` below; null or "" when any step is missing or of another
// type. Keys that hold dots are reached by MemberAt.
const nlohmann::json* ObjectAt(const nlohmann::json& object, std::string_view path);
const nlohmann::json* ArrayAt(const nlohmann::json& object, std::string_view path);
std::string TextAt(const nlohmann::json& object, std::string_view path);
std::optional<int64_t> IntegerAt(const nlohmann::json& object, std::string_view path);
std::optional<bool> BoolAt(const nlohmann::json& object, std::string_view path);

// The JSON text; bytes that are not UTF-8 are replaced, where dump() would throw.
std::string ToText(const nlohmann::json& value);

}  // namespace reeve
