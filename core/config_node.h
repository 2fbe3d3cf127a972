// A YAML document with the place of every value, and the errors found while reading one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace reeve {

// A node of a parsed YAML document. Immutable but for Set, cheap to copy; copies share the
// document, and may be used by several threads.
//
// A configuration is one document whose keys are single words or texts, at most 64 levels deep.
// Anchors and aliases may be used (an aliased value has the place of its anchor); merging by '<<'
// may not. All of this is refused with its place when parsing, and so is a second document.
class ConfigNode {
 public:
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Entry;

  // Parses a file, or a text that errors should name `file`. Errors come back located.
  // A file without content is a kNull node.
  static absl::StatusOr<ConfigNode> Load(const std::string& path);
  static absl::StatusOr<ConfigNode> Parse(const std::string& text, const std::string& file);

  Kind kind() const;
  const std::string& Scalar() const;      // kScalar; empty for the others
  std::vector<ConfigNode> Items() const;  // kSequence; empty for the others
  std::vector<Entry> Entries() const;     // kMap, in the order of the file; empty for the others
  std::optional<ConfigNode> Get(std::string_view key) const;  // kMap: the first value of the key
  int line() const;  // 1-based; 0 for an empty file, and for values that came from --set
  int column() const;
  std::string Where() const;  // "file:line:column", or where else the value came from

  // Replaces the value at a dotted path: "cluster.nodes=4". The value is YAML. The map entries on
  // the way are made when they do not exist; whether they are known is checked on reading. Other
  // uses of an anchor on the way keep their value.
  // InvalidArgument when the assignment cannot be read or the path runs through a scalar or a list;
  // the node is then as before.
  absl::Status Set(std::string_view assignment);

 private:
  struct Impl;
  class TreeBuilder;
  explicit ConfigNode(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  static absl::StatusOr<ConfigNode> ParseFrom(const std::string& text, const std::string& source,
                                              bool places);
  static std::shared_ptr<const Impl> Replaced(const std::shared_ptr<const Impl>& node,
                                              std::string_view path,
                                              const std::shared_ptr<const Impl>& value);
  std::shared_ptr<const Impl> impl_;
};

struct ConfigNode::Entry {
  std::string key;
  std::string where;  // of the key
  ConfigNode value;
};

// Collects the errors of one document, so that a user mends them in one go.
class ConfigErrors {
 public:
  static constexpr size_t kMaxMessages = 50;

  void Add(std::string_view where, std::string_view what);
  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  bool full() const { return count_ >= kMaxMessages; }  // further errors are only counted
  absl::Status ToStatus() const;                        // one message a line

 private:
  std::vector<std::string> messages_;
  size_t count_ = 0;
};

}  // namespace reeve
