#include "core/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "core/files.h"
#include "core/status.h"

namespace reeve {

struct ConfigNode::Impl {
  YAML::Node node;
  std::shared_ptr<const std::string> file;
};

namespace {

// Documents are read into structs of bounded depth; a file nested deeper than this is a mistake or
// an attack, and yaml-cpp recurses per level.
constexpr int kMaxDepth = 64;
constexpr size_t kMaxBytes = 16 << 20;

std::string Located(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file;
  return fmt::format("{}:{}:{}", file, mark.line + 1, mark.column + 1);
}

// Depth of flow brackets and of indentation, both of which cost yaml-cpp stack.
bool TooDeep(const std::string& text) {
  int flow = 0;
  size_t dashes = 0;
  for (char c : text) {
    if (c == '[' || c == '{') {
      if (++flow > kMaxDepth) return true;
    } else if ((c == ']' || c == '}') && flow > 0) {
      --flow;
    } else if (c == '-' || c == '?' || c == ':') {
      if (++dashes > 200) return true;  // "- - - -" or "? ? ? ?" nests on a single line
    } else if (c == '\n') {
      dashes = 0;
    }
  }
  return false;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

absl::StatusOr<ConfigNode> ConfigNode::Load(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return Parse(text, path);
}

absl::StatusOr<ConfigNode> ConfigNode::Parse(const std::string& text, const std::string& file) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(file + ": larger than 16 MiB, not a configuration");
  }
  if (TooDeep(text)) {
    return absl::InvalidArgumentError(
        fmt::format("{}: nested deeper than {} levels", file, kMaxDepth));
  }
  try {
    auto impl = std::make_shared<Impl>();
    impl->node = YAML::Load(text);
    impl->file = std::make_shared<const std::string>(file);
    return ConfigNode(std::move(impl));
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(
        fmt::format("{}: this is not YAML: {}", Located(file, e.mark), e.msg));
  }
}

ConfigNode::Kind ConfigNode::kind() const {
  switch (impl_->node.Type()) {
    case YAML::NodeType::Scalar:
      return Kind::kScalar;
    case YAML::NodeType::Sequence:
      return Kind::kSequence;
    case YAML::NodeType::Map:
      return Kind::kMap;
    default:
      return Kind::kNull;
  }
}

std::string ConfigNode::Scalar() const {
  return impl_->node.Scalar();
}

std::vector<ConfigNode> ConfigNode::Items() const {
  std::vector<ConfigNode> items;
  for (const auto& item : impl_->node) {
    items.push_back(ConfigNode(std::make_shared<Impl>(Impl{item, impl_->file})));
  }
  return items;
}

std::vector<ConfigNode::Entry> ConfigNode::Entries() const {
  std::vector<Entry> entries;
  for (const auto& entry : impl_->node) {
    entries.push_back({entry.first.IsScalar() ? entry.first.Scalar() : "(a key that is not text)",
                       Located(*impl_->file, entry.first.Mark()),
                       ConfigNode(std::make_shared<Impl>(Impl{entry.second, impl_->file}))});
  }
  return entries;
}

int ConfigNode::line() const {
  return impl_->node.Mark().is_null() ? 0 : impl_->node.Mark().line + 1;
}
int ConfigNode::column() const {
  return impl_->node.Mark().is_null() ? 0 : impl_->node.Mark().column + 1;
}
std::string ConfigNode::Where() const {
  return Located(*impl_->file, impl_->node.Mark());
}

absl::Status ConfigNode::Set(std::string_view assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not an assignment; write path.to.key=value", assignment));
  }
  std::string_view path = assignment.substr(0, equals);
  const std::string value(assignment.substr(equals + 1));
  if (TooDeep(value)) return absl::InvalidArgumentError("the value is nested too deep");
  try {
    // The document is copied, so that nodes handed out before do not change.
    auto impl = std::make_shared<Impl>();
    impl->node = YAML::Clone(impl_->node);
    impl->file = impl_->file;
    YAML::Node at = impl->node;
    while (true) {
      const size_t dot = std::min(path.find('.'), path.size());
      const std::string key(path.substr(0, dot));
      if (key.empty() || !(at.IsMap() || at.IsNull())) {
        return absl::InvalidArgumentError(
            fmt::format("--set {}: there is no map to put '{}' into", assignment, key));
      }
      if (dot == path.size()) {
        at[key] = YAML::Load(value);
        break;
      }
      YAML::Node next = at[key];
      at.reset(next);
      path.remove_prefix(dot + 1);
    }
    impl_ = std::move(impl);
    return absl::OkStatus();
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(fmt::format("--set {}: {}", assignment, e.msg));
  }
}

void ConfigErrors::Add(std::string_view where, std::string_view what) {
  messages_.push_back(fmt::format("{}: {}", where, what));
}

absl::Status ConfigErrors::ToStatus() const {
  return absl::InvalidArgumentError(fmt::format("{}", fmt::join(messages_, "\n")));
}

namespace config_internal {

bool WantKind(const ConfigNode& node, ConfigNode::Kind kind, std::string_view key,
              ConfigErrors& errors) {
  if (node.kind() == kind) return true;
  const auto name = [](ConfigNode::Kind k) {
    switch (k) {
      case ConfigNode::Kind::kNull:
        return "nothing";
      case ConfigNode::Kind::kScalar:
        return "a single value";
      case ConfigNode::Kind::kSequence:
        return "a list";
      case ConfigNode::Kind::kMap:
        return "a map of keys";
    }
    return "";
  };
  errors.Add(node.Where(),
             fmt::format("{}: found {}, wanted {}", key, name(node.kind()), name(kind)));
  return false;
}

std::string Suggest(const std::string& word, const std::vector<std::string>& allowed) {
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : allowed) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  const std::string all = fmt::format("allowed: {}", fmt::join(allowed, ", "));
  return best == nullptr ? fmt::format("; {}", all)
                         : fmt::format(" (did you mean '{}'?); {}", *best, all);
}

void CheckKeys(const ConfigNode& node, const std::vector<std::string>& allowed,
               ConfigErrors& errors) {
  std::vector<std::string> seen;
  for (const auto& entry : node.Entries()) {
    if (std::find(allowed.begin(), allowed.end(), entry.key) == allowed.end()) {
      errors.Add(entry.where,
                 fmt::format("unknown key '{}'{}", entry.key, Suggest(entry.key, allowed)));
    } else if (std::find(seen.begin(), seen.end(), entry.key) != seen.end()) {
      errors.Add(entry.where, fmt::format("key '{}' stands here a second time", entry.key));
    }
    seen.push_back(entry.key);
  }
}

std::optional<ConfigNode> Find(const ConfigNode& node, std::string_view key) {
  for (auto& entry : node.Entries()) {
    if (entry.key == key) return entry.value;
  }
  return std::nullopt;
}

std::string LimitsText(const Limits& limits) {
  const Limits open;
  if (limits.max == open.max) return fmt::format("{} or more", limits.min);
  if (limits.min == open.min) return fmt::format("{} or less", limits.max);
  return fmt::format("{} to {}", limits.min, limits.max);
}

std::string QuoteScalar(const std::string& value) {
  // Anything but a plain word is quoted; JSON's escapes are YAML's.
  const bool plain = !value.empty() &&
                     std::all_of(value.begin(), value.end(),
                                 [](char c) {
                                   return std::isalnum(static_cast<unsigned char>(c)) || c == '_' ||
                                          c == '-' || c == '/' || c == '.';
                                 }) &&
                     value[0] != '-' && value[0] != '.' &&
                     !std::isdigit(static_cast<unsigned char>(value[0])) && value != "true" &&
                     value != "false" && value != "null" && value != "never";
  if (plain) return value;
  std::string quoted = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace config_internal
}  // namespace reeve
