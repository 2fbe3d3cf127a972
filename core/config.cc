#include "core/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace reeve {

namespace {

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

void ConfigErrors::Add(std::string_view where, std::string_view what) {
  ++count_;
  if (messages_.size() < kMaxMessages) messages_.push_back(fmt::format("{}: {}", where, what));
}

absl::Status ConfigErrors::ToStatus() const {
  std::string text = fmt::format("{}", fmt::join(messages_, "\n"));
  if (count_ > messages_.size()) {
    text += fmt::format("\n… and {} more", count_ - messages_.size());
  }
  return absl::InvalidArgumentError(text);
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
  for (const auto& entry : node.Entries()) {
    if (std::find(allowed.begin(), allowed.end(), entry.key) == allowed.end()) {
      // Past the messages that are kept, a suggestion is not worth its time.
      errors.Add(entry.where, errors.full() ? std::string()
                                            : fmt::format("unknown key '{}'{}", entry.key,
                                                          Suggest(entry.key, allowed)));
    }
  }
}

void CheckRepeats(const ConfigNode& node, ConfigErrors& errors) {
  std::set<std::string> seen;
  for (const auto& entry : node.Entries()) {
    if (!seen.insert(entry.key).second) {
      errors.Add(entry.where, fmt::format("key '{}' stands here a second time", entry.key));
    }
  }
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
                     value != "false" && value != "null" && value != "Null" && value != "NULL";
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
