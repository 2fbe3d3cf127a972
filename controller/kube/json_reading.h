// The parts that all objects of Kubernetes have in common; the rest of reading them is in
// controller/net/json_reading.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "controller/net/json_reading.h"

namespace reeve {

// metadata.annotations[key] and metadata.labels[key]; nullopt when not there.
std::optional<std::string> AnnotationOf(const nlohmann::json& object, std::string_view key);
std::optional<std::string> LabelOf(const nlohmann::json& object, std::string_view key);

// The status ("True", "False", "Unknown") of the condition of this type below status.conditions,
// or ""; and the whole condition, or null.
std::string ConditionOf(const nlohmann::json& object, std::string_view type);
const nlohmann::json* ConditionObject(const nlohmann::json& object, std::string_view type);

}  // namespace reeve
