#include "controller/net/json_reading.h"

#include <nlohmann/json.hpp>

namespace reeve {
namespace {

using nlohmann::json;

const json* At(const json& object, std::string_view path) {
  const json* at = &object;
  while (at != nullptr && !path.empty()) {
    const size_t dot = path.find('.');
    at = MemberAt(*at, path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return at;
}

}  // namespace

const json* MemberAt(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

const json* ObjectAt(const json& object, std::string_view path) {
  const json* at = At(object, path);
  return at != nullptr && at->is_object() ? at : nullptr;
}

const json* ArrayAt(const json& object, std::string_view path) {
  const json* at = At(object, path);
  return at != nullptr && at->is_array() ? at : nullptr;
}

std::string TextAt(const json& object, std::string_view path) {
  const json* at = At(object, path);
  return at != nullptr && at->is_string() ? at->get<std::string>() : std::string();
}

std::optional<int64_t> IntegerAt(const json& object, std::string_view path) {
  const json* at = At(object, path);
  if (at == nullptr || !at->is_number_integer()) return std::nullopt;
  // Beyond 2^63 it cannot be meant.
  if (at->is_number_unsigned() && at->get<uint64_t>() > uint64_t{1} << 62) return std::nullopt;
  return at->get<int64_t>();
}

std::optional<bool> BoolAt(const json& object, std::string_view path) {
  const json* at = At(object, path);
  if (at == nullptr || !at->is_boolean()) return std::nullopt;
  return at->get<bool>();
}

std::string ToText(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace reeve
