#include "controller/kube/json_reading.h"

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

std::optional<std::string> MetadataText(const json& object, const char* table,
                                        std::string_view key) {
  const json* metadata = MemberAt(object, "metadata");
  const json* entries = metadata == nullptr ? nullptr : MemberAt(*metadata, table);
  const json* value = entries == nullptr ? nullptr : MemberAt(*entries, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
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

std::optional<std::string> AnnotationOf(const json& object, std::string_view key) {
  return MetadataText(object, "annotations", key);
}

std::optional<std::string> LabelOf(const json& object, std::string_view key) {
  return MetadataText(object, "labels", key);
}

const json* ConditionObject(const json& object, std::string_view type) {
  const json* conditions = ArrayAt(object, "status.conditions");
  if (conditions == nullptr) return nullptr;
  for (const json& condition : *conditions) {
    if (TextAt(condition, "type") == type) return &condition;
  }
  return nullptr;
}

std::string ConditionOf(const json& object, std::string_view type) {
  const json* condition = ConditionObject(object, type);
  return condition == nullptr ? std::string() : TextAt(*condition, "status");
}

}  // namespace reeve
