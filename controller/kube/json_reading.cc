#include "controller/kube/json_reading.h"

#include <nlohmann/json.hpp>

namespace reeve {
namespace {

using nlohmann::json;

std::optional<std::string> MetadataText(const json& object, const char* table,
                                        std::string_view key) {
  const json* metadata = MemberAt(object, "metadata");
  const json* entries = metadata == nullptr ? nullptr : MemberAt(*metadata, table);
  const json* value = entries == nullptr ? nullptr : MemberAt(*entries, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

}  // namespace

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
