#include "controller/kube/yaml_objects.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/status.h"

namespace reeve {
namespace {

using nlohmann::json;

json JsonOf(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map: {
      json object = json::object();
      for (const auto& entry : node) object[entry.first.Scalar()] = JsonOf(entry.second);
      return object;
    }
    case YAML::NodeType::Sequence: {
      json list = json::array();
      for (const YAML::Node& item : node) list.push_back(JsonOf(item));
      return list;
    }
    case YAML::NodeType::Scalar: {
      const std::string& text = node.Scalar();
      if (node.Tag() == "!") return text;
      if (text == "true" || text == "false") return text == "true";
      int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc() && end == text.data() + text.size()) return number;
      return text;
    }
    default:
      return nullptr;
  }
}

}  // namespace

absl::StatusOr<std::vector<json>> ReadYamlObjects(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  std::vector<json> objects;
  try {
    for (const YAML::Node& document : YAML::LoadAll(text)) {
      if (document.IsMap()) objects.push_back(JsonOf(document));
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        fmt::format("{}:{}: {}", path, error.mark.line + 1, error.msg));
  }
  return objects;
}

}  // namespace reeve
